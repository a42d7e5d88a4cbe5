"""GET and replay dead letters of the intake."""

from functools import partial
from typing import Final

from wework_message.application.big_work import computed
from wework_message.application.errors import NotFoundError
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.dead_letters import DeadLetterSource, DeadLetterView
from wework_message.entrypoints.intake.translating import replay_of
from wework_message.entrypoints.rest.api import Api, ApiDependency
from wework_message.entrypoints.rest.http.envelope import ACCEPTED, fitting_items
from wework_message.entrypoints.rest.http.query_parameters import Cursor, Limit, Name, cursor_number, next_cursor
from wework_message.entrypoints.rest.http.routing import errors, get, post
from wework_message.entrypoints.rest.resources.sending import log_unanswered
from wework_message.entrypoints.wire.answers.dead_letters import (
    DeadLetterAnswer,
    DeadLetterPage,
    ReplayAnswer,
    dead_letter_answer,
    dead_letter_item,
)

MAX_DIGITS: Final = 18
"""The longest id: more digits do not fit into a database integer."""


@get(
    "/api/dead-letters/intake",
    scope=Scope.MESSAGES_READ,
    summary="What the intake topic brought and could not be taken, newest first, without bodies",
    responses=errors(422),
)
async def list_dead_letters(api: ApiDependency, limit: Limit = 50, cursor: Cursor = None) -> DeadLetterPage:
    """A page, newest first, without bodies."""
    views = await api.application.dead_letters.dead_letters(
        api.tenant_id, DeadLetterSource.INTAKE, limit=limit + 1, before=cursor_number(cursor)
    )
    items = fitting_items(map(dead_letter_item, views[:limit]))
    return DeadLetterPage(tuple(items), next_cursor(views[len(items) - 1].id) if len(views) > len(items) else None)


@get(
    "/api/dead-letters/intake/{dead_letter_id:str}",
    scope=Scope.MESSAGES_READ,
    summary="One dead letter with its body",
    responses=errors(404),
)
async def get_dead_letter(api: ApiDependency, dead_letter_id: Name) -> DeadLetterAnswer:
    """One, with its body."""
    return dead_letter_answer(*await _stored(api, dead_letter_id))


@post(
    "/api/dead-letters/intake/{dead_letter_id:str}/replay",
    scope=Scope.MESSAGES_FORCE,
    audit=AuditAction.DEAD_LETTER_REPLAY,
    status_code=ACCEPTED,
    summary="Put it through the intake again, under its idempotency key; what refuses it is the error of this request",
    responses=errors(400, 404, 409, 413, 422),
)
async def replay_dead_letter(api: ApiDependency, dead_letter_id: Name) -> ReplayAnswer:
    """Put the body through the intake again, under the same idempotency key; what refuses it is this request's error."""
    view, body = await _stored(api, dead_letter_id)
    application = api.take_work()
    if not application.policy.async_enabled:
        raise UnavailableError("async sending", "is switched off (app.message.async.enabled)")
    limits, now, unique_keys = api.config.limits, api.config.now(), api.config.unique_intake_keys
    read = partial(replay_of, view, body, tenant_id=api.tenant_id)
    command = await computed(len(body), read, limits=limits, now=now, unique_keys=unique_keys)
    accepted = await application.accept(command)
    try:
        await application.mark_replayed(view.id, accepted.target)
    except Exception as error:  # noqa: BLE001 -- it is stored; another replay has the same key and is a duplicate
        log_unanswered(error)
    return ReplayAnswer(
        dead_letter_id=str(view.id),
        message_id=None if accepted.grouped else accepted.target,
        group_id=accepted.target if accepted.grouped else None,
        duplicate=accepted.duplicate,
    )


async def _stored(api: Api, dead_letter_id: str) -> tuple[DeadLetterView, bytes]:
    stored = None
    if dead_letter_id.isascii() and dead_letter_id.isdigit() and len(dead_letter_id) <= MAX_DIGITS:
        stored = await api.application.dead_letters.dead_letter(api.tenant_id, int(dead_letter_id))
    if stored is None:
        raise NotFoundError("dead letter")
    return stored
