"""Failed messages by cause, and their replays: beside the dead letters of the intake (W-5, ADR 47)."""

import re
from operator import attrgetter
from typing import Annotated, Any, Final, TypeAlias

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter

from wework_message.application.errors import NotFoundError
from wework_message.application.replays.start import StartReplay
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.failed_messages import CAUSES, FailureFilter
from wework_message.domain.ids import MessageId, ProviderCode, ReplayId
from wework_message.entrypoints.rest.api import ApiDependency, link
from wework_message.entrypoints.rest.http.auditing import note_fields, note_target
from wework_message.entrypoints.rest.http.envelope import ACCEPTED, Enveloped
from wework_message.entrypoints.rest.http.query_parameters import (
    INSTANT_SCHEMA,
    NO_PARAMETERS,
    TEXT_SCHEMA,
    Cursor,
    Limit,
    Name,
    bad_parameter,
    checked_text,
    cursor_text,
    instant_parameter,
    items_of,
    next_cursor,
)
from wework_message.entrypoints.rest.http.request_body import read_body
from wework_message.entrypoints.rest.http.routing import errors, get, post, reading
from wework_message.entrypoints.rest.request_schemas import REPLAY
from wework_message.entrypoints.rest.resources.sending import log_unanswered
from wework_message.entrypoints.wire.answers.replays import (
    FailureGroupPage,
    ReplayPage,
    ReplayProgress,
    failure_group,
    replay_progress,
)
from wework_message.entrypoints.wire.answers.statuses import MessagePage, listed_message
from wework_message.entrypoints.wire.requests.examples import replay_examples
from wework_message.entrypoints.wire.requests.replays import parse_replay

MAX_SKIPPED: Final = 100
"""Skipped messages in an answer."""

_INTEGER: Final = "-?[0-9]{1,18}"


def _parameter(name: str, description: str, **schema: Any) -> QueryParameter:
    return QueryParameter(name=name, description=description, schema_extra=schema)


Cause: TypeAlias = Annotated[str | None, _parameter("cause", "Only with this cause.", enum=[*map(str, CAUSES)])]
Provider: TypeAlias = Annotated[
    str | None, _parameter("providerCode", "Only those whose newest attempt was at this provider.", **TEXT_SCHEMA)
]
ErrorCode: TypeAlias = Annotated[
    str | None, _parameter("errorCode", "Only with this code of the provider.", pattern=f"^{_INTEGER}$")
]
OfAccount: TypeAlias = Annotated[str | None, _parameter("accountId", "Only of this account.", **TEXT_SCHEMA)]
CreatedFrom: TypeAlias = Annotated[
    str | None, _parameter("createdFrom", "Accepted at this time or later.", **INSTANT_SCHEMA)
]
CreatedTo: TypeAlias = Annotated[str | None, _parameter("createdTo", "Accepted before this time.", **INSTANT_SCHEMA)]


async def read_failure_filter(
    api: ApiDependency,
    cause: Cause = None,
    provider_code: Provider = None,
    error_code: ErrorCode = None,
    account_id: OfAccount = None,
    created_from: CreatedFrom = None,
    created_to: CreatedTo = None,
) -> FailureFilter:
    """The filter that the query asks for; raises `RequestRejected` (422) for a value that it cannot have."""
    if cause is not None and cause not in CAUSES:
        raise bad_parameter("cause", f"must be one of {', '.join(CAUSES)}")
    if error_code is not None and not re.fullmatch(_INTEGER, error_code):
        raise bad_parameter("errorCode", "must be an integer")
    allowed = api.config.limits.at(api.config.now()).instants
    code = checked_text("providerCode", provider_code)
    return FailureFilter(
        cause=cause,
        provider_code=ProviderCode(code) if code is not None else None,
        error_code=int(error_code) if error_code is not None else None,
        account_id=checked_text("accountId", account_id),
        created_from=instant_parameter("createdFrom", created_from, allowed) if created_from is not None else None,
        created_to=instant_parameter("createdTo", created_to, allowed) if created_to is not None else None,
    )


_FILTERED: Final = {"failures": Provide(read_failure_filter)}


@get(
    "/api/dead-letters",
    scope=Scope.MESSAGES_READ,
    summary="Failed messages by cause, provider and code; each page is about 10,000 messages",
    responses=errors(422),
    dependencies=_FILTERED,
)
async def list_failure_groups(
    api: ApiDependency, failures: NamedDependency[FailureFilter], cursor: Cursor = None
) -> FailureGroupPage:
    """The groups of the newest failed messages, or of those before `cursor`."""
    part = await api.application.failed.groups(api.tenant_id, failures, before=_message(cursor))
    return FailureGroupPage(tuple(map(failure_group, part.groups)), _cursor(part.following))


@get(
    "/api/dead-letters/messages",
    scope=Scope.MESSAGES_READ,
    summary="Failed messages, newest first",
    responses=errors(422),
    dependencies=_FILTERED,
)
async def list_failed_messages(
    api: ApiDependency, failures: NamedDependency[FailureFilter], limit: Limit = 50, cursor: Cursor = None
) -> MessagePage:
    """A page of failed messages, newest first."""
    page = await api.application.failed.page(api.tenant_id, failures, limit=limit, before=_message(cursor))
    items = tuple(listed_message(view, simulated=api.simulated(view)) for view in page.messages)
    return MessagePage(items, _cursor(page.following))


@post(
    "/api/dead-letters/replay",
    scope=Scope.MESSAGES_FORCE,
    audit=AuditAction.REPLAY_START,
    status_code=ACCEPTED,
    summary="Send failed messages anew, so many per second; or only count them",
    operation_class=reading(REPLAY, replay_examples),
    responses=errors(400, 413, 415, 422),
)
async def start_replay(api: ApiDependency, request: Request[Any, Any, Any]) -> Enveloped[ReplayProgress]:
    """Store a replay; a process that dispatches does it."""
    body = await read_body(request, max_bytes=api.config.limits.max_message_bytes)
    requested, selection = parse_replay(body, limits=api.config.limits, now=api.config.now())
    note_fields(request, body)
    command = StartReplay(api.tenant_id, selection, requested.rate_per_second, requested.dry_run)
    started = await api.take_work().start_replay(command)
    note_target(request, started.replay.id)
    answer = replay_progress(started.replay, started.skipped[:MAX_SKIPPED])
    return Enveloped(answer, headers={"location": link(request, f"/api/dead-letters/replays/{started.replay.id}")})


@get("/api/dead-letters/replays", scope=Scope.MESSAGES_READ, summary="Replays, newest first", responses=errors(422))
async def list_replays(api: ApiDependency, limit: Limit = 50, cursor: Cursor = None) -> ReplayPage:
    """A page of replays, newest first."""
    before = cursor_text(cursor)
    replays = await api.application.replays.replays(
        api.tenant_id, limit=limit + 1, before=ReplayId(before) if before is not None else None
    )
    return ReplayPage(*items_of(replays, limit, replay_progress, attrgetter("replay_id")))


@get(
    "/api/dead-letters/replays/{replay_id:str}",
    scope=Scope.MESSAGES_READ,
    summary="How far a replay is, and what it skipped",
    responses=errors(404, 422),
    opt=NO_PARAMETERS,
)
async def get_replay(api: ApiDependency, replay_id: Name) -> ReplayProgress:
    """How far a replay is, and what it skipped."""
    replay = await api.application.replays.replay(api.tenant_id, ReplayId(replay_id))
    if replay is None:
        raise NotFoundError("replay")
    return replay_progress(replay, await api.application.replays.skipped(api.tenant_id, replay.id, limit=MAX_SKIPPED))


@post(
    "/api/dead-letters/replays/{replay_id:str}/cancel",
    scope=Scope.MESSAGES_FORCE,
    audit=AuditAction.REPLAY_CANCEL,
    summary="Replay nothing more; what was replayed stays replayed",
    responses=errors(404, 422),
    opt=NO_PARAMETERS,
)
async def cancel_replay(api: ApiDependency, replay_id: Name) -> ReplayProgress:
    """End a replay; one that is done stays as it is."""
    replay = await api.application.cancel_replay(api.tenant_id, ReplayId(replay_id))
    try:
        return replay_progress(
            replay, await api.application.replays.skipped(api.tenant_id, replay.id, limit=MAX_SKIPPED)
        )
    except Exception as error:  # noqa: BLE001 -- it is cancelled
        log_unanswered(error)
        return replay_progress(replay)


def _message(cursor: str | None) -> MessageId | None:
    text = cursor_text(cursor)
    return MessageId(text) if text is not None else None


def _cursor(following: MessageId | None) -> str | None:
    return next_cursor(following) if following is not None else None
