"""GET status, message and list (wire section 3)."""

from typing import Any, Final

from litestar import Request

from wework_message.application.errors import NotFoundError
from wework_message.domain.ids import MessageId
from wework_message.domain.lifecycle import FINAL
from wework_message.domain.ports.queries import MessageView
from wework_message.entrypoints.rest.answering import Answer
from wework_message.entrypoints.rest.message_filters import FILTER_NAMES, read_filters
from wework_message.entrypoints.rest.reading import Query, bad_parameter, next_cursor
from wework_message.entrypoints.rest.sending import MAX_WAIT_MS
from wework_message.entrypoints.rest.service import TENANT, Api
from wework_message.entrypoints.wire.answers.messages import message_answer
from wework_message.entrypoints.wire.answers.statuses import MessagePage, StatusPage, listed_message

MAX_IDS: Final = 100

LIST_PARAMETERS: Final = FILTER_NAMES | {"limit", "cursor"}


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
        TENANT, read_filters(query), limit=limit + 1, before=MessageId(before) if before is not None else None
    )
    page = views[:limit]
    items = tuple(listed_message(view, simulated=api.simulated(view)) for view in page)
    return api.answer(request, MessagePage(items, next_cursor(page[-1].message.id) if len(views) > limit else None))
