"""The `data` of answers about messages, as clients see them (W-3).

Structs name the fields, functions fill them from views. Null fields are present; REST and CLI share this.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

from wework_message.domain.ids import ProviderCode
from wework_message.domain.instants import send_instant
from wework_message.domain.lifecycle import FINAL, HoldReason, MessageStatus, old_state, success
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.queries import MessageView, StatusView
from wework_message.domain.routing.provider import Provider, default_provider
from wework_message.entrypoints.wire.answer_form import answer_form
from wework_message.entrypoints.wire.instants import iso

SETTLED: Final = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.RECALLED})
"""Statuses that a sync send waits for."""

REFUSED: Final = frozenset({MessageStatus.FAILED, MessageStatus.EXPIRED, MessageStatus.CANCELLED})
"""Statuses of messages that are not sent unless a client retries them."""

_TIMED: Final = frozenset({MessageStatus.SCHEDULED, MessageStatus.HELD, MessageStatus.RETRY_WAIT})
"""Statuses whose due time is the time of the next attempt; elsewhere it is the end of a lease or the order within a lane."""


class SendAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """The result of a sync send; the names and types of Java's `SendMessageResponse`, and our own fields."""

    message_id: str
    account_id: str
    """The sender: the one that was named, that of the guid, or the one that the pool chose."""
    status: str
    success: bool | None
    """True for SENT and DELIVERED, false for a final failure, null while open: see `shown_success`."""
    reason: str | None
    error_code: int | None
    """The provider's integer, 0 where it accepted."""
    error_message: str | None
    provider_code: str | None
    provider_message_id: str | None
    message_seq: str | None
    send_time: str | None
    sender_id: str | None
    receiver_id: str | None
    room_id: str | None
    message_type: int | None
    """The vendor's integer."""
    content_type: int | None
    """The vendor's integer."""
    content: str | None
    """As the vendor encodes it."""
    sender_name: str | None
    dev_info: str | None
    app_info: str | None
    extra_content: str | None
    is_svr_fail: bool | None
    confirmed: bool | None
    possible_duplicate: bool
    recall_confirmed: bool | None
    simulated: bool
    attempts: int
    duration: int | None
    """Ms from acceptance to the provider's last answer."""
    duplicate: bool
    """An idempotency key hit: this is an earlier request's message."""
    request_id: str
    extra: Mapping[str, Any] | None


class AsyncAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A message that was accepted and is sent in the background."""

    message_id: str
    account_id: str | None
    """As in `SendAnswer`; null where nothing but the id is known."""
    status: str
    duplicate: bool
    scheduled_at: str | None
    status_url: str
    success: bool | UnsetType = UNSET
    """True, and only where `success` is never null (`app.compat.boolean-success`): what reads it must not send again."""


class PartAnswer(Struct, frozen=True, rename="camel"):
    """One part of a MIXED message."""

    index: int
    message_id: str
    status: str


class GroupAnswer(Struct, frozen=True, rename="camel"):
    """A MIXED message: one message per part, in order; stops at the first part that is refused."""

    group_id: str
    parts: tuple[PartAnswer, ...]
    duplicate: bool = False
    success: bool | UnsetType = UNSET
    """Only where `success` is never null (`app.compat.boolean-success`): false where a part is refused."""


class StatusFields(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a status object and a whole message have in common."""

    message_id: str
    status: str
    """The full name."""
    state: str
    """The five-value view for old clients: pending, sending, sent, delivered, failed."""
    success: bool | None
    final: bool
    error_code: int | None
    error_message: str | None
    reason: str | None
    confirmed: bool | None
    possible_duplicate: bool
    recall_confirmed: bool | None
    simulated: bool
    provider_code: str | None
    provider_message_id: str | None
    update_time: str
    next_attempt_at: str | None


class StatusAnswer(StatusFields, frozen=True, kw_only=True, rename="camel"):
    """The status of a message."""

    attempts: int


class ListedMessage(StatusAnswer, frozen=True, kw_only=True, rename="camel"):
    """A status in a list, with what distinguishes messages."""

    conversation_id: str
    guid: str | None
    message_type: str
    client_message_id: str | None
    campaign_id: str | None
    created_at: str


class MessagePage(Struct, frozen=True, rename="camel"):
    """A list of messages, newest first."""

    items: tuple[ListedMessage, ...]
    """May be none although others follow."""
    next_cursor: str | None
    """Null where the list ends."""


class StatusPage(Struct, frozen=True, rename="camel"):
    """The requested statuses, in the order of the ids; ids that do not exist are left out."""

    items: tuple[StatusAnswer, ...]
    next_cursor: str | None = None


def shown_success(status: MessageStatus) -> bool | None:
    """`success`, but never null where clients cannot read that: what may yet be sent, or was, must not be sent again (ADR 84)."""
    known = success(status)
    return True if known is None and answer_form().boolean_success else known


def is_simulated(message: Message, providers: Mapping[ProviderCode, Provider]) -> bool:
    """Whether our own simulator was, or would be, in the place of WeCom (D-35)."""
    attempt = message.attempts.reported
    return simulates(attempt.provider_code if attempt is not None else message.options.provider_code, providers)


def simulates(code: ProviderCode | None, providers: Mapping[ProviderCode, Provider]) -> bool:
    """Whether this provider, or the default one, is our own simulator."""
    provider = providers.get(code) if code is not None else default_provider(providers.values())
    return provider is not None and provider.simulated


def error_of(outcome: AttemptOutcome | None) -> tuple[int | None, str | None]:
    """The provider's integer and text; an acceptance is 0 and ok, as Java had it."""
    if outcome is None:
        return None, None
    return _error_of(outcome.kind, outcome.error_code, outcome.error_message)


def _error_of(kind: OutcomeClass | None, code: int | None, text: str | None) -> tuple[int | None, str | None]:
    return (code or 0, text or "ok") if kind is OutcomeClass.ACCEPTED else (code, text)


def send_answer(
    message: Message, *, request_id: str, duplicate: bool, simulated: bool, paused: bool = False
) -> SendAnswer:
    """The `data` of a sync send; `paused` as in `status_fields`."""
    attempt = message.attempts.reported
    outcome = attempt.outcome if attempt is not None else None
    receipt = outcome.receipt if outcome is not None else None
    error_code, error_message = error_of(outcome)
    ended_at = attempt.ended_at if attempt is not None else None
    return SendAnswer(
        message_id=message.id,
        account_id=message.account_id,
        status=message.status.value,
        success=shown_success(message.status),
        reason=HoldReason.PAUSED.value if paused else message.reason,
        error_code=error_code,
        error_message=error_message,
        provider_code=attempt.provider_code if attempt is not None else message.options.provider_code,
        provider_message_id=attempt.provider_message_id if attempt is not None else None,
        message_seq=receipt.seq if receipt is not None else None,
        send_time=iso(send_instant(attempt.sent_at)) if attempt is not None else None,
        sender_id=receipt.sender_id if receipt is not None else None,
        receiver_id=receipt.text("receiver_id") if receipt is not None else None,
        room_id=receipt.text("room_id") if receipt is not None else None,
        message_type=receipt.number("message_type") if receipt is not None else None,
        content_type=receipt.number("content_type") if receipt is not None else None,
        content=receipt.text("content") if receipt is not None else None,
        sender_name=receipt.text("sender_name") if receipt is not None else None,
        dev_info=receipt.text("dev_info") if receipt is not None else None,
        app_info=receipt.app_info if receipt is not None else None,
        extra_content=receipt.text("extra_content") if receipt is not None else None,
        is_svr_fail=receipt.flag("is_svr_fail") if receipt is not None else None,
        confirmed=message.confirmed,
        possible_duplicate=message.possible_duplicate,
        recall_confirmed=message.recall.confirmed,
        simulated=simulated,
        attempts=len(message.attempts),
        duration=ended_at - message.accepted_at if ended_at is not None else None,
        duplicate=duplicate,
        request_id=request_id,
        extra=message.options.extra,
    )


def status_fields(view: MessageView, *, simulated: bool, paused: bool = False) -> dict[str, Any]:
    """The values of `StatusFields`, for any Struct that extends it; `paused`: an operator is why it waits."""
    return _status_fields(StatusView.of(view, paused=paused), simulated=simulated)


def _status_fields(view: StatusView, *, simulated: bool) -> dict[str, Any]:
    error_code, error_message = _error_of(view.outcome, view.error_code, view.error_message)
    return {
        "message_id": view.id,
        "status": view.status.value,
        "state": old_state(view.status),
        "success": shown_success(view.status),
        "final": view.status in FINAL,
        "error_code": error_code,
        "error_message": error_message,
        "reason": view.reason,
        "confirmed": view.confirmed,
        "possible_duplicate": view.possible_duplicate,
        "recall_confirmed": view.recall_confirmed,
        "simulated": simulated,
        "provider_code": view.provider_code,
        "provider_message_id": view.provider_message_id,
        "update_time": iso(view.updated_at),
        "next_attempt_at": iso(view.next_attempt_at) if view.status in _TIMED else None,
    }


def status_answer(view: MessageView, *, simulated: bool, paused: bool = False) -> StatusAnswer:
    """The status object of a whole message."""
    return polled_answer(StatusView.of(view, paused=paused), simulated=simulated)


def polled_answer(view: StatusView, *, simulated: bool) -> StatusAnswer:
    """The status object."""
    return StatusAnswer(**_status_fields(view, simulated=simulated), attempts=view.attempts)


def identity(view: MessageView) -> dict[str, Any]:
    """The fields that distinguish a message from others."""
    message = view.message
    attempt = message.attempts.reported
    return {
        "conversation_id": message.conversation_id,
        "guid": message.guid or (attempt.guid if attempt is not None else None),
        "message_type": message.message_type,
        "client_message_id": message.options.client_message_id,
        "campaign_id": message.options.campaign_id,
        "created_at": iso(message.accepted_at),
    }


def listed_message(view: MessageView, *, simulated: bool, paused: bool = False) -> ListedMessage:
    """A status object in a list."""
    return ListedMessage(
        **status_fields(view, simulated=simulated, paused=paused),
        **identity(view),
        attempts=len(view.message.attempts),
    )


def group_answer(group_id: str, parts: Iterable[MessageView], *, duplicate: bool = False) -> GroupAnswer:
    """The `data` of a MIXED send."""
    messages = [view.message for view in parts]
    return GroupAnswer(
        group_id,
        tuple(PartAnswer(message.index or 0, message.id, message.status.value) for message in messages),
        duplicate,
        accepted_success(message.status for message in messages),
    )


def accepted_success(statuses: Iterable[MessageStatus] = ()) -> bool | UnsetType:
    """The `success` of an answer that has it only where it is never null: false where one of the statuses is a refusal."""
    if not answer_form().boolean_success:
        return UNSET
    return all(status not in REFUSED for status in statuses)
