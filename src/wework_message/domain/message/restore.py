"""After a restore from a backup: what was stored as unsent may have been sent since, and nobody can tell."""

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
"""What became of a call is in no backup."""


def mark_uncertain_after_restore(message: Message, attempt: Attempt, *, horizon_ms: int, now: int) -> None:
    """It waits in the restored store, and may have been sent since the backup: UNKNOWN (R-X2).

    `attempt` is the call that nobody remembers. It holds no lane, so several messages of one may be uncertain. Raises
    `IllegalTransitionError` for a message that does not wait.
    """
    message.lifecycle.must_wait(Trigger.CLAIM)
    attempt.close(_FORGOTTEN, at=now)
    attempt.lane_open = False
    message.attempts.append(attempt)
    message.lifecycle.become(MessageStatus.UNKNOWN, _FORGOTTEN.reason, now=now)
    message.due = Due(lane_block_ms(horizon_ms))


def mark_open_call_uncertain_after_restore(message: Message, *, horizon_ms: int, now: int) -> None:
    """Its call was open when the store was saved, and ended long ago, nobody knows how: UNKNOWN, and its lane is free.

    Raises `IllegalTransitionError` for a message without an open call.
    """
    attempt = message.attempts.open
    if message.status is not MessageStatus.SENDING or attempt is None:
        raise IllegalTransitionError(message.status, Trigger.LOSE)
    message.settle(attempt.number, _FORGOTTEN, Settle(), horizon_ms=horizon_ms, now=now)
    if attempt.unsettled:  # not where an echo had come before the backup
        message.open_lane(next_ms=lane_block_ms(horizon_ms), now=now)
