"""POST callbacks/webhook of the default or a named provider, and the stored callbacks (W-5)."""

import dataclasses
import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from litestar import Request
from litestar.exceptions import NotFoundException
from litestar.params import PathParameter, QueryParameter

from wework_message.application.big_work import computed
from wework_message.application.callbacks.gate import Origin
from wework_message.application.errors import CallbackRefusedError, NotFoundError
from wework_message.domain.access.scopes import Scope
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import Guid
from wework_message.domain.ports.queries import CallbackView
from wework_message.domain.signatures import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from wework_message.entrypoints.rest.api import Api, ApiDependency
from wework_message.entrypoints.rest.callers import forwarded_of, peer_of
from wework_message.entrypoints.rest.http.envelope import MAX_ITEM_BYTES, Answer, Enveloped, encode
from wework_message.entrypoints.rest.http.query_parameters import (
    NAME_SCHEMA,
    NO_PARAMETERS,
    Cursor,
    GuidName,
    Name,
    bad_parameter,
    checked_text,
    cursor_number,
    next_cursor,
)
from wework_message.entrypoints.rest.http.request_body import read_body
from wework_message.entrypoints.rest.http.routing import HOT, NOT_AUDITED, PUBLIC, answers, errors, get, post, reading
from wework_message.entrypoints.rest.request_schemas import CALLBACK
from wework_message.entrypoints.wire.answers.callbacks import CallbackAnswer, callback_answer
from wework_message.entrypoints.wire.problems import RequestRejected

MAX_DIGITS: Final = 18
"""The longest id: more digits do not fit into a database integer."""

RECEIVED: Final = "回调已接收"
"""The Java service's answer, which some clients compare."""


_SIGNATURE: Final = {name.encode(): name for name in (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)}

ProviderOrToken: TypeAlias = Annotated[
    str,
    PathParameter(
        description="A provider's code, or a token of `POST /api/callbacks/tokens`.", schema_extra=NAME_SCHEMA
    ),
]


@post(
    "/api/callbacks/webhook",
    scope=PUBLIC,
    audit=NOT_AUDITED,
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
    scope=PUBLIC,
    audit=NOT_AUDITED,
    summary="Callbacks of one provider come in here",
    operation_class=reading(CALLBACK),
    responses=answers({200: str}) | errors(400, 404, 413, 422),
)
async def receive_provider_callback(
    api: ApiDependency, request: Request[Any, Any, Any], provider_code: ProviderOrToken
) -> Answer:
    """Callbacks of the provider that the path names, or whose token it has."""
    return await _ingest(api, request, provider_code)


async def _ingest(api: Api, request: Request[Any, Any, Any], name: str | None) -> Answer:
    """Store a provider's callback durably, then answer; a draining process still takes it.

    Who may not bring it is answered like a path that does not exist. The body is not read then, unless it may fit a signature.
    """
    application = api.application
    gate, body = application.callback_gate, b""
    try:
        caller = await gate.admit(name, partial(_origin, request))
        body = await read_body(request, max_bytes=api.config.max_callback_bytes)
        await application.ingest_callback(body, gate.verify(caller, body))
    except InvalidValueError as problem:
        raise (problem if await computed(len(body), _is_json, body) else _no_json()) from None
    except CallbackRefusedError as refused:
        gate.refused(refused.refusal)
        raise NotFoundException from None
    return api.answer(request, RECEIVED)


def _origin(request: Request[Any, Any, Any]) -> Origin:
    signature = {
        _SIGNATURE[name]: value.decode("latin-1") for name, value in request.scope["headers"] if name in _SIGNATURE
    }
    return Origin(peer_of(request.scope), forwarded_of(request.scope), signature)


def _no_json() -> RequestRejected:
    return RequestRejected(400, "INVALID_JSON", "the body is not JSON in UTF-8")


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return False
    return True


Items: TypeAlias = Annotated[int, QueryParameter(name="limit", ge=1, le=100, description="Items.")]


@get(
    "/api/callbacks/{guid:str}/recent",
    scope=Scope.CALLBACKS_READ,
    summary="The newest callbacks of a guid",
    responses=errors(422),
)
async def list_recent_callbacks(
    api: ApiDependency, guid: GuidName, limit: Items = 20, cursor: Cursor = None
) -> Enveloped[list[CallbackAnswer]]:
    """The newest callbacks of a guid."""
    return await _stored(api, guid, None, limit, cursor)


_NOTIFY_TYPE: Final = "[0-9]{1,9}"
"""Digits of any type that there is."""
NotifyType: TypeAlias = Annotated[str, PathParameter(schema_extra={"pattern": f"^{_NOTIFY_TYPE}$"})]
"""No integer, which Litestar would refuse in words of its own."""


@get(
    "/api/callbacks/{guid:str}/callbacks/{notify_type:str}",
    scope=Scope.CALLBACKS_READ,
    summary="The newest callbacks of one type",
    responses=errors(422),
)
async def list_callbacks_of_type(
    api: ApiDependency, guid: GuidName, notify_type: NotifyType, limit: Items = 10, cursor: Cursor = None
) -> Enveloped[list[CallbackAnswer]]:
    """The newest callbacks of one type."""
    if not re.fullmatch(_NOTIFY_TYPE, notify_type):
        raise bad_parameter("notifyType", "must be an integer")
    return await _stored(api, guid, int(notify_type), limit, cursor)


async def _stored(
    api: Api, guid: str, notify_type: int | None, limit: int, cursor: str | None
) -> Enveloped[list[CallbackAnswer]]:
    """A bare array, as Java had it; the cursor is in a header."""
    checked_text("guid", guid)
    views = await api.application.read.callbacks(
        api.tenant_id, Guid(guid), notify_type=notify_type, limit=limit + 1, before=cursor_number(cursor)
    )
    items, following = await callback_page(views, limit)
    return Enveloped(items, headers={"x-next-cursor": following} if following is not None else {})


async def callback_page(views: Sequence[CallbackView], limit: int) -> tuple[list[Any], str | None]:
    """The encoded answers of at most `limit` of the views, as many as fit into a page, and the cursor of the next page."""
    items = await computed(sum(len(view.raw or "") for view in views), _encoded, views[:limit])
    return items, next_cursor(views[len(items) - 1].id) if len(views) > len(items) else None


def _encoded(views: Sequence[CallbackView]) -> list[Any]:
    items: list[Any] = []
    size = 0
    for view in views:
        encoded = encode(callback_answer(view))
        if len(encoded) > MAX_ITEM_BYTES:
            encoded = encode(callback_answer(dataclasses.replace(view, raw=None)))
        size += len(encoded)
        if items and (view.raw is None or size > MAX_ITEM_BYTES):
            break
        items.append(msgspec.Raw(encoded))
    return items


@get(
    "/api/callbacks/by-id/{callback_id:str}",
    scope=Scope.CALLBACKS_READ,
    summary="One callback, however long it is",
    responses=errors(404, 422),
    opt=NO_PARAMETERS,
)
async def get_callback(api: ApiDependency, callback_id: Name) -> Enveloped[CallbackAnswer]:
    """One callback, whole."""
    view = None
    if callback_id.isascii() and callback_id.isdigit() and len(callback_id) <= MAX_DIGITS:
        view = await api.application.read.callback(api.tenant_id, int(callback_id))
    if view is None:
        raise NotFoundError("callback")
    encoded: Any = msgspec.Raw(await computed(len(view.raw or ""), lambda: encode(callback_answer(view))))
    return Enveloped(encoded)
