"""POST callbacks/webhook of the default or a named provider, and the stored callbacks of a guid (W-5)."""

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from litestar import Request
from litestar.params import QueryParameter

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.entrypoints.rest.api import Api, ApiDependency
from wework_message.entrypoints.rest.http.envelope import Answer, Enveloped
from wework_message.entrypoints.rest.http.query_parameters import (
    Cursor,
    Name,
    bad_parameter,
    cursor_number,
    next_cursor,
)
from wework_message.entrypoints.rest.http.request_body import read_body
from wework_message.entrypoints.rest.http.routing import HOT, answers, errors, get, post, reading
from wework_message.entrypoints.rest.request_schemas import CALLBACK
from wework_message.entrypoints.wire.answers.callbacks import CallbackAnswer, callback_answer
from wework_message.entrypoints.wire.problems import RequestRejected

RECEIVED: Final = "回调已接收"
"""The Java service's answer, which some clients compare."""


@post(
    "/api/callbacks/webhook",
    summary="Callbacks of the default provider come in here",
    opt=HOT,
    operation_class=reading(CALLBACK),
    responses=answers({200: str}) | errors(400, 404, 413, 422),
)
async def receive_callback(api: ApiDependency, request: Request[Any, Any, Any]) -> Answer:
    """Callbacks of the default provider."""
    return await _ingest(api, request, None)


@post(
    "/api/callbacks/webhook/{provider_code:str}",
    summary="Callbacks of one provider come in here",
    operation_class=reading(CALLBACK),
    responses=answers({200: str}) | errors(400, 404, 413, 422),
)
async def receive_provider_callback(api: ApiDependency, request: Request[Any, Any, Any], provider_code: Name) -> Answer:
    """Callbacks of the provider that the path names."""
    return await _ingest(api, request, ProviderCode(provider_code))


async def _ingest(api: Api, request: Request[Any, Any, Any], provider_code: ProviderCode | None) -> Answer:
    """Store a provider's callback durably, then answer; a draining process still takes it."""
    body = await read_body(request, max_bytes=api.config.max_callback_bytes)
    try:
        await api.application.ingest_callback(body, provider_code)
    except InvalidValueError as problem:
        raise (problem if _is_json(body) else _no_json()) from None
    return api.answer(request, RECEIVED)


def _no_json() -> RequestRejected:
    return RequestRejected(400, "INVALID_JSON", "the body is not JSON in UTF-8")


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return False
    return True


Items: TypeAlias = Annotated[int, QueryParameter(name="limit", ge=1, le=100, description="Items.")]


@get("/api/callbacks/{guid:str}/recent", summary="The newest callbacks of a guid", responses=errors(422))
async def list_recent_callbacks(
    api: ApiDependency, guid: Name, limit: Items = 20, cursor: Cursor = None
) -> Enveloped[list[CallbackAnswer]]:
    """The newest callbacks of a guid."""
    return await _stored(api, guid, None, limit, cursor)


@get(
    "/api/callbacks/{guid:str}/callbacks/{notify_type:str}",
    summary="The newest callbacks of one type",
    responses=errors(422),
)
async def list_callbacks_of_type(
    api: ApiDependency, guid: Name, notify_type: Name, limit: Items = 10, cursor: Cursor = None
) -> Enveloped[list[CallbackAnswer]]:
    """The newest callbacks of one type."""
    if not (notify_type.isascii() and notify_type.isdigit() and len(notify_type) <= 9):  # noqa: PLR2004 -- digits of any type that there is
        raise bad_parameter("notifyType", "must be an integer")
    return await _stored(api, guid, int(notify_type), limit, cursor)


async def _stored(
    api: Api, guid: str, notify_type: int | None, limit: int, cursor: str | None
) -> Enveloped[list[CallbackAnswer]]:
    """A bare array, as Java had it; the cursor is in a header."""
    views = await api.application.read.callbacks(
        Guid(guid), notify_type=notify_type, limit=limit + 1, before=cursor_number(cursor)
    )
    page = views[:limit]
    headers = {"x-next-cursor": next_cursor(page[-1].id)} if len(views) > limit else {}
    return Enveloped([callback_answer(view) for view in page], headers=headers)
