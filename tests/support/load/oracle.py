"""The judge of end-to-end runs: it compares the answers to clients, the service's rows and the calls that the provider executed.

Pure. Only the ledger proves what was executed; a row of the service proves nothing by itself.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

CLOSED: Final = frozenset({"SENT", "DELIVERED", "RECALLED", "FAILED", "EXPIRED", "CANCELLED", "UNKNOWN"})
"""Statuses in which nothing is under way."""
PROVEN: Final = frozenset({"SENT", "DELIVERED", "RECALLED"})
GIVEN_UP: Final = frozenset({"FAILED", "EXPIRED"})
WITHDRAWN: Final = frozenset({"CANCELLED", "RECALLED"})


@dataclass(frozen=True, slots=True)
class Call:
    """A client's request for one message and its answer, logged in the order of the answers.

    A client requests the messages of a lane one after the other: the next only after the answer to the one before.
    """

    key: str
    verdict: Literal["ok", "fail", "info"]
    """ok: it is stored; fail: it is not; info: no answer came, and the client repeats the request with the same key."""
    token: str
    """A text that only the content of this message contains."""
    lane: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What the service says about a message."""

    message_id: str
    key: str | None
    status: str
    identified_by_text: bool = False
    """Whether the text alone shows which message an echo belongs to."""
    confirmed: bool | None = None
    possible_duplicate: bool = False
    attempts: int = 1
    uncertain: int = 0
    """Attempts that were UNCERTAIN at first."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A call that was executed, by the ledger."""

    number: int
    marker: str
    """`<message id>.<attempt>`."""
    token: str | None
    """The token in its content."""
    echo_offered: bool = True
    """The echo was posted to the service, which accepted it."""

    @property
    def message_id(self) -> str:
        return self.marker.partition(".")[0]

    @property
    def attempt(self) -> int:
        return int(self.marker.rpartition(".")[2])


class Rule(StrEnum):
    LOST = "a client was answered that it is stored, and it does not exist"
    STRANDED = "a message is still open"
    TWO_IDS = "one key has several messages"
    REFUSED_BUT_STORED = "a client was answered that it is not stored, and it is"
    NOT_REQUESTED = "a message that no client requested"
    DOUBLED = "executed more than once"
    FALSE_SENT = "said to be sent, and never executed"
    FALSE_FAILED = "said to be proven unsent, and executed"
    TOO_UNCERTAIN = "more uncertain sends than calls can have been cut off"
    EVIDENCE_IGNORED = "its echo was accepted, and it is not DELIVERED"
    GIVEN_UP = "accepted, and neither sent nor on its way, though no client asked for that"
    NEEDLESS_DUPLICATE = "perhaps sent twice, though no client asked for that"
    GHOST = "executed without a message for it"
    UNANNOUNCED = "executed without an attempt that was recorded before"
    OUT_OF_ORDER = "executed before an earlier message of its lane"


@dataclass(frozen=True, slots=True)
class Violation:
    rule: Rule
    about: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.about}"


def judge(
    calls: Sequence[Call], rows: Sequence[Row], executions: Sequence[Execution], *, cut_off: int,
    withdrawn: Collection[str] = (), resent: Collection[str] = (),
) -> list[Violation]:  # fmt: skip
    """Every violation. `cut_off` is the largest number of provider calls whose outcome may have been lost.

    Clients asked to cancel or recall the messages `withdrawn`, and to send those `resent` again though uncertain.
    """
    return [
        *_of_acceptance(calls, rows),
        *_of_truth(rows, executions),
        *_of_intent(rows, withdrawn, resent),
        *_of_uncertainty(rows, executions, cut_off),
        *_of_origin(calls, rows, executions),
        *_of_order(calls, executions),
    ]


def _of_acceptance(calls: Sequence[Call], rows: Sequence[Row]) -> Iterator[Violation]:
    stored = {row.message_id for row in rows}
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.key is not None:
            ids[row.key].add(row.message_id)
        if row.status not in CLOSED:
            yield Violation(Rule.STRANDED, f"{row.message_id} {row.status}")
    for call in calls:
        if call.message_id is not None:
            ids[call.key].add(call.message_id)
            if call.message_id not in stored:
                yield Violation(Rule.LOST, call.message_id)
    for key, message_ids in ids.items():
        if len(message_ids) > 1:
            yield Violation(Rule.TWO_IDS, f"{key}: {sorted(message_ids)}")
    for key in sorted({call.key for call in calls if call.verdict == "fail"} & {row.key for row in rows if row.key}):
        yield Violation(Rule.REFUSED_BUT_STORED, key)


def _of_truth(rows: Sequence[Row], executions: Sequence[Execution]) -> Iterator[Violation]:
    times = Counter(execution.message_id for execution in executions)
    tokens = Counter(execution.token for execution in executions if execution.token is not None)
    possible = {row.message_id for row in rows if row.possible_duplicate}
    possible_tokens = {execution.token for execution in executions if execution.message_id in possible}
    for key, count in [*times.items(), *tokens.items()]:
        if count > 1 and key not in possible and key not in possible_tokens:
            yield Violation(Rule.DOUBLED, f"{key} {count} times")
    for row in rows:
        executed = times[row.message_id] > 0
        if row.status in PROVEN and not executed:
            yield Violation(Rule.FALSE_SENT, f"{row.message_id} {row.status}")
        never = row.status in {"EXPIRED", "CANCELLED"} or (row.status == "FAILED" and row.confirmed)
        if never and executed:
            yield Violation(Rule.FALSE_FAILED, f"{row.message_id} {row.status}")


def _of_intent(rows: Sequence[Row], withdrawn: Collection[str], resent: Collection[str]) -> Iterator[Violation]:
    for row in rows:
        if row.status in GIVEN_UP or (row.status in WITHDRAWN and row.message_id not in withdrawn):
            yield Violation(Rule.GIVEN_UP, f"{row.message_id} {row.status}")
        if row.possible_duplicate and row.message_id not in resent:
            yield Violation(Rule.NEEDLESS_DUPLICATE, row.message_id)


def _of_uncertainty(rows: Sequence[Row], executions: Sequence[Execution], cut_off: int) -> Iterator[Violation]:
    uncertain = sum(max(row.uncertain, int(row.status == "UNKNOWN")) for row in rows)
    if uncertain > cut_off:
        yield Violation(Rule.TOO_UNCERTAIN, f"{uncertain} of {len(rows)}, at most {cut_off}")
    offered = {execution.message_id for execution in executions if execution.echo_offered}
    for row in rows:
        ignored = row.status == "SENT" or (row.identified_by_text and row.status in {"UNKNOWN", "FAILED"})
        if ignored and row.message_id in offered:
            yield Violation(Rule.EVIDENCE_IGNORED, f"{row.message_id} {row.status}")


def _of_origin(calls: Sequence[Call], rows: Sequence[Row], executions: Sequence[Execution]) -> Iterator[Violation]:
    tokens = {call.key: call.token for call in calls}
    known = {row.message_id: row for row in rows}
    for row in rows:
        if row.key not in tokens:
            yield Violation(Rule.NOT_REQUESTED, row.message_id)
    for execution in executions:
        stored = known.get(execution.message_id)
        if stored is None or execution.token != tokens.get(stored.key or ""):
            yield Violation(Rule.GHOST, f"entry {execution.number}, {execution.marker}")
        elif execution.attempt > stored.attempts:
            yield Violation(Rule.UNANNOUNCED, f"entry {execution.number}, {execution.marker}")


def _of_order(calls: Sequence[Call], executions: Sequence[Execution]) -> Iterator[Violation]:
    requested: defaultdict[str, list[str]] = defaultdict(list)
    for call in calls:
        if call.token not in requested[call.lane]:
            requested[call.lane].append(call.token)
    first: dict[str, int] = {}
    for execution in sorted(executions, key=lambda execution: execution.number):
        if execution.token is not None:
            first.setdefault(execution.token, execution.number)
    for lane, tokens in requested.items():
        latest = 0
        for token in tokens:
            if first.get(token, latest) < latest:
                yield Violation(Rule.OUT_OF_ORDER, f"{token} in {lane}")
            latest = max(latest, first.get(token, 0))
