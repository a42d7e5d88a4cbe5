"""The judge of end-to-end runs: what clients were told, what the service says, and what the provider really executed.

Pure. The ledger is the only witness of what was executed; the service's own word counts for nothing by itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

CLOSED: Final = frozenset({"SENT", "DELIVERED", "RECALLED", "FAILED", "EXPIRED", "CANCELLED", "UNKNOWN"})
"""Statuses in which nothing is under way."""
PROVEN: Final = frozenset({"SENT", "DELIVERED", "RECALLED"})


@dataclass(frozen=True, slots=True)
class Call:
    """What a client wanted of one message, and what it was told. In the log by the time of the answer.

    A client asks for the messages of a lane one after the other, each only once it knows of the one before.
    """

    key: str
    verdict: Literal["ok", "fail", "info"]
    """ok: it is stored; fail: it is not; info: nobody said, and the client asks again with the same key."""
    token: str
    """Stands in the content of this message alone."""
    lane: str
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What the service says about a message."""

    message_id: str
    key: str | None
    status: str
    told_by_text: bool = False
    """Whether its content alone shows whose echo an echo is."""
    confirmed: bool | None = None
    possible_duplicate: bool = False
    attempts: int = 1
    uncertain: int = 0
    """Attempts of which nobody knew at first whether they were executed."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What the ledger says was executed."""

    number: int
    marker: str
    """`<message id>.<attempt>`."""
    token: str | None
    """The token in its content."""
    echo_offered: bool = True
    """The echo was posted to the service, which took it."""

    @property
    def message_id(self) -> str:
        return self.marker.partition(".")[0]

    @property
    def attempt(self) -> int:
        return int(self.marker.rpartition(".")[2])


class Rule(StrEnum):
    LOST = "a message that a client was told is stored does not exist"
    STRANDED = "a message is still open"
    TWO_IDS = "one key has several messages"
    REFUSED_BUT_STORED = "a client was told that it is not stored, and it is"
    NOT_ASKED_FOR = "a message that no client asked for"
    DOUBLED = "executed more than once"
    FALSE_SENT = "said to be sent, and never executed"
    FALSE_FAILED = "said to be proven unsent, and executed"
    TOO_UNCERTAIN = "more uncertain sends than calls can have been cut off"
    EVIDENCE_IGNORED = "its echo was taken, and it is not DELIVERED"
    GHOST = "executed without a message that asks for it"
    UNANNOUNCED = "executed without an attempt that was recorded before"
    OUT_OF_ORDER = "executed before an earlier message of its lane"


@dataclass(frozen=True, slots=True)
class Violation:
    rule: Rule
    about: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.about}"


def judge(
    calls: Sequence[Call], rows: Sequence[Row], executions: Sequence[Execution], *, cut_off: int
) -> list[Violation]:
    """Everything that is wrong; `cut_off` is the most calls to the provider whose outcome may have been lost."""
    return [
        *_of_acceptance(calls, rows),
        *_of_truth(rows, executions),
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
    for key, its in ids.items():
        if len(its) > 1:
            yield Violation(Rule.TWO_IDS, f"{key}: {sorted(its)}")
    for key in sorted({call.key for call in calls if call.verdict == "fail"} & {row.key for row in rows if row.key}):
        yield Violation(Rule.REFUSED_BUT_STORED, key)


def _of_truth(rows: Sequence[Row], executions: Sequence[Execution]) -> Iterator[Violation]:
    times = Counter(one.message_id for one in executions)
    tokens = Counter(one.token for one in executions if one.token is not None)
    possible = {row.message_id for row in rows if row.possible_duplicate}
    knowing = {one.token for one in executions if one.message_id in possible}
    for name, count in [*times.items(), *tokens.items()]:
        if count > 1 and name not in possible and name not in knowing:
            yield Violation(Rule.DOUBLED, f"{name} {count} times")
    for row in rows:
        executed = times[row.message_id] > 0
        if row.status in PROVEN and not executed:
            yield Violation(Rule.FALSE_SENT, f"{row.message_id} {row.status}")
        never = row.status in {"EXPIRED", "CANCELLED"} or (row.status == "FAILED" and row.confirmed)
        if never and executed:
            yield Violation(Rule.FALSE_FAILED, f"{row.message_id} {row.status}")


def _of_uncertainty(rows: Sequence[Row], executions: Sequence[Execution], cut_off: int) -> Iterator[Violation]:
    uncertain = sum(max(row.uncertain, int(row.status == "UNKNOWN")) for row in rows)
    if uncertain > cut_off:
        yield Violation(Rule.TOO_UNCERTAIN, f"{uncertain} of {len(rows)}, at most {cut_off}")
    offered = {one.message_id for one in executions if one.echo_offered}
    for row in rows:
        ignored = row.status == "SENT" or (row.told_by_text and row.status in {"UNKNOWN", "FAILED"})
        if ignored and row.message_id in offered:
            yield Violation(Rule.EVIDENCE_IGNORED, f"{row.message_id} {row.status}")


def _of_origin(calls: Sequence[Call], rows: Sequence[Row], executions: Sequence[Execution]) -> Iterator[Violation]:
    tokens = {call.key: call.token for call in calls}
    known = {row.message_id: row for row in rows}
    for row in rows:
        if row.key not in tokens:
            yield Violation(Rule.NOT_ASKED_FOR, row.message_id)
    for one in executions:
        its = known.get(one.message_id)
        if its is None or one.token != tokens.get(its.key or ""):
            yield Violation(Rule.GHOST, f"entry {one.number}, {one.marker}")
        elif one.attempt > its.attempts:
            yield Violation(Rule.UNANNOUNCED, f"entry {one.number}, {one.marker}")


def _of_order(calls: Sequence[Call], executions: Sequence[Execution]) -> Iterator[Violation]:
    asked: defaultdict[str, list[str]] = defaultdict(list)
    for call in calls:
        if call.token not in asked[call.lane]:
            asked[call.lane].append(call.token)
    first: dict[str, int] = {}
    for one in sorted(executions, key=lambda one: one.number):
        if one.token is not None:
            first.setdefault(one.token, one.number)
    for lane, tokens in asked.items():
        latest = 0
        for token in tokens:
            if first.get(token, latest) < latest:
                yield Violation(Rule.OUT_OF_ORDER, f"{token} in {lane}")
            latest = max(latest, first.get(token, 0))
