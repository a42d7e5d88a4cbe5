"""Instances (guids), the accounts logged in on them, and the messages that can still be recalled."""

import hashlib
import random
import time

import msgspec

from wework_message.simulator.options import SimulatorOptions

STOPPED, RUNNING, ONLINE = 0, 1, 2
"""Values of `data.status` of `/client/get_client_status` (documented)."""

_EPOCH_2025_MS = 1_735_689_600_000
_SEQ_AHEAD = 7_000_000_000
"""Keeps seq apart from id, so that code that mixes them up fails."""


def own_user_id(guid: str) -> str:
    """The user id of the account on this instance: 16 digits beginning 168885, the same for the same guid at any time."""
    return f"168885{int.from_bytes(hashlib.sha256(guid.encode()).digest()[:8]) % 10**10:010d}"


class Conversation(msgspec.Struct, frozen=True):
    """A conversation_id taken apart: `S:<user>`, `S:<user>;<asid>` or `R:<room>`."""

    receiver: str
    roomid: str
    asid: str

    @classmethod
    def parse(cls, text: str) -> "Conversation | None":
        """None when the prefix, or what follows it, is missing (the vendor answers -2003, captured)."""
        prefix, name = text[:2], text[2:]
        if prefix == "R:" and name:
            return cls(receiver="0", roomid=name, asid="0")
        user, _, asid = name.partition(";")
        if prefix == "S:" and user:
            return cls(receiver=user, roomid="0", asid=asid or "0")
        return None


class Account(msgspec.Struct):
    """One instance and the account logged in on it. `last_id` and `last_seq` are the highest numbers given out."""

    guid: str
    user_id: str
    name: str
    last_id: int
    last_seq: int
    status: int = ONLINE
    notify_url: str | None = None
    echo_private: bool = True
    echo_rooms: bool = True

    def next_id(self, random_source: random.Random) -> int:
        """A new message id; ids skip numbers now and then (captured: 1000127, then 1000129)."""
        self.last_id += random_source.choice((1, 1, 2))
        return self.last_id

    def next_seq(self) -> int:
        """A new position in the account's message stream; consecutive, as captured."""
        self.last_seq += 1
        return self.last_seq


class Accounts:
    """All instances by guid, and the messages that can still be recalled.

    An account that no ledger knows starts its numbers from the clock (milliseconds since 2025), so that a simulator
    without a kept ledger does not give out the ids of an earlier run again.
    """

    def __init__(self, options: SimulatorOptions) -> None:
        self._options = options
        self._by_guid: dict[str, Account] = {}
        self._messages: dict[tuple[str, str], str | None] = {}
        self._mass_sent: set[tuple[str, str, int]] = set()
        for guid in options.guids:
            self.create(guid)

    def create(self, guid: str) -> Account:
        """The account of this guid, made online if it did not exist."""
        account = self._by_guid.get(guid)
        if account is None:
            start = int(time.time() * 1000) - _EPOCH_2025_MS
            account = Account(guid, own_user_id(guid), self._options.sender_name, start, start + _SEQ_AHEAD)
            self._by_guid[guid] = account
        return account

    def find(self, guid: str) -> Account | None:
        """The account of this guid; None where it does not exist and guids are strict."""
        return self._by_guid.get(guid) if self._options.strict_guids else self.create(guid)

    def remove(self, guid: str) -> None:
        """Forget the instance."""
        self._by_guid.pop(guid, None)

    def all(self) -> list[Account]:
        """Every account, oldest first."""
        return list(self._by_guid.values())

    def restore(self, guid: str, message_id: str, seq: str) -> None:
        """Continue after the numbers an earlier run gave out, whatever the clock says."""
        account = self._by_guid.get(guid)
        if account is None:
            account = self._by_guid[guid] = Account(guid, own_user_id(guid), self._options.sender_name, 0, 0)
        account.last_id = max(account.last_id, int(message_id))
        account.last_seq = max(account.last_seq, int(seq))

    def remember(self, guid: str, message_id: str, conversation_id: str) -> None:
        """Keep a sent message recallable; the oldest is forgotten beyond `remember_messages`."""
        self._messages[guid, message_id] = conversation_id
        if len(self._messages) > self._options.remember_messages:
            del self._messages[next(iter(self._messages))]

    def recall(self, guid: str, message_id: str, conversation_id: str) -> bool:
        """Take a message back, once; False when it is unknown, of another conversation, or taken back already."""
        if self._messages.get((guid, message_id)) != conversation_id:
            return False
        self._messages[guid, message_id] = None
        return True

    def mass_send(self, guid: str, targets: list[str], at_ms: int) -> bool:
        """Count a mass send; False, and nothing counted, when one of the targets had one from this account that UTC day."""
        marks = {(guid, target, at_ms // 86_400_000) for target in targets}
        if marks & self._mass_sent:
            return False
        self._mass_sent |= marks
        return True
