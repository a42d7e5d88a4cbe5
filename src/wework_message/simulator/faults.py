"""Faults that `/_sim/faults` scripts: what goes wrong, how often, and for which calls."""

import random
from typing import Literal

import msgspec

Kind = Literal[
    "refuse", "http_500_before", "http_500_after", "answer_lost", "closed_before", "slow", "svr_fail", "no_id", "reused_id",
    "garbage", "json_string", "send_fail_later", "throttle", "oversize", "drip",
]  # fmt: skip

_NOT_EXECUTED = frozenset({"refuse", "http_500_before", "closed_before", "throttle", "svr_fail", "garbage"})


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scripted fault. It applies to the calls that match `path`, `guid` and `conversationId`, at most `times` of them.

    Kinds, and whether the call is executed all the same:

    - refuse (no): envelope with `error_code` and `error_message`.
    - http_500_before (no), http_500_after (yes): plain-text 500.
    - closed_before (no), answer_lost (yes): the connection is closed without an answer.
    - slow (yes): `delay_ms` pass before the execution or, `when: after`, between execution and answer.
    - svr_fail (no, see `executed`): `error_code` 0 but `is_svr_fail` true.
    - no_id (yes): `msg_data` without `id`. reused_id (yes): the id of the account's previous message once more.
    - garbage (no, see `executed`): 200 with an HTML page.
    - json_string (yes): the envelope as a JSON string, as the contract's schemas literally declare.
    - send_fail_later (yes): a good answer, then a callback with flag bit 22 (SendFail).
    - throttle (no): 429 with Retry-After `retry_after_s`. The vendor documents no limit.
    - oversize (yes): a valid answer blown up to `bytes` bytes. drip (yes): one byte each `delay_ms`.
    """

    kind: Kind
    times: int | None = None
    """Calls it applies to before it is spent, at least 1; None: until cleared."""
    probability: float | None = None
    """Probability for a call that matches, 0 to 1; None: always."""
    path: str | None = None
    """Endpoint path, or its beginning followed by `*`; None: every `/msg/send_` endpoint."""
    guid: str | None = None
    conversation_id: str | None = msgspec.field(default=None, name="conversationId")
    error_code: int = -2003
    error_message: str = ""
    delay_ms: int = 1_000
    when: Literal["before", "after"] = "before"
    executed: bool | None = None
    """Overrides whether a call with svr_fail or garbage is executed."""
    bytes: int = 8_388_608
    retry_after_s: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1")
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError("probability must be 0 to 1")
        if self.delay_ms < 0 or self.bytes < 0 or self.retry_after_s < 0:
            raise ValueError("delay_ms, bytes and retry_after_s must be at least 0")
        if self.executed is not None and self.kind not in {"svr_fail", "garbage"}:
            raise ValueError("executed applies to svr_fail and garbage only")

    @property
    def executes(self) -> bool:
        """Whether a call with this fault is executed."""
        return self.kind not in _NOT_EXECUTED if self.executed is None else self.executed

    def matches(self, path: str, guid: object, conversation_id: object) -> bool:
        """Whether it may apply to a call."""
        if self.path is None:
            fits = path.startswith("/msg/send_")
        elif self.path.endswith("*"):
            fits = path.startswith(self.path[:-1])
        else:
            fits = path == self.path
        return (
            fits
            and (self.guid is None or self.guid == guid)
            and (self.conversation_id is None or self.conversation_id == conversation_id)
        )


class _Scripted(msgspec.Struct):
    fault: Fault
    remaining: int | None
    fired: int = 0


class Faults:
    """The faults in force, in the order they were scripted; the first that applies to a call wins."""

    def __init__(self, random_source: random.Random) -> None:
        self._random_source = random_source
        self._scripted: list[_Scripted] = []
        self.fired = 0

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        self._scripted.append(_Scripted(fault, fault.times))

    def clear(self) -> None:
        """Remove every fault."""
        self._scripted.clear()

    def listing(self) -> list[dict[str, object]]:
        """The faults in force with the calls each has hit and those it still may hit (`left`, None: no limit)."""
        return [
            {**msgspec.to_builtins(scripted.fault), "left": scripted.remaining, "fired": scripted.fired}
            for scripted in self._scripted
        ]

    def pick(self, path: str, guid: object, conversation_id: object) -> Fault | None:
        """The fault of this call; it is counted, and dropped when spent."""
        for scripted in self._scripted:
            if not scripted.fault.matches(path, guid, conversation_id):
                continue
            if scripted.fault.probability is not None and self._random_source.random() >= scripted.fault.probability:
                continue
            scripted.fired += 1
            self.fired += 1
            if scripted.remaining is not None:
                scripted.remaining -= 1
                if scripted.remaining == 0:
                    self._scripted.remove(scripted)
            return scripted.fault
        return None
