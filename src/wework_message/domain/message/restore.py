"""After a restore from a backup: messages that are stored as unsent may have been sent since the backup."""

from typing import Final

from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.horizon import lane_block_ms
from wework_message.domain.lifecycle import MessageStatus, Trigger
from wework_message.domain.message.attempt import Attempt, AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Due
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.retry import Settle

_FORGOTTEN: Final = AttemptOutcome(OutcomeClass.UNCERTAIN, reason=Reason.RESTORED)
"""The outcome of a call that ended after the backup is not known."""


def mark_uncertain_after_restore(message: Message, attempt: Attempt, *, horizon_ms: int, now: int) -> None:
    """Mark a message UNKNOWN that waits in the restored store, and may have been sent since the backup (R-X2).

    `attempt` is the call that the backup does not have. It holds no lane, so several messages of a lane may be uncertain. Raises
    `IllegalTransitionError` for a message that does not wait.
    """
    message.lifecycle.must_wait(Trigger.CLAIM)
    attempt.close(_FORGOTTEN, at=now)
    attempt.lane_open = False
    message.attempts.append(attempt)
    message.lifecycle.become(MessageStatus.UNKNOWN, _FORGOTTEN.reason, now=now)
    message.due = Due(lane_block_ms(horizon_ms))


def mark_open_call_uncertain_after_restore(message: Message, *, horizon_ms: int, now: int) -> None:
    """Mark a message UNKNOWN whose call was open at the backup and has ended since, and free its lane.

    Raises `IllegalTransitionError` for a message without an open call.
    """
    attempt = message.attempts.open
    if message.status is not MessageStatus.SENDING or attempt is None:
        raise IllegalTransitionError(message.status, Trigger.LOSE)
    message.settle(attempt.number, _FORGOTTEN, Settle(), horizon_ms=horizon_ms, now=now)
    if attempt.unsettled:  # False where an echo had come before the backup
        message.open_lane(next_ms=lane_block_ms(horizon_ms), now=now)
