"""Attempts with an unproven outcome, as evidence finds them."""

from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message


def open_attempt(message: Message, attempt: Attempt) -> OpenAttempt:
    """What a record is compared with; the own user id of its account is not known yet."""
    return OpenAttempt(
        message_id=message.id,
        number=attempt.number,
        guid=attempt.guid,
        conversation_id=message.conversation_id,
        content_key=attempt.content_key,
        started_at=attempt.started_at,
        ended_at=attempt.started_at if attempt.ended_at is None else attempt.ended_at,
    )
