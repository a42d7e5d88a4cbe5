"""POST routing/explain: where a send would go (W-5)."""

from typing import Any

from litestar import Request

from wework_message.application.big_work import computed
from wework_message.domain.access.scopes import Scope
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.request_body import read_body
from wework_message.entrypoints.rest.http.routing import NOT_AUDITED, errors, post, reading
from wework_message.entrypoints.rest.message_schemas import SEND
from wework_message.entrypoints.wire.answers.messages import DecisionAnswer, decision_answer
from wework_message.entrypoints.wire.commands import accept_command
from wework_message.entrypoints.wire.requests.examples import send_examples
from wework_message.entrypoints.wire.requests.send import parse_send


@post(
    "/api/routing/explain",
    scope=Scope.MESSAGES_SEND,
    audit=NOT_AUDITED,
    summary="Where a send would go now, and why; nothing is stored or sent",
    operation_class=reading(SEND, send_examples),
    responses=errors(400, 409, 413, 415, 422),
)
async def explain_route(api: ApiDependency, request: Request[Any, Any, Any]) -> DecisionAnswer:
    """Candidates with scores or the reason of their exclusion, and the choice."""
    limits, now = api.config.limits, api.config.now()
    body = await read_body(request, max_bytes=limits.max_message_bytes)
    requested = await computed(len(body), parse_send, body, limits=limits, now=now)
    command = accept_command(requested, api.tenant_id, "SYNC")
    return decision_answer(await api.application.explain(command))
