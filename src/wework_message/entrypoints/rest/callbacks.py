"""POST callbacks/webhook, and the stored callbacks of a guid (wire section 5)."""

from typing import Any, Final

import msgspec
from litestar import Request

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import Guid
from wework_message.entrypoints.rest.api import Api
from wework_message.entrypoints.rest.envelope import Answer
from wework_message.entrypoints.rest.request_input import Query, bad_parameter, next_cursor, read_body
from wework_message.entrypoints.wire.callback_answers import callback_answer
from wework_message.entrypoints.wire.problems import RequestRejected

RECEIVED: Final = "回调已接收"
"""What Java answered, and what some clients compare."""

RECENT: Final = 20
BY_TYPE: Final = 10


async def webhook(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """Store a provider's callback durably, then answer; a draining process still takes it."""
    body = await read_body(request, most=api.config.max_callback_bytes)
    try:
        await api.application.ingest_callback(body)
    except InvalidValueError as problem:
        raise (problem if _is_json(body) else _NO_JSON) from None
    return api.answer(request, RECEIVED)


_NO_JSON: Final = RequestRejected(400, "INVALID_JSON", "the body is not JSON in UTF-8")


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return False
    return True


async def recent(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """The newest callbacks of a guid."""
    return await _stored(api, request, notify_type=None, default=RECENT)


async def by_type(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """The newest callbacks of one type."""
    asked: str = request.path_params["notify_type"]
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 9):  # noqa: PLR2004 -- digits of any type that there is
        raise bad_parameter("notifyType", "must be an integer")
    return await _stored(api, request, notify_type=int(asked), default=BY_TYPE)


async def _stored(api: Api, request: Request[Any, Any, Any], *, notify_type: int | None, default: int) -> Answer:
    """A bare array, as Java had it; the cursor stands in a header."""
    query = Query(request, frozenset({"limit", "cursor"}))
    limit, before = query.limit(default), query.numeric_cursor()
    views = await api.application.read.callbacks(
        Guid(request.path_params["guid"]), notify_type=notify_type, limit=limit + 1, before=before
    )
    page = views[:limit]
    headers = ((b"x-next-cursor", next_cursor(page[-1].id).encode()),) if len(views) > limit else ()
    return api.answer(request, [callback_answer(view) for view in page], headers=headers)
