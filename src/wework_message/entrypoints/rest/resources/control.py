"""What is paused; pause and resume (W-5)."""

from typing import Any

from litestar import Request

from wework_message.application.control.change_pauses import PausePlace, ResumePlace
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.entrypoints.rest.api import ApiDependency
from wework_message.entrypoints.rest.http.auditing import note_fields, note_target
from wework_message.entrypoints.rest.http.query_parameters import NO_PARAMETERS
from wework_message.entrypoints.rest.http.request_body import read_body
from wework_message.entrypoints.rest.http.routing import errors, get, post, reading
from wework_message.entrypoints.rest.request_schemas import PAUSE, RESUME
from wework_message.entrypoints.wire.answers.control import (
    PauseAnswer,
    PauseList,
    ResumeAnswer,
    pause_answer,
    pause_list,
)
from wework_message.entrypoints.wire.requests.control import (
    PAUSE_NAMES,
    RESUME_NAMES,
    ControlRequest,
    parse_control,
)
from wework_message.entrypoints.wire.requests.plain_fields import MAX_BYTES


@get(
    "/api/control",
    scope=Scope.CONTROL_ADMIN,
    summary="What operators have stopped, the oldest pause first",
    opt=NO_PARAMETERS,
    responses=errors(422),
)
async def list_pauses(api: ApiDependency) -> PauseList:
    """As it is stored now, not as this process read it last."""
    pauses = api.application.pauses
    await pauses.read()
    return pause_list([pause for pause in pauses.latest.items if pause.tenant_id == api.tenant_id])


@post(
    "/api/control/pause",
    scope=Scope.CONTROL_ADMIN,
    audit=AuditAction.CONTROL_PAUSE,
    summary="Stop the sends of the service, a tenant, a provider, an account or a batch",
    operation_class=reading(PAUSE, lambda: {"account": {"scope": "ACCOUNT", "id": "sales-7", "reason": "wrong text"}}),
    opt=NO_PARAMETERS,
    responses=errors(400, 413, 415, 422),
)
async def pause_sends(api: ApiDependency, request: Request[Any, Any, Any]) -> PauseAnswer:
    """Also while the process drains; a repetition changes nothing and answers the first pause."""
    named = await _named(request, PAUSE_NAMES)
    return pause_answer(
        await api.application.pause(PausePlace(api.tenant_id, named.scope, named.id, named.reason, named.by))
    )


@post(
    "/api/control/resume",
    scope=Scope.CONTROL_ADMIN,
    audit=AuditAction.CONTROL_RESUME,
    summary="Take a pause back: what waited is due again",
    operation_class=reading(RESUME, lambda: {"account": {"scope": "ACCOUNT", "id": "sales-7"}}),
    opt=NO_PARAMETERS,
    responses=errors(400, 413, 415, 422),
)
async def resume_sends(api: ApiDependency, request: Request[Any, Any, Any]) -> ResumeAnswer:
    """What is not paused stays as it is."""
    named = await _named(request, RESUME_NAMES)
    resumed = await api.application.resume(ResumePlace(api.tenant_id, named.scope, named.id))
    return ResumeAnswer(scope=named.scope.value, id=named.id or None, resumed=resumed)


async def _named(request: Request[Any, Any, Any], names: tuple[str, ...]) -> ControlRequest:
    body = await read_body(request, max_bytes=MAX_BYTES)
    named = parse_control(body, names)
    note_fields(request, body)
    note_target(request, named.scope.value, *([named.id] if named.id else []))
    return named
