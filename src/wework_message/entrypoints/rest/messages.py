"""GET status, message and list (wire section 3)."""

from datetime import datetime
from typing import Any, Final

import msgspec
from litestar import Request

from wework_message.application.errors import NotFoundError
from wework_message.domain.content import MessageType
from wework_message.domain.ids import BatchId, Guid, MessageId, ProviderCode
from wework_message.domain.lifecycle import FINAL, MessageStatus
from wework_message.domain.ports.reading import MessageFilter, MessageView
from wework_message.entrypoints.rest.api import TENANT, Api
from wework_message.entrypoints.rest.envelope import Answer
from wework_message.entrypoints.rest.request_input import Query, bad_parameter, next_cursor
from wework_message.entrypoints.rest.sending import MAX_WAIT_MS
from wework_message.entrypoints.wire.answers import MessagePage, StatusPage, listed_message
from wework_message.entrypoints.wire.fields import epoch_ms
from wework_message.entrypoints.wire.message_answers import message_answer

MAX_IDS: Final = 100

LIST_PARAMETERS: Final = frozenset(
    {
        "status", "guid", "accountId", "conversationId", "messageType", "providerCode", "batchId", "clientMessageId",
        "createdFrom", "createdTo", "limit", "cursor",
    }
)  # fmt: skip


async def status(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """The status; with `wait` (s) as soon as it changes, at the latest after that time."""
    wait_ms = Query(request, frozenset({"wait"})).integer("wait", 0, least=0, most=MAX_WAIT_MS // 1000) * 1000
    if not wait_ms:
        return await _polled(api, request, MessageId(request.path_params["message_id"]))
    view = await api.view(request.path_params["message_id"])
    if view.message.status not in FINAL:
        seen = view.message.version

        def changed(later: MessageView) -> bool:
            return later.message.version != seen

        view = await api.application.wait(TENANT, view.message.id, enough=changed, wait_ms=wait_ms) or view
    return api.answer(request, api.status(view))


async def _polled(api: Api, request: Request[Any, Any, Any], name: MessageId) -> Answer:
    view = (await api.application.poll.statuses(TENANT, [name])).get(name)
    if view is None:
        raise NotFoundError("message")
    return api.answer(request, api.polled(view))


async def statuses(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """Up to 100 statuses, in the order of the ids; ids that do not exist are left out."""
    asked = Query(request, frozenset({"ids"})).text("ids", most=8_192)
    names = [MessageId(name) for name in dict.fromkeys((asked or "").split(",")) if name]
    if not 1 <= len(names) <= MAX_IDS:
        raise bad_parameter("ids", f"must name 1 to {MAX_IDS} messages, separated by commas")
    views = await api.application.poll.statuses(TENANT, names)
    return api.answer(request, StatusPage(tuple(api.polled(views[name]) for name in names if name in views)))


async def message(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """The whole message with its timeline and the decisions of its attempts."""
    view = await api.view(request.path_params["message_id"])
    notes = await api.application.read.timeline(view.message.id)
    return api.answer(request, message_answer(view, notes, simulated=api.simulated(view)))


async def messages(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """A page of messages, newest first."""
    query = Query(request, LIST_PARAMETERS)
    limit, before = query.limit(), query.cursor()
    views = await api.application.read.page(
        TENANT, _filters(query), limit=limit + 1, before=MessageId(before) if before is not None else None
    )
    page = views[:limit]
    items = tuple(listed_message(view, simulated=api.simulated(view)) for view in page)
    return api.answer(request, MessagePage(items, next_cursor(page[-1].message.id) if len(views) > limit else None))


def _filters(query: Query) -> MessageFilter:
    asked_status, asked_type = query.text("status"), query.text("messageType")
    if asked_status is not None and asked_status not in tuple(MessageStatus):
        raise bad_parameter("status", f"must be one of {', '.join(MessageStatus)}")
    if asked_type is not None and asked_type not in tuple(MessageType):
        raise bad_parameter("messageType", "must be a message type")
    guid, provider, batch = query.text("guid"), query.text("providerCode"), query.text("batchId")
    return MessageFilter(
        status=MessageStatus(asked_status) if asked_status is not None else None,
        guid=Guid(guid) if guid is not None else None,
        account_id=query.text("accountId"),
        conversation_id=query.text("conversationId"),
        message_type=asked_type,
        provider_code=ProviderCode(provider) if provider is not None else None,
        batch_id=BatchId(batch) if batch is not None else None,
        client_message_id=query.text("clientMessageId"),
        created_from=_instant(query, "createdFrom"),
        created_to=_instant(query, "createdTo"),
    )


def _instant(query: Query, name: str) -> int | None:
    text = query.text(name)
    if text is None:
        return None
    try:
        # A plus that was not escaped arrives as a space; an instant has no other space before its zone.
        instant = msgspec.convert(text.replace(" ", "+"), datetime, strict=False)
    except msgspec.ValidationError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise bad_parameter(name, "must be an ISO-8601 time with zone")
    return epoch_ms(instant)
