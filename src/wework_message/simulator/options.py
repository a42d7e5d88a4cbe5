"""Every setting of the simulator in one frozen value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from wework_message.simulator.faults.rules import Rule, Rules

EchoForm = Literal["11010", "11013"]
UploadForm = Literal["file_id", "fileid"]
MassForm = Literal["refuse", "partial"]
SyncForm = Literal["callback", "answer", "foreign", "empty"]
SlotRule = Literal["kick", "refuse", "off"]
InstanceStatus = Literal[0, 1, 2]

MAX_ECHO_DELAY_MS = 30_000

STOPPED: Final = 0
RUNNING: Final = 1
ONLINE: Final = 2
"""Values of `data.status` of `/client/get_client_status` (documented)."""

DEFAULT_SLOT: Final = "desktop"
"""The device slot of an instance that names none (assumed)."""


@dataclass(frozen=True, slots=True)
class InstanceOptions:
    """One instance that exists from the start, or that `POST /_sim/guids` makes."""

    guid: str
    account: str | None = None
    """Name or user id of its account; instances of the same account are one WeCom identity. None: one of its own."""
    slot: str | None = None
    """Its device slot, any word; None: `desktop`."""
    status: InstanceStatus = 2
    """0 stopped, 1 running without login, 2 online."""
    has_session: bool = True
    """Whether a stored login lets it go online without a QR code."""


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """The settings of one simulator from its start on; `/_sim` changes some of them while it runs.

    Codes marked *invented* replace answers of the vendor that were never recorded; no outcome table should contain them.

    Raises:
        ValueError: a value lies outside the range of its docstring.
    """

    strict_guids: bool = False
    """True: only guids of `guids`, of `/client/create_client` or of `POST /_sim/guids` exist. False: first use creates one."""
    guids: tuple[str, ...] = ()
    """Guids that exist, online, each with an account of its own, from the start."""
    instances: tuple[InstanceOptions, ...] = ()
    """Instances that exist from the start and need more than a guid. At most one of a slot of an account may be online."""
    login_delay_ms: int = 200
    """Milliseconds from a call that logs an instance in to its login, at least 0 (0: before the answer)."""
    slot_rule: SlotRule = "kick"
    """A login in an occupied slot: `kick` logs the holder out, `refuse` fails without `force_online`, `off` changes nothing."""
    peers: tuple[str, ...] = ()
    """URLs of other simulators, which play other providers of the same accounts: a login here logs out the holders of its
    slot there. `slot_rule: refuse` does not look at them."""
    status_wakes: bool = True
    """Whether `/client/get_client_status` wakes a stopped instance, as any other call does."""
    calls_per_minute: int = 0
    """Calls to `/msg/` an instance takes in any 60 s, 0: any number (the vendor documents no limit)."""
    throttle_code: int = 0
    """error_code above that number; 0: HTTP 429 with Retry-After."""
    lenient: bool = False
    """True: only the vendor's own schema is enforced. False: a send whose needed fields are missing or empty gets 422."""
    inline_required: bool = True
    """Whether `required` counts in the schemas that look typed by hand (P-14); guid always counts."""
    echo_delay_ms: int = 50
    """Milliseconds between the execution of a call and its callback, 0 to 30000 (30 s is the vendor's own sync interval)."""
    echo_form: EchoForm = "11010"
    """Notify type of message callbacks: `11010` one object each, `11013` an array of what is due together."""
    echo_batch_window_ms: int = 20
    """Milliseconds over which `11013` collects echoes, 0 to 30000; the vendor's interval is unknown."""
    sync_form: SyncForm = "callback"
    """What `/sync/sync_msg` answers (*invented*): records as in callbacks, or as `msg_data` of answers; `foreign`: under names
    that nobody knows; `empty`: no data."""
    sync_remember: int = 10_000
    """Records of each account's stream that it still gives, newest first, at least 1."""
    callback_url: str | None = None
    """The callback URL of instances without a URL of their own; as if set by `/global/set_notify_url`."""
    callback_workers: int = 8
    """Callback posts under way at once, 1 to 64; their order is not kept (the vendor promises none)."""
    callback_timeout_ms: int = 10_000
    """Milliseconds one callback post may take, at least 1; after it the post counts as failed."""
    callback_retries: int = 0
    """Further tries of a failed callback post, 0 to 100; the vendor's behaviour is unknown, so none by default."""
    callback_retry_delay_ms: int = 500
    """Milliseconds between two tries of one callback post, at least 0."""
    latency_ms: int = 0
    """Milliseconds every vendor answer is held back after the call was executed and recorded, at least 0."""
    ledger: Path | None = None
    """Append-only file of calls; one that exists is continued. None: a temporary file, removed at stop."""
    fsync: bool = True
    """Whether a call is on disk before its answer leaves. False only where speed is measured and nothing is proven."""
    keep_marker: bool = True
    """Whether the ledger records the header X-Request-Id; False proves that nothing relies on it."""
    remember_messages: int = 100_000
    """Messages that can still be recalled, newest first, at least 1; bounds the memory of long runs."""
    rules: tuple[Rule, ...] = ()
    """Faults that are in force from the start."""
    seed: int = 0
    """Seed of every random choice (probabilities of faults, echo drops, id gaps)."""
    sender_name: str = "Example Agent"
    """Display name of every account until `/_sim/guids/{guid}` sets another."""
    unknown_guid_code: int = -30001
    """error_code for a guid that does not exist (*invented*)."""
    offline_code: int = -30002
    """error_code of a `/msg/` call whose account is not online (*invented*)."""
    recall_code: int = -30003
    """error_code of a recall of an unknown, foreign or already recalled message (*invented*)."""
    mass_send_code: int = -30004
    """error_code of a mass send over 200 targets, with both or no lists, or a second one to a customer that day (*invented*)."""
    login_code: int = -30005
    """error_code of a login without a stored login, and of `update_client` on an instance that is not stopped (*invented*)."""
    verify_code: int = -30006
    """error_code of a code for a login that is wrong, too late, or was not asked for (*invented*)."""
    mass_send_daily: bool = True
    """Whether a customer gets at most one mass send per account and day."""
    day_zone: str = "Asia/Shanghai"
    """The zone of that day, as the IANA names it (the vendor does not say whose midnight counts)."""
    mass_form: MassForm = "refuse"
    """What happens to a mass send some of whose recipients cannot get one (*invented*): the call is refused, or they are left out
    and named in its answer."""
    mass_task_id: bool = True
    """Whether the answer to a mass send has a task id (*invented*)."""
    mass_status: bool = True
    """Whether `/msg/sync_group_msg_send_status` answers with the recipients of a task (*invented*)."""
    mass_echoes: bool = True
    """Whether each message of a mass send comes back as a callback, like those of sends (assumed)."""
    mass_blocked: tuple[str, ...] = ()
    """Ids of people and rooms that never get a mass send."""
    upload_form: UploadForm = "file_id"
    """Spelling of the answers to uploads (*invented*): `file_id`, `aes_key`, ..., or `fileid`, `aeskey`, ..."""
    cdn_rule: bool = False
    """Whether uploads to the small CDN are refused with -5103011 until the instance calls `/cloud/update_cdn_rule`."""
    fetch_timeout_ms: int = 30_000
    """Milliseconds that an upload may take to fetch its URL, at least 1."""
    handle_sends: int = 0
    """After so many sends a handle has expired; 0: never."""
    strict_media: bool = False
    """True: a send is refused where it names a file, or a key, that no upload of this simulator has answered."""
    fetch_code: int = -30007
    """error_code of an upload whose URL cannot be fetched (*invented*)."""
    media_code: int = -30008
    """error_code of a send that `strict_media` refuses (*invented*)."""
    expired_code: int = -30009
    """error_code of a send that names an expired handle (*invented*)."""

    def __post_init__(self) -> None:
        """Refuse numbers outside their range."""
        ranges = {
            "echo_delay_ms": (0, MAX_ECHO_DELAY_MS),
            "echo_batch_window_ms": (0, MAX_ECHO_DELAY_MS),
            "callback_workers": (1, 64),
            "callback_timeout_ms": (1, None),
            "callback_retries": (0, 100),
            "callback_retry_delay_ms": (0, None),
            "latency_ms": (0, None),
            "login_delay_ms": (0, None),
            "calls_per_minute": (0, None),
            "remember_messages": (1, None),
            "fetch_timeout_ms": (1, None),
            "handle_sends": (0, None),
            "sync_remember": (1, None),
        }
        for name, (low, high) in ranges.items():
            value: int = getattr(self, name)
            if value < low or (high is not None and value > high):
                raise ValueError(f"{name} must be {low} to {'any' if high is None else high}, not {value}")
        if self.echo_form not in {"11010", "11013"}:
            raise ValueError(f"echo_form must be 11010 or 11013, not {self.echo_form}")
        if self.sync_form not in {"callback", "answer", "foreign", "empty"}:
            raise ValueError(f"sync_form must be callback, answer, foreign or empty, not {self.sync_form}")
        if self.slot_rule not in {"kick", "refuse", "off"}:
            raise ValueError(f"slot_rule must be kick, refuse or off, not {self.slot_rule}")
        if self.mass_form not in {"refuse", "partial"}:
            raise ValueError(f"mass_form must be refuse or partial, not {self.mass_form}")
        if self.upload_form not in {"file_id", "fileid"}:
            raise ValueError(f"upload_form must be file_id or fileid, not {self.upload_form}")
        try:
            ZoneInfo(self.day_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"day_zone must be a zone such as Asia/Shanghai, not {self.day_zone}") from None
        Rules(self.seed, self.rules)  # refuses two of one name
        self._check_instances()

    def _check_instances(self) -> None:
        instances = [*(InstanceOptions(guid) for guid in self.guids), *self.instances]
        if len({instance.guid for instance in instances}) < len(instances):
            raise ValueError("a guid must be given once")
        online = [
            (instance.account or instance.guid, instance.slot or DEFAULT_SLOT)
            for instance in instances
            if instance.status == ONLINE
        ]
        if len(set(online)) < len(online) and self.slot_rule != "off":
            raise ValueError("at most one instance of an account may be online in a slot")
