"""Callbacks that were not applied: lists, numbers, replay, and the purge of the quarantine (W-5)."""

from typing import Annotated, Any, Final, TypeAlias

from litestar import Request
from litestar.params import QueryParameter

from wework_message.application.callbacks.kept import PurgeQuarantine
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import Guid
from wework_message.domain.inbox import InboxState
from wework_message.entrypoints.rest.api import Api, ApiDependency
from wework_message.entrypoints.rest.http.auditing import note_fields
from wework_message.entrypoints.rest.http.query_parameters import (
    INSTANT_SCHEMA,
    NO_PARAMETERS,
    TEXT_SCHEMA,
    Cursor,
    checked_text,
    cursor_number,
    instant_parameter,
    next_cursor,
)
from wework_message.entrypoints.rest.http.request_body import read_body
from wework_message.entrypoints.rest.http.routing import delete, errors, get, post, reading
from wework_message.entrypoints.rest.request_schemas import CALLBACK_REPLAY
from wework_message.entrypoints.rest.resources.callbacks import Items, callback_page
from wework_message.entrypoints.wire.answers.callbacks import (
    CallbackPage,
    CallbackReplayAnswer,
    CallbackStatsAnswer,
    PurgeAnswer,
    callback_stats,
)
from wework_message.entrypoints.wire.requests.callbacks import parse_callback_replay
from wework_message.entrypoints.wire.requests.plain_fields import MAX_BYTES

COUNTED: Final = 5_000
"""How far the numbers go: as many of each state, and so many of the newest ones."""

OfGuid: TypeAlias = Annotated[
    str | None, QueryParameter(name="guid", description="Only of this guid.", schema_extra=TEXT_SCHEMA)
]
Before: TypeAlias = Annotated[
    str | None,
    QueryParameter(name="before", description="Only received before this time.", schema_extra=INSTANT_SCHEMA),
]


@get(
    "/api/callbacks/quarantine",
    scope=Scope.CALLBACKS_READ,
    summary="Callbacks that cannot be read or belong to no sender, of all guids, newest first",
    responses=errors(422),
)
async def list_quarantine(
    api: ApiDependency, guid: OfGuid = None, limit: Items = 20, cursor: Cursor = None
) -> CallbackPage:
    """Quarantined callbacks, of all guids or of one."""
    return await _in_state(api, InboxState.QUARANTINED, guid, limit, cursor)


@get(
    "/api/callbacks/parked",
    scope=Scope.CALLBACKS_READ,
    summary="Records of own accounts that match no message yet, newest first",
    responses=errors(422),
)
async def list_parked(
    api: ApiDependency, guid: OfGuid = None, limit: Items = 20, cursor: Cursor = None
) -> CallbackPage:
    """Parked callbacks, of all guids or of one."""
    return await _in_state(api, InboxState.PARKED, guid, limit, cursor)


async def _in_state(api: Api, state: InboxState, guid: str | None, limit: int, cursor: str | None) -> CallbackPage:
    views = await api.application.read.callbacks(
        api.tenant_id, _guid(guid), notify_type=None, limit=limit + 1, before=cursor_number(cursor), state=state
    )
    items, following = await callback_page(views, limit)
    return CallbackPage(tuple(items), following)


@get(
    "/api/callbacks/stats",
    scope=Scope.CALLBACKS_READ,
    summary="How many callbacks are stored, by state, and the newest by provider and type",
    responses=errors(422),
    opt=NO_PARAMETERS,
)
async def get_callback_stats(api: ApiDependency) -> CallbackStatsAnswer:
    """Counted no further than 5,000 of each: as cheap on a million callbacks as on ten thousand.

    The operator's numbers are those of the service, another tenant's are of its own among these.
    """
    tenant_id = None if api.caller.is_operator else api.tenant_id
    return callback_stats(await api.application.read.callback_counts(tenant_id, limit=COUNTED), COUNTED)


@post(
    "/api/callbacks/replay",
    scope=Scope.CALLBACKS_ADMIN,
    audit=AuditAction.CALLBACK_REPLAY,
    summary="Judge callbacks again that were not applied, a part in each request",
    operation_class=reading(CALLBACK_REPLAY, lambda: {"guid": {"since": "2026-11-30T00:00:00Z", "guid": "test-guid"}}),
    responses=errors(400, 413, 415, 422),
)
async def replay_callbacks(
    api: ApiDependency, request: Request[Any, Any, Any], cursor: Cursor = None
) -> CallbackReplayAnswer:
    """Newest first, at most 500 of them; none while many wait. They keep the time of their arrival."""
    body = await read_body(request, max_bytes=MAX_BYTES)
    command = parse_callback_replay(
        body, api.tenant_id, api.config.limits.at(api.config.now()).instants, cursor_number(cursor)
    )
    note_fields(request, body)
    step = await api.application.replay_callbacks(command)
    following = next_cursor(step.following) if step.following is not None else None
    return CallbackReplayAnswer(step.entries, command.dry_run, following is not None, following)


@delete(
    "/api/callbacks/quarantine",
    scope=Scope.CALLBACKS_ADMIN,
    audit=AuditAction.CALLBACK_PURGE,
    summary="Delete quarantined callbacks, at most 10,000 at once",
    responses=errors(422),
)
async def purge_quarantine(api: ApiDependency, guid: OfGuid = None, before: Before = None) -> PurgeAnswer:
    """Delete quarantined callbacks: all, or those of a guid, or those received before a time."""
    received_before = None
    if before is not None:
        received_before = instant_parameter("before", before, api.config.limits.at(api.config.now()).instants)
    purged = await api.application.purge_quarantine(PurgeQuarantine(api.tenant_id, _guid(guid), received_before))
    return PurgeAnswer(purged.deleted, purged.more)


def _guid(guid: str | None) -> Guid | None:
    text = checked_text("guid", guid)
    return Guid(text) if text is not None else None
