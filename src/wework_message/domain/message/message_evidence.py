"""What the world reports about a message, and its recall, which only the world can confirm."""

from dataclasses import dataclass
from typing import Final

from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.horizon import lane_block_ms
from wework_message.domain.ids import ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus, Trigger
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message_record import MessageRecord, Note, RecallState
from wework_message.domain.message.projection import CallbackProjection, Evidence, FactKind
from wework_message.domain.message.scheduling import Due, LanePosition
from wework_message.domain.outcomes import OutcomeClass

_PROVEN_SENT: Final = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.RECALLING})
_RECALL_RUNS: Final = frozenset({RecallState.ASKED, RecallState.CALLING, RecallState.ANSWERED, RecallState.LOST})


@dataclass(slots=True)
class MessageEvidence(MessageRecord):
    """The part of the aggregate that follows evidence: facts are folded, in whatever order they come."""

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
        self.due = Due(lane_block_ms(horizon_ms), LanePosition.HOLDING)

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
        self.due = Due(0, LanePosition.FREE)

    def call_recall(self, *, lease_ms: int) -> None:
        """The recall's intent; recalling twice does no harm, so a crash here is simply repeated or waited out."""
        self.recall = RecallState.CALLING
        self.due = Due(lease_ms, LanePosition.FREE)

    def settle_recall(self, outcome: AttemptOutcome, *, retry_ms: int, horizon_ms: int, now: int) -> None:
        """Record the provider's answer to our recall (decision 40)."""
        if self.status is not MessageStatus.RECALLING:
            return
        self.notes.append(Note("RECALL_ANSWERED", now, detail=outcome.kind))
        if outcome.kind is OutcomeClass.ACCEPTED:
            self.recall = RecallState.ANSWERED
            self.due = Due(2 * horizon_ms, LanePosition.FREE)
        elif outcome.kind in (OutcomeClass.NOT_SENT, OutcomeClass.THROTTLED):
            self.recall = RecallState.ASKED
            self.due = Due(retry_ms, LanePosition.FREE)
        elif outcome.kind is OutcomeClass.UNCERTAIN:
            self.recall = RecallState.LOST
            self.due = Due(2 * horizon_ms, LanePosition.FREE)
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
