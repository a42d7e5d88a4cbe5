"""GET and replay dead letters of the intake."""

from typing import Any, Final

from litestar import Request

from wework_message.application.errors import NotFoundError
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.dead_letters import DeadLetterSource, DeadLetterView
from wework_message.entrypoints.intake.translating import command_of
from wework_message.entrypoints.rest.api import TENANT, Api
from wework_message.entrypoints.rest.envelope import ACCEPTED, Answer
from wework_message.entrypoints.rest.request_input import Query, next_cursor
from wework_message.entrypoints.wire.dead_letter_answers import (
    DeadLetterPage,
    ReplayAnswer,
    dead_letter_answer,
    dead_letter_item,
)

MAX_DIGITS: Final = 18
"""Of an id; more fit into no database integer."""


async def dead_letters(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """A page, newest first, without bodies."""
    query = Query(request, frozenset({"limit", "cursor"}))
    limit, before = query.limit(), query.numeric_cursor()
    views = await api.application.dead_letters.dead_letters(
        TENANT, DeadLetterSource.INTAKE, limit=limit + 1, before=before
    )
    page = views[:limit]
    items = tuple([dead_letter_item(view) for view in page])
    return api.answer(request, DeadLetterPage(items, next_cursor(page[-1].id) if len(views) > limit else None))


async def dead_letter(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """One, with its body."""
    return api.answer(request, dead_letter_answer(*await _found(api, request)))


async def replay(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """Put the body through the intake again, under the same idempotency key; what refuses it is this request's error."""
    view, body = await _found(api, request)
    application = api.take_work()
    if not application.policy.async_enabled:
        raise UnavailableError("async sending", "is switched off (app.message.async.enabled)")
    command = command_of(body, view.key, view.source_id, limits=api.config.limits, now=api.config.now())
    accepted = await application.accept(command)
    await application.mark_replayed(view.id, accepted.target)
    answer = ReplayAnswer(
        dead_letter_id=str(view.id),
        message_id=None if accepted.grouped else accepted.target,
        group_id=accepted.target if accepted.grouped else None,
        duplicate=accepted.duplicate,
    )
    return api.answer(request, answer, status=ACCEPTED)


async def _found(api: Api, request: Request[Any, Any, Any]) -> tuple[DeadLetterView, bytes]:
    name: str = request.path_params["dead_letter_id"]
    found = None
    if name.isascii() and name.isdigit() and len(name) <= MAX_DIGITS:
        found = await api.application.dead_letters.dead_letter(TENANT, int(name))
    if found is None:
        raise NotFoundError("dead letter")
    return found
