"""The message: what was asked, what was tried, and where it stands. Every rule that moves it is here.

Instants are epoch ms and arrive as arguments. A method checks first and changes then: an illegal move changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from wework_message.domain.agenda import PARK_MS, Due, Place
from wework_message.domain.attempt import Attempt, AttemptOutcome
from wework_message.domain.callbacks import CallbackProjection, Evidence, FactKind
from wework_message.domain.content import Content
from wework_message.domain.draft import OnUnknown, Pin
from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.ids import AccountId, BatchId, Guid, MessageId, ProviderCode, ProviderMessageId, TenantId
from wework_message.domain.lifecycle import WAITING, HoldReason, MessageStatus, Trigger, decide
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.retry import GiveUp, HoldFor, RetryAt, Verdict

MAX_STRIKES: Final = 3
"""Handling that raises this often before the first byte ends the message: FAILED, reason POISON (decision 40)."""

ROUND_MS: Final = 24 * 3_600_000
"""How long a new round may take: `expiresAt` = now + 24 h (decision 40)."""


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


_PROVEN_SENT: Final = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.RECALLING})
_RECALL_RUNS: Final = frozenset({RecallState.ASKED, RecallState.CALLING, RecallState.ANSWERED, RecallState.LOST})


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
class Message:
    """One message to one conversation."""

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

    # -- before a call --------------------------------------------------------------------------------------------

    def make_due(self, *, now: int) -> None:
        """Right after acceptance: due at once, or at its `scheduledAt`."""
        if self.scheduled_at is not None and self.scheduled_at > now:
            self.status = MessageStatus.SCHEDULED
            self.due = Due(self.scheduled_at - now, Place.FREE)
        else:
            self.due = Due(0, Place.WAITING)

    def depart(self, attempt: Attempt, *, lease_ms: int, now: int) -> None:
        """Commit the intent of one call. The caller sends only after this is durable (decision 12)."""
        if self.open_attempt is not None:
            raise IllegalTransitionError(self.status, Trigger.CLAIM)
        self._move(Trigger.CLAIM, now=now)
        self.attempts.append(attempt)
        self.attempt_count = attempt.number
        self.tries += 1
        self.due = Due(lease_ms, Place.HOLDING)

    def wait_in_lane(self, *, now: int) -> None:
        """An earlier message of the lane goes first; this one stays QUEUED (decision 41)."""
        if self.status is not MessageStatus.QUEUED:
            self._move(Trigger.QUEUE, now=now)
        self.due = Due(PARK_MS, Place.WAITING, parked=True)

    def hold(self, reason: HoldReason, wait_ms: int, *, now: int) -> None:
        """Wait for a reason; costs no attempt and does not fail the message (decisions 22 and 55)."""
        self._must_wait(Trigger.HOLD)
        self._hold(reason, wait_ms, now=now)

    def _hold(self, reason: HoldReason, wait_ms: int, *, now: int) -> None:
        known = self.status is MessageStatus.HELD and self.reason == reason
        self._move(Trigger.HOLD, now=now, reason=reason)
        if not known:
            self.notes.append(Note("HELD", now, detail=reason))
        parked = reason is HoldReason.LANE_BLOCKED
        self.due = Due(min(wait_ms, max(0, self.expires_at - now)), Place.WAITING, parked=parked)

    def expire(self, *, now: int) -> None:
        """`expiresAt` came before the first byte: it is never sent late."""
        self._must_wait(Trigger.EXPIRE)
        self._expire(now=now)

    def _expire(self, *, now: int) -> None:
        self._move(Trigger.EXPIRE, now=now, reason="EXPIRED")
        self._rest()

    def cancel(self, *, now: int, reason: str = "CANCELLED_BY_CLIENT") -> None:
        """Withdraw before the claim; raises `IllegalTransitionError` afterwards (a recall is the way then)."""
        self._move(Trigger.CANCEL, now=now, reason=reason)
        self.notes.append(Note("CANCELLED", now, detail=reason))
        self._rest()

    def fail(self, reason: str, *, now: int) -> None:
        """End it without a call: no binding, no capability, poison."""
        self._must_wait(Trigger.FAIL)
        self._move(Trigger.FAIL, now=now, reason=reason)
        self.confirmed = True
        self._rest()

    def strike(self, *, wait_ms: int, now: int) -> None:
        """Handling raised before the first byte: try again later, and give up the third time (decision 40)."""
        self._must_wait(Trigger.FAIL)
        self.strikes += 1
        if self.strikes >= MAX_STRIKES:
            self.fail("POISON", now=now)
        else:
            self.notes.append(Note("STRIKE", now))
            self.due = Due(wait_ms, Place.WAITING)

    def look_again(self, *, wait_ms: int) -> None:
        """Handling raised after a call: nothing is concluded from that, and what holds the lane holds it still."""
        attempt = self.open_attempt
        holds = attempt is not None and attempt.lane_open
        self.due = Due(wait_ms, Place.HOLDING if holds else Place.FREE)

    # -- after a call ---------------------------------------------------------------------------------------------

    def settle(self, number: int, outcome: AttemptOutcome, verdict: Verdict, *, horizon_ms: int, now: int) -> None:
        """Record the answer of attempt `number`; `verdict` is what RetryPolicy says if nothing was sent.

        `horizon_ms` is H: an uncertain attempt holds its lane for at most 2H (decision 17).
        """
        attempt = self.attempt(number)
        if attempt.outcome is not None and not _corrects(attempt.outcome, outcome):
            return
        awaited = attempt.unsettled or self._is_denied(attempt)
        attempt.close(outcome, at=now)
        if self._fold(now=now, horizon_ms=horizon_ms) or not awaited:
            return
        self.lane_released = True
        if outcome.kind is OutcomeClass.UNCERTAIN:  # a person said "not sent" while it was in flight: theirs to decide
            self._become_unknown(now=now, horizon_ms=horizon_ms)
        else:
            self._follow(outcome, verdict, now=now)

    def _is_denied(self, attempt: Attempt) -> bool:
        """A person said that the newest attempt was not sent, and nobody has decided what follows."""
        return self.status is MessageStatus.UNKNOWN and self.open_attempt is None and attempt is self.last_attempt

    def _follow(self, outcome: AttemptOutcome, verdict: Verdict, *, now: int) -> None:
        """Nothing was sent. A message whose recall was asked for meanwhile is not sent again."""
        self.confirmed = None
        match GiveUp("RECALL_ASKED") if self.recall is RecallState.WAITING else verdict:
            case RetryAt(delay_ms=delay) if now + delay < self.expires_at:
                self._move(Trigger.RETRY_LATER, now=now, reason=outcome.reason)
                self.due = Due(delay, Place.WAITING)
            case HoldFor(reason=reason, delay_ms=delay) if now < self.expires_at:
                self._hold(HoldReason(reason), delay, now=now)
            case RetryAt() | HoldFor():
                self._expire(now=now)
            case GiveUp(reason=reason):
                self._move(Trigger.FAIL, now=now, reason=reason)
                self.confirmed = outcome.confirmed
                self._rest()
            case _:  # the caller's mistake: RetryPolicy has a verdict for everything that was not sent
                raise IllegalTransitionError(self.status, Trigger.RETRY_LATER)

    def attempt(self, number: int) -> Attempt:
        """Attempt `number` (from 1); raises `KeyError` if it is not loaded."""
        for attempt in self.attempts:
            if attempt.number == number:
                return attempt
        raise KeyError(number)

    def learn(
        self,
        number: int,
        kind: FactKind,
        *,
        horizon_ms: int,
        now: int,
        note: Note,
        provider_message_id: ProviderMessageId | None = None,
        app_info_key: str | None = None,
    ) -> bool:
        """Add what the world reports about attempt `number`; True if that was new."""
        attempt = self.attempt(number)
        if attempt.provider_message_id is None:
            attempt.provider_message_id = provider_message_id
            attempt.app_info_key = app_info_key
        if kind in attempt.facts:
            return False
        attempt.learn(kind)
        self.notes.append(note)
        self._fold(now=now, horizon_ms=horizon_ms)
        return True

    def _fold(self, *, now: int, horizon_ms: int) -> bool:
        """Move to what the evidence proves; False where it proves nothing (the rules decide then)."""
        proven = CallbackProjection.of(attempt.evidence for attempt in self.attempts)
        if proven is None or self._in_flight():  # a call that is open ends first: SENDING is left by its answer only
            return False
        if proven is MessageStatus.FAILED and not self._ends_by_failure():
            return False
        if proven is MessageStatus.UNKNOWN:
            self._become_unknown(now=now, horizon_ms=horizon_ms)
        elif proven is MessageStatus.FAILED:
            self._put_recall_off()
            self._prove(proven, "SEND_FAILED_LATER", now=now)
            self.confirmed = True
        elif proven is MessageStatus.RECALLED:
            self._prove(proven, None, now=now)
            self.recall_confirmed = any(FactKind.REVOKED in attempt.facts for attempt in self.attempts)
        elif self.recall in _RECALL_RUNS:
            return True
        elif self.recall is RecallState.WAITING:
            self._prove(proven, None, now=now)
            self.start_recall(now=now)
        else:
            self._prove(proven, None, now=now)
        return True

    def _ends_by_failure(self) -> bool:
        """A failure that the server reported of an earlier round ends no later one, unless that one rests on it."""
        of_this_round = any(
            attempt.evidence is Evidence.SEND_FAILED for attempt in self.attempts if attempt.round == self.round
        )
        return of_this_round or self.status in _PROVEN_SENT

    def _put_recall_off(self) -> None:
        """It is no longer proven sent: the recall starts again once it is (domain D4.9)."""
        if self.recall in _RECALL_RUNS:
            self.recall = RecallState.WAITING

    def _in_flight(self) -> bool:
        return any(attempt.outcome is None and attempt.unsettled for attempt in self.attempts)

    def _prove(self, status: MessageStatus, reason: str | None, *, now: int) -> None:
        self._become(status, reason, now=now)
        self.confirmed = None
        self._rest()

    def _become_unknown(self, *, now: int, horizon_ms: int) -> None:
        if self.status is MessageStatus.UNKNOWN:
            return
        self._put_recall_off()
        attempt = self.open_attempt
        cause = attempt.outcome.reason if attempt is not None and attempt.outcome is not None else None
        self._become(MessageStatus.UNKNOWN, cause, now=now)
        self.lane_released = True  # wakes the lane: those behind it are HELD now (decision 41)
        self.due = Due(2 * horizon_ms, Place.HOLDING)

    # -- later decisions ------------------------------------------------------------------------------------------

    def open_lane(self, *, next_ms: int | None, now: int) -> None:
        """2H have passed: the attempt stays unsettled, but later messages of the lane may go (decision 17)."""
        attempt = self.open_attempt
        if attempt is not None and attempt.lane_open:
            attempt.lane_open = False
            self.lane_released = True
            self.notes.append(Note("LANE_OPENED", now, attempt=attempt.number))
        self.due = Due(next_ms, Place.FREE)

    def give_up_unknown(self, *, now: int) -> None:
        """`onUnknown: FAIL` after its hours: FAILED with `confirmed: false`; a late echo may still correct it."""
        self._move(Trigger.GIVE_UP, now=now, reason="UNRESOLVED")
        self.confirmed = False
        self._give_up_attempt()
        self._rest()

    def replay(self, *, force: bool, by: str, now: int) -> None:
        """Open a new round (decision 40); `force` also leaves UNKNOWN, and then a duplicate is possible."""
        unknown = self.status is MessageStatus.UNKNOWN
        self._move(Trigger.FORCE_REPLAY if force else Trigger.REPLAY, now=now)
        self.possible_duplicate |= unknown or self.confirmed is False
        self._give_up_attempt()
        self.round += 1
        self.tries = self.strikes = 0
        self.confirmed = None
        self.recall = RecallState.NONE
        self.expires_at = now + ROUND_MS
        self.notes.append(Note("RETRIED", now, detail=by))
        self.due = Due(0, Place.WAITING)

    def _give_up_attempt(self) -> None:
        if (attempt := self.open_attempt) is not None:
            attempt.release()
            self.lane_released = True

    def ask_recall(self, *, now: int) -> None:
        """Recall it: at once if it is proven sent, when it is proven if it is UNKNOWN; else `IllegalTransitionError`."""
        if self.status is MessageStatus.UNKNOWN:
            self.recall = RecallState.WAITING
            self.notes.append(Note("RECALL_ASKED", now))
            self.updated_at = now
            return
        if self.status not in (MessageStatus.SENT, MessageStatus.DELIVERED):
            raise IllegalTransitionError(self.status, Trigger.RECALL)
        self.notes.append(Note("RECALL_ASKED", now))
        self.start_recall(now=now)

    def start_recall(self, *, now: int) -> None:
        """RECALLING, and due at once: the dispatcher makes the call."""
        self._move(Trigger.RECALL, now=now)
        self.recall = RecallState.ASKED
        self.due = Due(0, Place.FREE)

    def call_recall(self, *, lease_ms: int) -> None:
        """The recall's intent; recalling twice does no harm, so a crash here is simply repeated or waited out."""
        self.recall = RecallState.CALLING
        self.due = Due(lease_ms, Place.FREE)

    def settle_recall(self, outcome: AttemptOutcome, *, retry_ms: int, horizon_ms: int, now: int) -> None:
        """Record the provider's answer to our recall (decision 40)."""
        if self.status is not MessageStatus.RECALLING:
            return
        self.notes.append(Note("RECALL_ANSWERED", now, detail=outcome.kind))
        if outcome.kind is OutcomeClass.ACCEPTED:
            self.recall = RecallState.ANSWERED
            self.due = Due(2 * horizon_ms, Place.FREE)
        elif outcome.kind in (OutcomeClass.NOT_SENT, OutcomeClass.THROTTLED):
            self.recall = RecallState.ASKED
            self.due = Due(retry_ms, Place.FREE)
        elif outcome.kind is OutcomeClass.UNCERTAIN:
            self.recall = RecallState.LOST
            self.due = Due(2 * horizon_ms, Place.FREE)
        else:
            self._end_recall("RECALL_REFUSED", now=now, horizon_ms=horizon_ms)

    def time_out_recall(self, *, horizon_ms: int, now: int) -> None:
        """2H without a record of it: assumed if the provider answered 0, else as if it had not been asked."""
        if self.recall is RecallState.ANSWERED and (attempt := self.delivered_attempt) is not None:
            note = Note("RECALL_ASSUMED", now, attempt=attempt.number)
            self.learn(attempt.number, FactKind.RECALL_ASSUMED, horizon_ms=horizon_ms, now=now, note=note)
        else:
            self._end_recall("RECALL_UNCONFIRMED", now=now, horizon_ms=horizon_ms)

    def _end_recall(self, reason: str, *, now: int, horizon_ms: int) -> None:
        self.recall = RecallState.NONE
        self._fold(now=now, horizon_ms=horizon_ms)
        self.reason = reason

    # -- one way to change status ---------------------------------------------------------------------------------

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


def _corrects(recorded: AttemptOutcome, late: AttemptOutcome) -> bool:
    """A definite answer that comes after its attempt was written off as uncertain (a stopped process went on)."""
    return recorded.kind is OutcomeClass.UNCERTAIN and late.kind is not OutcomeClass.UNCERTAIN
