"""The message: what we decide about it before a call, after a call, and later.

`MessageRecord` holds its data, `MessageEvidence` follows what the world reports; every decision of ours is here.
Instants are epoch ms and arrive as arguments. A method checks first and changes then: an illegal move changes nothing.
"""

from dataclasses import dataclass
from typing import Final

from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.horizon import lane_block_ms
from wework_message.domain.lifecycle import HoldReason, MessageStatus, Trigger
from wework_message.domain.message.attempt import Attempt, AttemptOutcome
from wework_message.domain.message.message_evidence import MessageEvidence
from wework_message.domain.message.message_record import Moved, Note, RecallState
from wework_message.domain.message.scheduling import LANE_RECHECK_MS, Due, LanePosition
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.retry import GiveUp, HoldFor, RetryAt, Settle, Verdict

__all__ = ["MAX_STRIKES", "ROUND_MS", "Message", "Moved", "Note", "RecallState"]

MAX_STRIKES: Final = 3
"""Handling that raises this often before the first byte ends the message: FAILED, reason POISON (decision 40)."""

ROUND_MS: Final = 24 * 3_600_000
"""How long a new round may take: `expiresAt` = now + 24 h (decision 40)."""


_FORGOTTEN: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason="RESTORED")
"""What became of a call is in no backup."""


@dataclass(slots=True)
class Message(MessageEvidence):
    """One message to one conversation."""

    # -- before a call --------------------------------------------------------------------------------------------

    def make_due(self, *, now: int) -> None:
        """Right after acceptance: due at once, or at its `scheduledAt`."""
        if self.scheduled_at is not None and self.scheduled_at > now:
            self.status = MessageStatus.SCHEDULED
            self.due = Due(self.scheduled_at - now, LanePosition.FREE)
        else:
            self.due = Due(0, LanePosition.WAITING)

    def depart(self, attempt: Attempt, *, lease_ms: int, now: int) -> None:
        """Commit the intent of one call. The caller sends only after this is durable (decision 12)."""
        if self.open_attempt is not None:
            raise IllegalTransitionError(self.status, Trigger.CLAIM)
        self._move(Trigger.CLAIM, now=now)
        self.attempts.append(attempt)
        self.attempt_count = attempt.number
        self.tries += 1
        self.due = Due(lease_ms, LanePosition.HOLDING)

    def wait_in_lane(self, *, now: int) -> None:
        """An earlier message of the lane goes first; this one stays QUEUED (decision 41)."""
        if self.status is not MessageStatus.QUEUED:
            self._move(Trigger.QUEUE, now=now)
        self.due = Due(LANE_RECHECK_MS, LanePosition.WAITING, parked=True)

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
        self.due = Due(min(wait_ms, max(0, self.expires_at - now)), LanePosition.WAITING, parked=parked)

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
            self.due = Due(wait_ms, LanePosition.WAITING)

    def look_again(self, *, wait_ms: int) -> None:
        """Handling raised after a call: nothing is concluded from that, and what holds the lane holds it still."""
        attempt = self.open_attempt
        holds = attempt is not None and attempt.lane_open
        self.due = Due(wait_ms, LanePosition.HOLDING if holds else LanePosition.FREE)

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
                self.due = Due(delay, LanePosition.WAITING)
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

    # -- later decisions ------------------------------------------------------------------------------------------

    def open_lane(self, *, next_ms: int | None, now: int) -> None:
        """2H have passed: the attempt stays unsettled, but later messages of the lane may go (decision 17)."""
        attempt = self.open_attempt
        if attempt is not None and attempt.lane_open:
            attempt.lane_open = False
            self.lane_released = True
            self.notes.append(Note("LANE_OPENED", now, attempt=attempt.number))
        self.due = Due(next_ms, LanePosition.FREE)

    def doubt(self, attempt: Attempt, *, horizon_ms: int, now: int) -> None:
        """It waits in a store that was restored from a backup, and may have been sent since: UNKNOWN (reliability X2).

        `attempt` stands for the call that nobody remembers. It holds no lane: several messages of one may be in doubt.
        """
        self._must_wait(Trigger.CLAIM)
        self.attempts.append(attempt)
        self.attempt_count = attempt.number
        attempt.close(_FORGOTTEN, at=now)
        attempt.lane_open = False
        self._become(MessageStatus.UNKNOWN, _FORGOTTEN.reason, now=now)
        self.due = Due(lane_block_ms(horizon_ms), LanePosition.FREE)

    def doubt_open_call(self, *, horizon_ms: int, now: int) -> None:
        """Its call was open when the store was saved, and ended long ago, nobody knows how: UNKNOWN, and its lane is free."""
        attempt = self.open_attempt
        if self.status is not MessageStatus.SENDING or attempt is None:
            raise IllegalTransitionError(self.status, Trigger.LOSE)
        self.settle(attempt.number, _FORGOTTEN, Settle(), horizon_ms=horizon_ms, now=now)
        if attempt.unsettled:  # not where an echo had come before the backup
            self.open_lane(next_ms=lane_block_ms(horizon_ms), now=now)

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
        self.due = Due(0, LanePosition.WAITING)

    def _give_up_attempt(self) -> None:
        if (attempt := self.open_attempt) is not None:
            attempt.release()
            self.lane_released = True


def _corrects(recorded: AttemptOutcome, late: AttemptOutcome) -> bool:
    """A definite answer that comes after its attempt was written off as uncertain (a stopped process went on)."""
    return recorded.kind is OutcomeClass.UNCERTAIN and late.kind is not OutcomeClass.UNCERTAIN
