"""Instances (guids): virtual devices of the vendor, each with one account, in one slot, stopped, running or online."""

from typing import Literal

import msgspec

from wework_message.simulator.accounts import Account, Accounts
from wework_message.simulator.ledger import Entry
from wework_message.simulator.options import DEFAULT_SLOT, ONLINE, InstanceOptions, SimulatorOptions

QR_NEVER, QR_IN_PROGRESS, QR_SUCCESS, QR_FAILED, QR_VERIFY = 0, 1, 2, 3, 10
"""Values of QrcodeStatus (documented; the others never occur here)."""

SAMPLE_CLIENT_TYPE = 247
"""`client_type` of the vendor's sample of `get_client_version`."""

_SLOTS = {261: "ipad", 262: "mac"}
"""Device slot by client type: the two that the changelog names. The other types share `DEFAULT_SLOT` (assumed)."""

LoginResult = Literal["ok", "failed", "verification", "hang"]


def slot_of(client_type: int) -> str:
    """The device slot of this client type (assumed)."""
    return _SLOTS.get(client_type, DEFAULT_SLOT)


class Instance(msgspec.Struct):
    """One instance and the account that is, was or will be logged in on it."""

    guid: str
    account: Account
    slot: str = DEFAULT_SLOT
    """Two instances of one account in one slot are never online together (assumed)."""
    client_type: int = SAMPLE_CLIENT_TYPE
    status: int = ONLINE
    has_session: bool = True
    """Whether a stored login lets `auto_login` and `restore_client` go online without a QR code."""
    wakes: bool = False
    """Whether any call starts its login again: true after `/client/stop_client`, never after `/_sim`."""
    qr_status: int = QR_NEVER
    asked_code: str | None = None
    """The code that its login asks for, while it does."""
    login: LoginResult = "ok"
    """How its next logins end: online, 11008, 11012, or never."""
    login_delay_ms: int | None = None
    """Milliseconds from the call to the login; None: as the simulator's option."""
    calls_per_minute: int | None = None
    """Calls to `/msg/` it takes in any minute, 0: any number; None: as the simulator's option."""
    notify_url: str | None = None
    echo_private: bool = True
    echo_rooms: bool = True

    def view(self) -> dict[str, object]:
        """All of it as one flat object, for `/_sim`."""
        fields: dict[str, object] = msgspec.structs.asdict(self)
        del fields["account"]
        return {"guid": self.guid, **msgspec.structs.asdict(self.account), **fields}


class Instances:
    """All instances by guid. Without strict guids the first use of a guid creates an instance, online, of its own account."""

    def __init__(self, options: SimulatorOptions, accounts: Accounts) -> None:
        self._strict = options.strict_guids
        self._accounts = accounts
        self._by_guid: dict[str, Instance] = {}
        self.notify_url = options.callback_url
        """The global callback URL."""
        for guid in options.guids:
            self.create(guid)
        for setup in options.instances:
            self.add(setup)

    def create(self, guid: str) -> Instance:
        """The instance of this guid, made online with an account of its own if it did not exist."""
        instance = self._by_guid.get(guid)
        if instance is None:
            instance = self._by_guid[guid] = Instance(guid, self._accounts.named(guid))
        return instance

    def add(self, setup: InstanceOptions) -> Instance:
        """A new instance, in place of one with this guid. The slot rule is not applied to it."""
        instance = Instance(
            setup.guid,
            self._accounts.named(setup.account or setup.guid),
            slot=setup.slot or DEFAULT_SLOT,
            status=setup.status,
            has_session=setup.has_session,
        )
        self._by_guid[setup.guid] = instance
        return instance

    def restore(self, entry: Entry) -> None:
        """The instance of an entry of an earlier run that made a message, online, unless it exists."""
        if entry.executed and entry.id is not None and entry.guid is not None and entry.guid not in self._by_guid:
            self._by_guid[entry.guid] = Instance(entry.guid, self._accounts.named(entry.account or entry.guid))

    def find(self, guid: str) -> Instance | None:
        """The instance of this guid; None where it does not exist and guids are strict."""
        return self._by_guid.get(guid) if self._strict else self.create(guid)

    def peek(self, guid: str) -> Instance | None:
        """The instance of this guid; None where it does not exist. Creates none."""
        return self._by_guid.get(guid)

    def hand_over(self, instance: Instance, account: str) -> None:
        """From now on it is an instance of the account of this name or user id: that of the person who scans its code."""
        instance.account = self._accounts.named(account)

    def remove(self, guid: str) -> None:
        """Forget the instance; its account stays."""
        self._by_guid.pop(guid, None)

    def online_siblings(self, instance: Instance) -> list[Instance]:
        """The other online instances of the same account, oldest first."""
        return [
            other
            for other in self._by_guid.values()
            if other is not instance and other.status == ONLINE and other.account is instance.account
        ]

    def online_in_slot(self, instance: Instance) -> Instance | None:
        """The other online instance of the same account in the same slot."""
        return next((other for other in self.online_siblings(instance) if other.slot == instance.slot), None)

    def url_of(self, instance: Instance) -> str | None:
        """The callback URL of an instance: its own, else the global one (assumed); None: there is none."""
        return instance.notify_url or self.notify_url or None

    def all(self) -> list[Instance]:
        """Every instance, oldest first."""
        return list(self._by_guid.values())
