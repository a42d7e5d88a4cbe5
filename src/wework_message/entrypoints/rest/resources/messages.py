"""GET status, message and list (W-3)."""

from typing import Annotated, Any, Final

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from wework_message.application.errors import NotFoundError
from wework_message.domain.access.scopes import Scope
from wework_message.domain.ids import MessageId
from wework_message.domain.lifecycle import FINAL
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.ports.queries import MessageView
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.envelope import Answer
from wework_message.entrypoints.rest.http.preferences import MAX_WAIT_MS
from wework_message.entrypoints.rest.http.query_parameters import (
    Cursor,
    Limit,
    Name,
    bad_parameter,
    checked_text,
    cursor_text,
    next_cursor,
)
from wework_message.entrypoints.rest.http.routing import answers, errors, get
from wework_message.entrypoints.rest.load.in_flight import begin_waiting
from wework_message.entrypoints.rest.resources.message_filters import message_filter
from wework_message.entrypoints.wire.answers.messages import MessageAnswer, message_answer
from wework_message.entrypoints.wire.answers.statuses import MessagePage, StatusAnswer, StatusPage, listed_message

MAX_IDS: Final = 100
MAX_IDS_LENGTH: Final = 8_192
"""Characters of the ids and the commas."""


@get(
    "/api/messages",
    scope=Scope.MESSAGES_READ,
    summary="Messages, newest first",
    responses=errors(422),
    dependencies={"narrowed_by": message_filter},
)
async def list_messages(
    api: ApiDependency, narrowed_by: NamedDependency[MessageFilter], limit: Limit = 50, cursor: Cursor = None
) -> MessagePage:
    """A page of messages, newest first; `message_filter` has the filters."""
    before = cursor_text(cursor)
    page = await api.application.read.page(
        api.tenant_id, narrowed_by, limit=limit, before=MessageId(before) if before is not None else None
    )
    items = tuple(
        listed_message(view, simulated=api.simulated(view), paused=api.paused(view)) for view in page.messages
    )
    return MessagePage(items, next_cursor(page.following) if page.following is not None else None)


Ids = Annotated[
    str,
    QueryParameter(
        description=f"1 to {MAX_IDS} message ids, separated by commas.",
        schema_extra={
            "minLength": 1,
            "maxLength": MAX_IDS_LENGTH,
            "pattern": "[^,]",
        },
    ),
]


@get(
    "/api/messages/status",
    scope=Scope.MESSAGES_READ,
    summary="Up to 100 statuses at once; unknown ids are left out",
    responses=errors(422),
)
async def list_statuses(api: ApiDependency, ids: Ids) -> StatusPage:
    """Up to 100 statuses, in the order of the ids; ids that do not exist are left out."""
    checked_text("ids", ids, max_length=MAX_IDS_LENGTH)
    message_ids = [MessageId(message_id) for message_id in dict.fromkeys(ids.split(",")) if message_id]
    if not 1 <= len(message_ids) <= MAX_IDS:
        raise bad_parameter("ids", f"must name 1 to {MAX_IDS} messages, separated by commas")
    views = await api.application.poll.statuses(api.tenant_id, message_ids)
    return StatusPage(tuple(api.polled(views[message_id]) for message_id in message_ids if message_id in views))


@get(
    "/api/messages/{message_id:str}",
    scope=Scope.MESSAGES_READ,
    summary="The whole message with its timeline and routing decisions",
    responses=errors(404),
)
async def get_message(api: ApiDependency, message_id: Name) -> MessageAnswer:
    """The whole message with its timeline and the decisions of its attempts."""
    view = await api.view(message_id)
    notes = await api.application.read.timeline(api.tenant_id, view.message.id)
    return message_answer(view, notes, simulated=api.simulated(view), paused=api.paused(view))


Wait = Annotated[
    int,
    QueryParameter(ge=0, le=MAX_WAIT_MS // 1000, description="Answer at the next change, or after so many seconds."),
]


@get(
    "/api/messages/{message_id:str}/status",
    scope=Scope.MESSAGES_READ,
    summary="Where a message stands",
    responses=answers({200: StatusAnswer}) | errors(404, 422),
)
async def get_message_status(
    api: ApiDependency, request: Request[Any, Any, Any], message_id: Name, wait: Wait = 0
) -> Answer:
    """The status; with `wait` (s) as soon as it changes, at the latest after that time. Polled often: it answers itself."""
    if not wait:
        polled = (await api.application.poll.statuses(api.tenant_id, [MessageId(message_id)])).get(
            MessageId(message_id)
        )
        if polled is None:
            raise NotFoundError("message")
        return api.answer(request, api.polled(polled))
    view = await api.view(message_id)
    if view.message.status not in FINAL:
        known_version = view.message.version

        def changed(later: MessageView) -> bool:
            return later.message.version != known_version

        begin_waiting(request.scope)
        waited = await api.application.wait(
            api.tenant_id, view.message.id, enough=changed, wait_ms=wait * 1000, refuse_if_full=True
        )
        view = waited or view
    return api.answer(request, api.status(view))
