"""Attempts with an unproven outcome or none, as evidence finds them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message

UNCERTAIN_WINDOW_MS: Final = 24 * 3_600_000
"""How long an uncertain attempt is offered to echoes."""


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
        unsettled=attempt.unsettled,
    )


def unanswered(
    messages: Iterable[Message], provider_code: ProviderCode, guid: Guid, now: int, window_ms: int
) -> Sequence[OpenAttempt]:
    """Those of this instance whose call has not ended, begun no longer than `window_ms` ago: they end `now`."""
    calls = [
        replace(open_attempt(message, attempt), ended_at=max(now, attempt.started_at))
        for message in messages
        for attempt in message.attempts
        if attempt.outcome is None
        and (attempt.provider_code, attempt.guid) == (provider_code, guid)
        and attempt.started_at >= now - window_ms
    ]
    return sorted(calls, key=lambda call: (call.started_at, call.message_id, call.number))
