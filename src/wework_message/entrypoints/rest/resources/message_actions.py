"""Retry, cancel and recall of a stored message; each answers the status object (W-3)."""

from collections.abc import Awaitable
from typing import Annotated, Any, TypeAlias

from litestar import Request
from litestar.params import QueryParameter

from wework_message.application.actions.change import CancelMessage, RecallMessage, RetryMessage
from wework_message.application.errors import NotFoundError
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.ids import Guid, MessageId, ProviderMessageId
from wework_message.domain.ports.queries import MessageView
from wework_message.entrypoints.rest.api import Api, ApiDependency
from wework_message.entrypoints.rest.http.envelope import ACCEPTED, Enveloped, request_id_of
from wework_message.entrypoints.rest.http.problems import STATUSES, Refusal
from wework_message.entrypoints.rest.http.query_parameters import NO_PARAMETERS, Name
from wework_message.entrypoints.rest.http.routing import answers, delete, errors, post
from wework_message.entrypoints.rest.resources.sending import log_unanswered, only_id
from wework_message.entrypoints.wire.answers.statuses import AsyncAnswer, StatusAnswer

Changed: TypeAlias = Enveloped[StatusAnswer | AsyncAnswer]

Force = Annotated[
    bool,
    QueryParameter(
        description="Also if it may have been sent: a duplicate is possible. Needs the scope `messages:force` too."
    ),
]


@post(
    "/api/messages/{message_id:str}/retry",
    scope=Scope.MESSAGES_SEND,
    audit=AuditAction.MESSAGE_RETRY,
    status_code=ACCEPTED,
    summary="Try again from FAILED, EXPIRED and, with `force`, UNKNOWN",
    responses=answers({202: StatusAnswer | AsyncAnswer}) | errors(404, 409, 422),
)
async def retry_message(
    api: ApiDependency, request: Request[Any, Any, Any], message_id: Name, force: Force = False
) -> Changed:
    """Open a new round; `force=true` also for one that is UNKNOWN, which needs the scope of those who answer for doubles."""
    if force:
        api.require(Scope.MESSAGES_FORCE)
    change = api.take_work().retry(
        RetryMessage(api.tenant_id, MessageId(message_id), force, request_id_of(request.scope))
    )
    return await changed_answer(api, request, change, message_id)


@post(
    "/api/messages/{message_id:str}/cancel",
    scope=Scope.MESSAGES_SEND,
    audit=AuditAction.MESSAGE_CANCEL,
    summary="Withdraw what is not claimed yet",
    responses=answers({200: StatusAnswer, 202: AsyncAnswer}) | errors(404, 409, 422),
    opt=NO_PARAMETERS,
)
async def cancel_message(api: ApiDependency, request: Request[Any, Any, Any], message_id: Name) -> Changed:
    """Withdraw a message that is not claimed yet."""
    change = api.application.cancel(CancelMessage(api.tenant_id, MessageId(message_id), request_id_of(request.scope)))
    return await changed_answer(api, request, change, message_id)


@delete(
    "/api/messages/{guid:str}/messages/{message_id:str}",
    scope=Scope.MESSAGES_SEND,
    audit=AuditAction.MESSAGE_RECALL,
    status_code=ACCEPTED,
    summary="Recall a sent message, named by our id or the provider's",
    responses=answers({202: StatusAnswer | AsyncAnswer}) | errors(404, 409, 422),
    opt=NO_PARAMETERS,
)
async def recall_message(api: ApiDependency, request: Request[Any, Any, Any], guid: Name, message_id: Name) -> Changed:
    """Ask for a recall; the message is named by our id or by the provider's id at this guid."""
    command = RecallMessage(api.tenant_id, Guid(guid), message_id, request_id_of(request.scope))
    change = api.take_work().recall(command)
    return await changed_answer(api, request, change, message_id, guid)


async def changed_answer(
    api: Api, request: Request[Any, Any, Any], change: Awaitable[MessageId], id_in_path: str, guid: str = ""
) -> Changed:
    """The status after the change, or its id alone where that cannot be read; a refused change has the status object too."""
    try:
        changed = await change
    except IllegalTransitionError as refused:
        data = api.status(await _view(api, id_in_path, guid))
        raise Refusal(STATUSES[IllegalTransitionError], refused.code, str(refused), data) from None
    try:
        return Enveloped(api.status(await api.view(changed)))
    except Exception as error:  # noqa: BLE001 -- it is changed: a repetition could open one more round
        log_unanswered(error)
        return Enveloped(only_id(request, changed), status_code=ACCEPTED)


async def _view(api: Api, id_in_path: str, guid: str) -> MessageView:
    """The message with this id, ours or the provider's at the guid."""
    try:
        return await api.view(id_in_path)
    except NotFoundError:
        sent = await api.application.read.sent_as(api.tenant_id, Guid(guid), ProviderMessageId(id_in_path))
        return await api.view(sent or "")
