"""Fold the evidence of a message again, in any order, and compare the result with what is stored (D4 rule 1).

Nothing is changed. What the stored answers and the journal of facts prove must be the status, and no order may prove another.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import Attempt, AttemptOutcome
from wework_message.domain.message.attempts import Attempts
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import Evidence, FactKind
from wework_message.domain.message.timeline import Note

NotedFacts = Mapping[int, frozenset[FactKind]]
"""Number of an attempt -> the facts that were noted about it."""


class Difference(StrEnum):
    """In what a message differs; a stable word."""

    FACTS = "FACTS"
    """An attempt does not have the facts that its journal has."""
    ORDER = "ORDER"
    """The same evidence in another order proves another status."""
    STATUS = "STATUS"
    """It does not have the status that its evidence proves."""
    RECORD = "RECORD"
    """A record of the inbox was applied to it, and no attempt knows what it says."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that became known about an attempt: its answer, or a fact."""

    number: int
    known: AttemptOutcome | FactKind


_PROVEN: Final = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.RECALLED})
_BY_RULE: Final = frozenset({MessageStatus.UNKNOWN, *_PROVEN})
"""Statuses that only evidence gives, but for what a person denied."""


def noted_facts(notes: Iterable[Note]) -> NotedFacts:
    """The facts of the timeline, by attempt."""
    noted: dict[int, frozenset[FactKind]] = {}
    for note in notes:
        if note.attempt is not None and note.kind in FactKind.__members__:
            noted[note.attempt] = noted.get(note.attempt, frozenset()) | {FactKind[note.kind]}
    return noted


def events_of(message: Message, noted: NotedFacts) -> list[Event]:
    """Everything that became known about its attempts, in a fixed order."""
    answers = [Event(attempt.number, attempt.outcome) for attempt in message.attempts if attempt.outcome is not None]
    facts = [Event(number, fact) for number in sorted(noted) for fact in sorted(noted[number])]
    return answers + facts


def difference(message: Message, noted: NotedFacts, orders: Iterable[Sequence[Event]]) -> Difference | None:
    """The first thing in which it differs from its evidence, folded in each of these orders; None where nothing does."""
    if noted != {attempt.number: attempt.facts for attempt in message.attempts if attempt.facts}:
        return Difference.FACTS
    folded = [_refolded(message, events) for events in orders]
    if len({_proven(message, attempts) for attempts in folded}) > 1:
        return Difference.ORDER
    return None if all(_agrees(message, attempts) for attempts in folded) else Difference.STATUS


def knows(message: Message, kinds: Collection[FactKind]) -> bool:
    """Whether its attempts know what a record that was applied to it says; one without facts is an echo."""
    known = {fact for attempt in message.attempts for fact in attempt.facts}
    return known.issuperset(kinds or {FactKind.ECHO})


def _refolded(message: Message, events: Iterable[Event]) -> Attempts:
    """Its attempts as they were at their calls, and what became known since, in this order."""
    attempts = Attempts(
        replace(attempt, outcome=None, ended_at=None, facts=frozenset(), unsettled=True, lane_open=True)
        for attempt in message.attempts
    )
    stored = message.attempts
    for event in events:
        attempt = attempts.numbered(event.number)
        if isinstance(event.known, FactKind):
            attempt.learn(event.known)
        else:
            attempt.close(event.known, at=attempt.started_at)
    for attempt in attempts:
        if not stored.numbered(attempt.number).unsettled:
            attempt.release()  # given up, which is a decision and no evidence
    return attempts


def _proven(message: Message, attempts: Attempts) -> MessageStatus | None:
    return attempts.proven(status=message.status, current_round=message.round)


def _agrees(message: Message, attempts: Attempts) -> bool:
    proven, status = _proven(message, attempts), message.status
    if status is MessageStatus.RECALLING:
        return proven in {MessageStatus.SENT, MessageStatus.DELIVERED}
    if status in _BY_RULE:
        return proven is status or (proven is None and _is_denied(status, attempts))
    # A decision may follow evidence about an earlier round: a retry of what was sent, or its expiry.
    return not any(_proves_sent(attempt) and attempt.round == message.round for attempt in attempts)


def _is_denied(status: MessageStatus, attempts: Attempts) -> bool:
    """A person said "not sent" while the call was open, and a person decides what follows."""
    last = attempts.last
    return status is MessageStatus.UNKNOWN and last is not None and FactKind.NOT_SENT_BY_PERSON in last.facts


def _proves_sent(attempt: Attempt) -> bool:
    return attempt.outcome is not None and attempt.evidence >= Evidence.REVOKED
