"""Erasures of what is held of a person or a room (ADR 63)."""

from operator import attrgetter
from typing import Any

from litestar import Request

from wework_message.application.erasures.start import StartErasure
from wework_message.application.errors import NotFoundError
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import ErasureId
from wework_message.entrypoints.rest.api import ApiDependency, link
from wework_message.entrypoints.rest.http.auditing import note_fields, note_target
from wework_message.entrypoints.rest.http.envelope import ACCEPTED, Enveloped
from wework_message.entrypoints.rest.http.query_parameters import (
    NO_PARAMETERS,
    Cursor,
    Limit,
    Name,
    cursor_text,
    items_of,
)
from wework_message.entrypoints.rest.http.request_body import read_body
from wework_message.entrypoints.rest.http.routing import errors, get, post, reading
from wework_message.entrypoints.rest.request_schemas import ERASURE
from wework_message.entrypoints.wire.answers.erasures import ErasurePage, ErasureProgress, erasure_progress
from wework_message.entrypoints.wire.requests.erasures import parse_erasure
from wework_message.entrypoints.wire.requests.examples import erasure_examples
from wework_message.entrypoints.wire.requests.plain_fields import MAX_BYTES


@post(
    "/api/erasures",
    scope=Scope.ERASURES_ADMIN,
    audit=AuditAction.ERASURE_START,
    status_code=ACCEPTED,
    summary="Erase what is held of a person or a room; or only count it",
    operation_class=reading(ERASURE, erasure_examples),
    responses=errors(400, 413, 415, 422),
)
async def start_erasure(api: ApiDependency, request: Request[Any, Any, Any]) -> Enveloped[ErasureProgress]:
    """Store an erasure; a process that dispatches does it, a few rows at a time."""
    body = await read_body(request, max_bytes=MAX_BYTES)
    requested = parse_erasure(body, api.config.limits.conversations)
    note_fields(request, body)
    command = StartErasure(api.tenant_id, requested.subject, requested.dry_run, requested.note)
    erasure = await api.take_work().start_erasure(command)
    note_target(request, erasure.id)
    headers = {"location": link(request, f"/api/erasures/{erasure.id}")}
    return Enveloped(erasure_progress(erasure), headers=headers)


@get("/api/erasures", scope=Scope.ERASURES_ADMIN, summary="Erasures, newest first", responses=errors(422))
async def list_erasures(api: ApiDependency, limit: Limit = 50, cursor: Cursor = None) -> ErasurePage:
    """A page of erasures, newest first."""
    before = cursor_text(cursor)
    erasures = await api.application.erasures.erasures(
        api.tenant_id, limit=limit + 1, before=ErasureId(before) if before is not None else None
    )
    return ErasurePage(*items_of(erasures, limit, erasure_progress, attrgetter("erasure_id")))


@get(
    "/api/erasures/{erasure_id:str}",
    scope=Scope.ERASURES_ADMIN,
    summary="How far an erasure is",
    responses=errors(404, 422),
    opt=NO_PARAMETERS,
)
async def get_erasure(api: ApiDependency, erasure_id: Name) -> ErasureProgress:
    """How far an erasure is, and what does not rest yet."""
    erasure = await api.application.erasures.erasure(api.tenant_id, ErasureId(erasure_id))
    if erasure is None:
        raise NotFoundError("erasure")
    return erasure_progress(erasure)
