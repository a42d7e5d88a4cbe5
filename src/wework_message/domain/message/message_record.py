"""A message's own data, and the one way in which its status changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from wework_message.domain.content import Content
from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.ids import AccountId, BatchId, Guid, MessageId, ProviderCode, TenantId
from wework_message.domain.lifecycle import WAITING, MessageStatus, Trigger, decide
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.draft import OnUnknown, Pin
from wework_message.domain.message.scheduling import Due


class RecallState(StrEnum):
    """How far the recall of a message is."""

    NONE = "NONE"
    WAITING = "WAITING"
    """Asked while the message was UNKNOWN: it starts once the message is proven sent (domain D4.9)."""
    ASKED = "ASKED"
    CALLING = "CALLING"
    ANSWERED = "ANSWERED"
    """The provider answered 0; the stream has not confirmed it yet."""
    LOST = "LOST"
    """The answer to our recall was lost."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A change of status, for whoever watches."""

    before: MessageStatus
    after: MessageStatus
    reason: str | None


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the timeline that no attempt tells: a hold, a recall, a retry by a person, a callback's fact."""

    kind: str
    at: int
    attempt: int | None = None
    detail: str | None = None
    event_key: str | None = None
    source: str | None = None


@dataclass(slots=True)
class MessageRecord:
    """One message to one conversation: what was asked, what was tried, where it stands."""

    id: MessageId
    tenant_id: TenantId
    account_id: AccountId
    guid: Guid | None
    """As the client named it; None where it named an account."""
    conversation_id: str
    content: Content
    message_type: str
    accepted_at: int
    expires_at: int
    mode: str = "ASYNC"
    """How it came in: SYNC, ASYNC, BATCH or MIXED (a metric label, nothing more)."""
    priority: int = 5
    scheduled_at: int | None = None
    provider_code: ProviderCode | None = None
    """Only bindings at this provider."""
    pin: Pin = Pin.ACCOUNT
    on_unknown: OnUnknown = OnUnknown.HOLD
    duplicate_safe: bool = False
    retry_count: int | None = None
    """The client's own number of quick tries, 0-10."""
    extra: Mapping[str, Any] | None = None
    client_message_id: str | None = None
    batch_id: BatchId | None = None
    group_id: BatchId | None = None
    """The MIXED group it is a part of."""
    index: int | None = None
    """Its place in the batch or group, from 0."""
    status: MessageStatus = MessageStatus.QUEUED
    reason: str | None = None
    confirmed: bool | None = None
    """For FAILED: whether it is proven that nothing was sent."""
    possible_duplicate: bool = False
    recall: RecallState = RecallState.NONE
    recall_confirmed: bool | None = None
    round: int = 1
    tries: int = 0
    """Quick tries in this round."""
    strikes: int = 0
    attempt_count: int = 0
    version: int = 0
    """Optimistic lock and the sequence of status changes."""
    updated_at: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    """Loaded where `attempt_count` > 0."""
    due: Due | None = None
    """Set by a transition; None = unchanged."""
    lane_released: bool = False
    moves: list[Moved] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def last_attempt(self) -> Attempt | None:
        """The newest attempt, if there was one."""
        return self.attempts[-1] if self.attempts else None

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt that is in flight or uncertain; there is at most one."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.unsettled), None)

    @property
    def delivered_attempt(self) -> Attempt | None:
        """The attempt whose provider id a recall must name: the strongest one that has an id."""
        named = [attempt for attempt in self.attempts if attempt.provider_message_id is not None]
        return max(named, key=lambda attempt: (attempt.evidence, attempt.number), default=None)

    def attempt(self, number: int) -> Attempt:
        """Attempt `number` (from 1); raises `KeyError` if it is not loaded."""
        for attempt in self.attempts:
            if attempt.number == number:
                return attempt
        raise KeyError(number)

    def _move(self, trigger: Trigger, *, now: int, reason: str | None = None) -> None:
        self._become(decide(self.status, trigger), reason, now=now)

    def _become(self, status: MessageStatus, reason: str | None, *, now: int) -> None:
        if status is not self.status or reason != self.reason:
            self.moves.append(Moved(self.status, status, reason))
        self.status = status
        self.reason = reason
        self.updated_at = now

    def _rest(self) -> None:
        """Nothing is due, so nothing may hold the lane: an uncertain attempt of another round stays unsettled, no more."""
        if (attempt := self.open_attempt) is not None:
            attempt.lane_open = False
        self.due = Due(None)
        self.lane_released = True

    def _must_wait(self, trigger: Trigger) -> None:
        """What we decide before a call is not for a message that was, or may have been, sent."""
        if self.status not in WAITING:
            raise IllegalTransitionError(self.status, trigger)

    def written(self) -> None:
        """What was to be written is written; `moves` stay until they are told."""
        self.due = None
        self.lane_released = False
        self.notes = []

    def is_waiting(self) -> bool:
        """Whether a claim may send it (no call open, none unsettled)."""
        return self.status in WAITING
