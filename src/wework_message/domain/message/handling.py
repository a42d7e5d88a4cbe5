"""What becomes of a message whose handling raised: a defect of ours, and no evidence (D-40)."""

from typing import Final

from wework_message.domain.lifecycle import Trigger
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Due, LanePosition
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import FailureReason

MAX_HANDLING_FAILURES: Final = 3
"""Handling that raises this often before the first byte ends the message: FAILED, reason POISON."""


def count_handling_failure(message: Message, *, wait_ms: int, now: int) -> None:
    """Handling raised before the first byte: retry later, and give up the third time."""
    message.lifecycle.must_wait(Trigger.FAIL)
    message.handling_failures += 1
    if message.handling_failures >= MAX_HANDLING_FAILURES:
        message.fail(FailureReason.POISON, now=now)
    else:
        message.notes.append(Note("STRIKE", now))
        message.due = Due(wait_ms, LanePosition.WAITING)


def recheck_later(message: Message, *, wait_ms: int) -> None:
    """Handling raised after a call: that proves nothing, and an attempt that holds the lane keeps it."""
    attempt = message.attempts.open
    holds = attempt is not None and attempt.lane_open
    message.due = Due(wait_ms, LanePosition.HOLDING if holds else LanePosition.FREE)
