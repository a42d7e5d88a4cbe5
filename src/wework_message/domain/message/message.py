"""The message: our decisions before a call, after a call and later, and the evidence about it.

It is made of parts with rules of their own: `options`, `lifecycle`, `attempts` and `recall`. Instants are epoch ms and
arrive as arguments. A method checks first and changes then: an illegal move changes nothing.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from wework_message.domain.content import Content, MessageType
from wework_message.domain.conversation import ERASED_CONVERSATION
from wework_message.domain.errors import ContentErasedError, IllegalTransitionError
from wework_message.domain.horizon import lane_block_ms
from wework_message.domain.ids import AccountId, BatchId, Guid, MessageId, ProviderMessageId, TenantId
from wework_message.domain.lifecycle import RESTING, HoldReason, Lifecycle, MessageStatus, Trigger, success
from wework_message.domain.message.attempt import Attempt, AttemptOutcome
from wework_message.domain.message.attempts import Attempts
from wework_message.domain.message.options import OnUnknown, SendOptions
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.recall import NOT_MADE, Recall, RecallState
from wework_message.domain.message.scheduling import LANE_RECHECK_MS, Due, LanePosition
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import FailureReason, OutcomeClass, Reason
from wework_message.domain.retry import GiveUp, HoldFor, RetryAt, Verdict, still_possible
from wework_message.domain.trace import TraceContext

ROUND_MS: Final = 24 * 3_600_000
"""How long a new round may take: `expiresAt` = now + 24 h (D-40)."""


@dataclass(slots=True)
class Message:
    """One message to one conversation: the request, the attempts, the status."""

    id: MessageId
    tenant_id: TenantId
    account_id: AccountId
    guid: Guid | None
    """As the client named it; None where it named an account."""
    conversation_id: str
    content: Content | None
    """None: erased, long after it came to rest. Nothing can be sent any more."""
    message_type: str
    accepted_at: int
    expires_at: int
    """End of this round: by then its first byte must have left."""
    options: SendOptions
    """The other options of the request, resolved."""
    mode: str = "ASYNC"
    """How it came in: SYNC, ASYNC, BATCH, MASS_SEND or MIXED (a metric label, nothing more)."""
    batch_id: BatchId | None = None
    group_id: BatchId | None = None
    """The MIXED group it is a part of."""
    index: int | None = None
    """Its place in the batch or group, from 0."""
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    attempts: Attempts = field(default_factory=Attempts)
    recall: Recall = field(default_factory=Recall)
    possible_duplicate: bool = False
    round: int = 1
    tries: int = 0
    """Quick tries in this round."""
    handling_failures: int = 0
    """How often its handling raised in this round, before the first byte."""
    version: int = 0
    """Optimistic lock and the sequence of status changes."""
    due: Due | None = None
    """Set by a transition; None = unchanged."""
    lane_released: bool = False
    notes: list[Note] = field(default_factory=list)
    trace: TraceContext | None = None
    """The span that accepted it; None where that is not recorded. It never changes."""
    request_id: str | None = None
    """Of the request that brought it, or changed it last, for the log of the process that goes on with it. It is not stored."""

    @property
    def status(self) -> MessageStatus:
        """See `MessageStatus`."""
        return self.lifecycle.status

    @property
    def reason(self) -> str | None:
        """Why it has this status; a stable word."""
        return self.lifecycle.reason

    @property
    def confirmed(self) -> bool | None:
        """For FAILED: whether it is proven that nothing was sent."""
        return self.lifecycle.confirmed

    @property
    def is_erased(self) -> bool:
        """Whether its content is gone."""
        return self.content is None

    def is_waiting(self) -> bool:
        """Whether a claim may send it (no call open, none unsettled)."""
        return self.lifecycle.is_waiting

    @property
    def is_mass(self) -> bool:
        """Whether it is one recipient of a native mass send: it has no lane, and is called with others of its chunk (ADR 67)."""
        return self.message_type == MessageType.MASS_SEND

    @property
    def waits_in_chunk(self) -> bool:
        """Whether it is due when its chunk is: it waits, and has no due time of its own."""
        return self.is_mass and self.is_waiting()

    @property
    def on_unknown(self) -> OnUnknown:
        """What becomes of it where it is proven neither sent nor unsent."""
        return self.options.on_unknown or OnUnknown.HOLD

    def written(self) -> None:
        """Its changes are stored; the lifecycle's moves stay until they are reported."""
        self.due = None
        self.lane_released = False
        self.notes = []

    def _come_to_rest(self) -> None:
        """Nothing is due, and nothing holds the lane: an uncertain attempt of another round only stays unsettled."""
        self.attempts.free_lane()
        self.due = Due(None)
        self.lane_released = True

    # -- before a call --------------------------------------------------------------------------------------------

    def make_due(self, *, now: int) -> None:
        """Right after acceptance: due at once, or at its `scheduledAt`."""
        scheduled_at = self.options.scheduled_at
        if scheduled_at is not None and scheduled_at > now:
            self.lifecycle.schedule()
            self.due = Due(scheduled_at - now, LanePosition.FREE)
        else:
            self.due = Due(0, LanePosition.WAITING)

    def begin_attempt(self, attempt: Attempt, *, lease_ms: int, now: int) -> None:
        """Commit the intent of one call. The caller sends only after this is durable (D-12)."""
        if self.attempts.open is not None:
            raise IllegalTransitionError(self.status, Trigger.CLAIM)
        self.lifecycle.decide(Trigger.CLAIM, now=now)
        attempt.lane_open = not self.is_mass
        self.attempts.append(attempt)
        self.tries += 1
        self.due = Due(lease_ms, LanePosition.of_call(takes_lane=not self.is_mass))

    def wait_in_lane(self, *, now: int) -> None:
        """An earlier message of the lane goes first; this one stays QUEUED (D-41)."""
        if self.status is not MessageStatus.QUEUED:
            self.lifecycle.decide(Trigger.QUEUE, now=now)
        self.due = Due(LANE_RECHECK_MS, LanePosition.WAITING, waits_in_lane=True)

    def hold(
        self, reason: HoldReason, wait_ms: int, *, now: int, detail: str | None = None, aside: bool = False
    ) -> None:
        """Wait for a reason; costs no attempt and does not fail the message (D-22 and D-55).

        `detail`: what the timeline says, where it is more than the reason. `aside`: other messages of its lane go before it,
        as before one that is scheduled.
        """
        self.lifecycle.must_wait(Trigger.HOLD)
        place = LanePosition.FREE if aside else LanePosition.WAITING
        self._hold(reason, wait_ms, now=now, detail=detail, place=place)
        self.lane_released |= aside  # wakes those that it goes aside for

    def _hold(
        self,
        reason: HoldReason,
        wait_ms: int,
        *,
        now: int,
        detail: str | None = None,
        place: LanePosition = LanePosition.WAITING,
    ) -> None:
        already_held = self.status is MessageStatus.HELD and self.reason == reason
        self.lifecycle.decide(Trigger.HOLD, now=now, reason=reason)
        if not already_held:
            self.notes.append(Note("HELD", now, detail=detail or reason))
        waits_in_lane = reason is HoldReason.LANE_BLOCKED
        self.due = Due(min(wait_ms, max(0, self.expires_at - now)), place, waits_in_lane=waits_in_lane)

    def resume(self, *, now: int, reason: HoldReason = HoldReason.PAUSED) -> None:
        """What it waits for is over, or may be: due at once. Nothing happens to a message that is not held for `reason`."""
        if self.status is MessageStatus.HELD and self.reason == reason:
            self.lifecycle.decide(Trigger.QUEUE, now=now)
            self.notes.append(Note("RESUMED", now, detail=reason))
            self.due = Due(0, LanePosition.WAITING)

    def expire(self, *, now: int) -> None:
        """`expiresAt` came before the first byte: it is never sent late."""
        self.lifecycle.must_wait(Trigger.EXPIRE)
        self._expire(now=now)

    def _expire(self, *, now: int) -> None:
        self.lifecycle.decide(Trigger.EXPIRE, now=now, reason="EXPIRED")
        self._come_to_rest()

    def cancel(self, *, now: int, reason: str = "CANCELLED_BY_CLIENT") -> None:
        """Withdraw before the claim; raises `IllegalTransitionError` afterwards (a recall is the way then)."""
        self.lifecycle.decide(Trigger.CANCEL, now=now, reason=reason)
        self.notes.append(Note("CANCELLED", now, detail=reason))
        self._come_to_rest()

    def fail(self, reason: str, *, now: int) -> None:
        """End it without a call: no binding, no capability, poison."""
        self.lifecycle.must_wait(Trigger.FAIL)
        self.lifecycle.decide(Trigger.FAIL, now=now, reason=reason)
        self.lifecycle.confirmed = True
        self._come_to_rest()

    # -- after a call ---------------------------------------------------------------------------------------------

    def settle(self, number: int, outcome: AttemptOutcome, verdict: Verdict, *, horizon_ms: int, now: int) -> None:
        """Record the answer of attempt `number`; `verdict` is that of RetryPolicy for the case that nothing was sent.

        `horizon_ms` is H: an uncertain attempt holds its lane for at most 2H (D-17).
        """
        attempt = self.attempts.numbered(number)
        if attempt.outcome is not None and not outcome.corrects(attempt.outcome):
            return
        awaited = attempt.unsettled or self._is_denied(attempt)
        attempt.close(outcome.without_texts() if self.is_erased else outcome, at=now)
        if self._fold(now=now, horizon_ms=horizon_ms):
            return
        if not awaited:
            if self._is_given_up(attempt) and outcome.proves_unsent:  # it stays FAILED: nobody waits any more
                self._prove_failed(now=now)
            return
        self.lane_released = True
        if outcome.kind is OutcomeClass.UNCERTAIN:  # a person said "not sent" while it was in flight: a person decides
            self._become_unknown(now=now, horizon_ms=horizon_ms)
        else:
            self._follow(outcome, verdict, now=now)

    def _is_denied(self, attempt: Attempt) -> bool:
        """A person said that the newest attempt was not sent, and what follows is not decided yet."""
        return self.status is MessageStatus.UNKNOWN and self.attempts.open is None and attempt is self.attempts.last

    def _is_given_up(self, attempt: Attempt) -> bool:
        return self.reason == FailureReason.UNRESOLVED and attempt is self.attempts.last

    def _follow(self, outcome: AttemptOutcome, verdict: Verdict, *, now: int) -> None:
        """Nothing was sent. A message whose recall was requested meanwhile is not sent again."""
        self.lifecycle.confirmed = None
        if outcome.reason is Reason.COMMIT_LOST or outcome.is_of_old_handle:  # nobody was asked, or only for a file
            self.tries -= 1
        recalled = self.recall.state is RecallState.WAITING
        match still_possible(verdict, recalled=recalled, erased=self.is_erased):
            case RetryAt(delay_ms=delay) if now + delay < self.expires_at:
                self.lifecycle.decide(Trigger.RETRY_LATER, now=now, reason=outcome.reason)
                self.due = Due(delay, LanePosition.WAITING)
            case HoldFor(reason=reason, delay_ms=delay) if now < self.expires_at:
                self._hold(HoldReason(reason), delay, now=now)
            case RetryAt() | HoldFor():
                self._expire(now=now)
            case GiveUp(reason=reason):
                self.lifecycle.decide(Trigger.FAIL, now=now, reason=reason)
                self.lifecycle.confirmed = outcome.confirmed
                self._come_to_rest()
            case _:  # the caller's mistake: RetryPolicy has a verdict for everything that was not sent
                raise IllegalTransitionError(self.status, Trigger.RETRY_LATER)

    # -- evidence -------------------------------------------------------------------------------------------------

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
        """Add a reported fact about attempt `number`; True if it was new."""
        attempt = self.attempts.numbered(number)
        if attempt.provider_message_id is None:
            attempt.provider_message_id = provider_message_id
            attempt.app_info_key = app_info_key
        if kind in attempt.facts:
            return False
        attempt.learn(kind)
        self.notes.append(replace(note, event_key=None) if self.is_erased else note)
        self._fold(now=now, horizon_ms=horizon_ms)
        return True

    def _fold(self, *, now: int, horizon_ms: int) -> bool:
        """Take the status that the evidence proves, in whatever order it came; False where it proves nothing."""
        self.possible_duplicate |= self.attempts.sent_twice
        proven = self.attempts.proven(status=self.status, current_round=self.round)
        if proven is None:
            return False
        if proven is MessageStatus.UNKNOWN:
            self._become_unknown(now=now, horizon_ms=horizon_ms)
        elif proven is MessageStatus.FAILED:
            self._prove_failed(now=now)
        elif proven is MessageStatus.RECALLED:
            self._prove(proven, None, now=now)
            self.recall.confirmed = self.attempts.revoked
        elif not self.recall.is_running:
            self._prove(proven, None, now=now)
            if self.recall.state is RecallState.WAITING and self.attempts.named is not None:
                self._start_recall(now=now)
        return True

    def _prove_failed(self, *, now: int) -> None:
        self.recall.put_off()
        self._prove(MessageStatus.FAILED, FailureReason.SEND_FAILED_LATER, now=now)
        self.lifecycle.confirmed = True

    def _prove(self, status: MessageStatus, reason: str | None, *, now: int) -> None:
        rested = self.status in RESTING
        self.lifecycle.become(status, reason, now=now)
        self.lifecycle.confirmed = None
        if not rested:
            self._come_to_rest()

    def _become_unknown(self, *, now: int, horizon_ms: int) -> None:
        if self.status is MessageStatus.UNKNOWN:
            return
        self.recall.put_off()
        self.lifecycle.become(MessageStatus.UNKNOWN, self.attempts.open_reason, now=now)
        self.lane_released = True  # wakes the lane: the messages behind it become HELD (D-41)
        self.due = Due(lane_block_ms(horizon_ms), LanePosition.of_call(takes_lane=not self.is_mass))

    # -- recall -----------------------------------------------------------------------------------------------

    def ask_recall(self, *, now: int) -> None:
        """Request a recall; raises `IllegalTransitionError`. It waits while the message is UNKNOWN, or nobody knows its id."""
        if self.conversation_id == ERASED_CONVERSATION:
            raise ContentErasedError(self.status, Trigger.RECALL)
        if self.status is MessageStatus.UNKNOWN or (success(self.status) and self.attempts.named is None):
            self.recall.wait()
            self.lifecycle.updated_at = now
        else:
            self._start_recall(now=now)
        self.notes.append(Note("RECALL_ASKED", now))

    def _start_recall(self, *, now: int) -> None:
        """RECALLING, and due at once: the dispatcher makes the call."""
        self.lifecycle.decide(Trigger.RECALL, now=now)
        self.due = self.recall.start()

    def call_recall(self, *, lease_ms: int) -> None:
        """Commit the intent of the recall's call."""
        self.due = self.recall.call(lease_ms=lease_ms)

    def settle_recall(self, outcome: AttemptOutcome, *, retry_ms: int, horizon_ms: int, now: int) -> None:
        """Record the provider's answer to our recall (D-40)."""
        if self.status is not MessageStatus.RECALLING:
            return
        tried_ms = now - self.lifecycle.updated_at
        due = self.recall.settle(outcome.kind, retry_ms=retry_ms, tried_ms=tried_ms, horizon_ms=horizon_ms)
        made = outcome.kind not in NOT_MADE
        if made or due is None:  # not every try in vain
            self.notes.append(Note("RECALL_ANSWERED", now, detail=outcome.kind))
        if due is not None:
            self.due = due
        else:
            self.end_recall("RECALL_REFUSED" if made else "RECALL_UNCONFIRMED", now=now, horizon_ms=horizon_ms)

    def time_out_recall(self, *, horizon_ms: int, now: int) -> None:
        """2H without a stream record: assumed if the provider answered 0, else as if no recall had been requested."""
        if self.recall.state is RecallState.ANSWERED and (attempt := self.attempts.named) is not None:
            note = Note("RECALL_ASSUMED", now, attempt=attempt.number)
            self.learn(attempt.number, FactKind.RECALL_ASSUMED, horizon_ms=horizon_ms, now=now, note=note)
        else:
            self.end_recall("RECALL_UNCONFIRMED", now=now, horizon_ms=horizon_ms)

    def end_recall(self, reason: str, *, now: int, horizon_ms: int) -> None:
        """As if no recall had been requested; `reason` says why."""
        self.recall.end()
        self._fold(now=now, horizon_ms=horizon_ms)
        self.lifecycle.reason = reason

    # -- later decisions ------------------------------------------------------------------------------------------

    def open_lane(self, *, next_ms: int | None, now: int) -> None:
        """2H have passed: the attempt stays unsettled, but later messages of the lane may go (D-17)."""
        if (attempt := self.attempts.free_lane()) is not None:
            self.lane_released = True
            self.notes.append(Note("LANE_OPENED", now, attempt=attempt.number))
        self.due = Due(next_ms, LanePosition.FREE)

    def give_up_unknown(self, *, now: int, reason: FailureReason = FailureReason.UNRESOLVED) -> None:
        """FAILED, with `confirmed: false` where nobody decided (`onUnknown: FAIL`); a late echo may still correct it."""
        self.lifecycle.decide(Trigger.GIVE_UP, now=now, reason=reason)
        self.lifecycle.confirmed = reason is not FailureReason.UNRESOLVED
        self.attempts.give_up()
        self._come_to_rest()

    def replay(self, *, force: bool, by: str, now: int) -> None:
        """Open a new round (D-40); `force` also leaves UNKNOWN, and then a duplicate is possible."""
        unknown = self.status is MessageStatus.UNKNOWN
        trigger = Trigger.FORCE_REPLAY if force else Trigger.REPLAY
        if self.is_erased:
            raise ContentErasedError(self.status, trigger)
        self.lifecycle.decide(trigger, now=now)
        self.possible_duplicate |= unknown or self.confirmed is False
        self.lane_released |= self.attempts.give_up()
        self.round += 1
        self.tries = self.handling_failures = 0
        self.lifecycle.confirmed = None
        self.recall.end()
        self.expires_at = now + ROUND_MS
        self.notes.append(Note("RETRIED", now, detail=by))
        self.due = Due(0, LanePosition.WAITING)
