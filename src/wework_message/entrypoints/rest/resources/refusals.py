"""What clients see of a message that is not sent."""

from typing import Final

from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import FailureReason
from wework_message.domain.routing.selector import RefusalKind
from wework_message.entrypoints.rest.http.envelope import Header
from wework_message.entrypoints.rest.http.problems import Refusal
from wework_message.entrypoints.wire.answers.statuses import error_of

_OWN_CODES: Final = frozenset({RefusalKind.NO_BINDING, RefusalKind.NO_CAPABILITY})
"""Reasons of FAILED that are codes of their own; the others are the provider's refusal."""


def refusal(message: Message, data: object, headers: tuple[Header, ...] = ()) -> Refusal:
    """The refusal of a message: 422, and 500 where we could not handle it; FAILED, EXPIRED and CANCELLED have codes of their own."""
    if message.status is not MessageStatus.FAILED:
        return Refusal(422, message.status.value, f"the message is {message.status}", data, headers)
    reason = message.reason or ""
    if reason == FailureReason.POISON:
        return Refusal(500, "INTERNAL", "the message could not be handled", data, headers)
    if reason in _OWN_CODES:
        text = "no binding can send it" if reason == RefusalKind.NO_BINDING else "no binding can send this type or size"
        return Refusal(422, reason, text, data, headers)
    attempt = message.attempts.reported
    _, text_of_provider = error_of(attempt.outcome if attempt is not None else None)
    return Refusal(422, "PROVIDER_REFUSED", text_of_provider or reason or "refused", data, headers)
