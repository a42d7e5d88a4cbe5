"""A person's word about a message that nothing proves sent or unsent (D-16, ADR 54).

It settles the uncertain attempt as evidence does, and weighs less than an echo or the provider's acceptance: those correct it.
It never sends: what a person says was not sent is FAILED, and goes out only by a retry or a replay, which are acts of their own.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.recall import RecallState
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import FailureReason

MAX_BY: Final = 64
"""Characters of the name of whoever decides."""

MAX_NOTE: Final = 180
"""Characters of a note: with the name it is one line of the timeline."""

ANYBODY: Final = "open"
"""Who decided where the request names nobody: the service is open to whoever reaches it (D-38)."""

RESOLVE: Final = "a person's word"
"""What an `IllegalTransitionError` names as refused."""


class Resolution(StrEnum):
    """What a person says about an uncertain send; the names are API."""

    SENT = "SENT"
    NOT_SENT = "NOT_SENT"

    @property
    def fact(self) -> FactKind:
        """As which the attempt keeps it."""
        return FactKind.SENT_BY_PERSON if self is Resolution.SENT else FactKind.NOT_SENT_BY_PERSON


@dataclass(frozen=True, slots=True)
class Word:
    """A decision, who made it, and why."""

    outcome: Resolution
    by: str | None = None
    """As they call themselves, at most `MAX_BY` characters."""
    note: str | None = None
    """At most `MAX_NOTE` characters. It may name people: it is shown in the timeline, and nowhere else."""

    @property
    def detail(self) -> str:
        """What the timeline shows."""
        who = self.by or ANYBODY
        return f"{who}: {self.note}" if self.note else who


def resolve(message: Message, word: Word, *, horizon_ms: int, now: int) -> bool:
    """Settle its newest attempt as a person says; False where the same was said before, and nothing changes.

    SENT makes it SENT, and a recall that waited goes on. NOT_SENT makes it FAILED (`NOT_SENT_BY_PERSON`, or `RECALL_ASKED` where
    a recall waited). Raises `IllegalTransitionError` unless it is UNKNOWN, or was given up as `UNRESOLVED`: also where
    somebody has said the opposite.
    """
    attempt = message.attempts.last
    if attempt is None or not is_unresolved(message):
        if attempt is not None and word.outcome.fact in attempt.facts:
            return False
        raise IllegalTransitionError(message.status, RESOLVE)
    fact = word.outcome.fact
    note = Note(fact, now, attempt=attempt.number, detail=word.detail)
    message.learn(attempt.number, fact, horizon_ms=horizon_ms, now=now, note=note)
    if word.outcome is Resolution.NOT_SENT and is_unresolved(message):
        _deny(message, now)
    return True


def is_unresolved(message: Message) -> bool:
    """Whether nothing proves what became of it, and nobody has said so: a person may."""
    given_up = message.status is MessageStatus.FAILED and message.reason == FailureReason.UNRESOLVED
    return given_up or message.status is MessageStatus.UNKNOWN


def _deny(message: Message, now: int) -> None:
    recalled = message.recall.state is RecallState.WAITING
    reason = FailureReason.RECALL_ASKED if recalled else FailureReason.NOT_SENT_BY_PERSON
    if message.status is MessageStatus.UNKNOWN:
        message.give_up_unknown(now=now, reason=reason)
    else:
        message.lifecycle.become(message.status, reason, now=now)
        message.lifecycle.confirmed = True
