"""Settle UNKNOWN messages by hand: one, or all that pass the filters of the list (W-5, ADR 54)."""

from typing import Annotated, Any, Final, TypeAlias

from litestar import Request
from litestar.params import QueryParameter

from wework_message.application.actions.resolve import Matching, ResolveMatching, ResolveNamed
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import MessageId
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.auditing import note_fields
from wework_message.entrypoints.rest.http.query_parameters import (
    NO_PARAMETERS,
    Cursor,
    Name,
    cursor_text,
    missing_parameter,
    next_cursor,
)
from wework_message.entrypoints.rest.http.request_body import read_body
from wework_message.entrypoints.rest.http.routing import answers, errors, post, reading
from wework_message.entrypoints.rest.request_schemas import BULK_RESOLUTION, RESOLUTION
from wework_message.entrypoints.rest.resources.message_actions import Changed, changed_answer
from wework_message.entrypoints.wire.answers.resolutions import BulkResolutionAnswer, bulk_resolution
from wework_message.entrypoints.wire.answers.statuses import AsyncAnswer, StatusAnswer
from wework_message.entrypoints.wire.requests.examples import resolution_examples
from wework_message.entrypoints.wire.requests.plain_fields import MAX_BYTES
from wework_message.entrypoints.wire.requests.resolutions import (
    AS_OF,
    parse_bulk_resolution,
    parse_resolution,
)

MAX_RESOLVED: Final = 1_000
"""Messages of one request at most: it ends well within the time of a request."""


@post(
    "/api/messages/{message_id:str}/resolve",
    scope=Scope.MESSAGES_FORCE,
    audit=AuditAction.MESSAGE_RESOLVE,
    summary="A person says whether an UNKNOWN message was sent",
    operation_class=reading(RESOLUTION, lambda: {"sent": resolution_examples()["sent"]}),
    responses=answers({200: StatusAnswer, 202: AsyncAnswer}) | errors(400, 404, 409, 413, 415, 422),
    opt=NO_PARAMETERS,
)
async def resolve_message(api: ApiDependency, request: Request[Any, Any, Any], message_id: Name) -> Changed:
    """SENT or FAILED; nothing is sent. A repetition changes nothing, and the opposite is 409."""
    body = await read_body(request, max_bytes=MAX_BYTES)
    word = parse_resolution(body)
    note_fields(request, body)
    change = api.application.resolve.message(ResolveNamed(api.tenant_id, MessageId(message_id), word))
    return await changed_answer(api, request, change, message_id)


Resolves: TypeAlias = Annotated[
    int, QueryParameter(name="limit", ge=1, le=MAX_RESOLVED, description="Messages of this request.")
]


@post(
    "/api/messages/resolve",
    scope=Scope.MESSAGES_FORCE,
    audit=AuditAction.MESSAGE_RESOLVE,
    summary="The same about all UNKNOWN messages that pass the filters, a part in each request",
    operation_class=reading(BULK_RESOLUTION, lambda: {"account": resolution_examples()["account"]}),
    responses=errors(400, 413, 415, 422),
)
async def resolve_messages(
    api: ApiDependency, request: Request[Any, Any, Any], limit: Resolves = 200, cursor: Cursor = None
) -> BulkResolutionAnswer:
    """Newest first; with `dryRun` they are only counted. Each part is durable: after an interruption begin anew, or go on."""
    now = api.config.now()
    body = await read_body(request, max_bytes=MAX_BYTES)
    requested = parse_bulk_resolution(body, limits=api.config.limits, now=now)
    note_fields(request, body)
    before = cursor_text(cursor)
    if before is not None and requested.as_of is None:
        raise missing_parameter(AS_OF, "is required with cursor: it is that of the first answer")
    as_of = requested.as_of if requested.as_of is not None else now
    resolved = await api.application.resolve.matching(
        ResolveMatching(
            Matching(api.tenant_id, requested.filters, as_of),
            requested.word,
            limit,
            MessageId(before) if before is not None else None,
            dry_run=requested.dry_run,
        )
    )
    following = next_cursor(resolved.following) if resolved.following is not None else None
    return bulk_resolution(
        resolved, requested.word.outcome, dry_run=requested.dry_run, as_of=as_of, next_cursor=following
    )
