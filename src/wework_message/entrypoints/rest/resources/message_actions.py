"""Retry, cancel and recall of a stored message; each answers the status object (W-3)."""

from collections.abc import Awaitable
from typing import Annotated

from litestar.params import QueryParameter

from wework_message.application.actions.change import CancelMessage, RecallMessage, RetryMessage
from wework_message.application.errors import NotFoundError
from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.ids import Guid, MessageId, ProviderMessageId
from wework_message.domain.ports.queries import MessageView
from wework_message.entrypoints.rest.api import TENANT, Api, ApiDependency
from wework_message.entrypoints.rest.http.envelope import ACCEPTED
from wework_message.entrypoints.rest.http.problems import STATUSES, Refusal
from wework_message.entrypoints.rest.http.query_parameters import NO_PARAMETERS, Name
from wework_message.entrypoints.rest.http.routing import delete, errors, post
from wework_message.entrypoints.wire.answers.statuses import StatusAnswer

Force = Annotated[bool, QueryParameter(description="Also if it may have been sent: a duplicate is possible.")]


@post(
    "/api/messages/{message_id:str}/retry",
    status_code=ACCEPTED,
    summary="Try again from FAILED, EXPIRED and, with `force`, UNKNOWN",
    responses=errors(404, 409, 422),
)
async def retry_message(api: ApiDependency, message_id: Name, force: Force = False) -> StatusAnswer:
    """Open a new round; `force=true` also for one that is UNKNOWN."""
    change = api.take_work().retry(RetryMessage(TENANT, MessageId(message_id), force))
    return await _changed(api, change, message_id)


@post(
    "/api/messages/{message_id:str}/cancel",
    summary="Withdraw what is not claimed yet",
    responses=errors(404, 409, 422),
    opt=NO_PARAMETERS,
)
async def cancel_message(api: ApiDependency, message_id: Name) -> StatusAnswer:
    """Withdraw a message that is not claimed yet."""
    return await _changed(api, api.application.cancel(CancelMessage(TENANT, MessageId(message_id))), message_id)


@delete(
    "/api/messages/{guid:str}/messages/{message_id:str}",
    status_code=ACCEPTED,
    summary="Recall a sent message, named by our id or the provider's",
    responses=errors(404, 409, 422),
    opt=NO_PARAMETERS,
)
async def recall_message(api: ApiDependency, guid: Name, message_id: Name) -> StatusAnswer:
    """Ask for a recall; the message is named by our id or by the provider's id at this guid."""
    change = api.take_work().recall(RecallMessage(TENANT, Guid(guid), message_id))
    return await _changed(api, change, message_id, guid)


async def _changed(api: Api, change: Awaitable[MessageId], id_in_path: str, guid: str = "") -> StatusAnswer:
    """The status after the change; a change that the rules refuse is answered with the status object too."""
    try:
        changed = await change
    except IllegalTransitionError as refused:
        data = api.status(await _view(api, id_in_path, guid))
        raise Refusal(STATUSES[IllegalTransitionError], refused.code, str(refused), data) from None
    return api.status(await api.view(changed))


async def _view(api: Api, id_in_path: str, guid: str) -> MessageView:
    """The message with this id, ours or the provider's at the guid."""
    try:
        return await api.view(id_in_path)
    except NotFoundError:
        sent = await api.application.read.sent_as(TENANT, Guid(guid), ProviderMessageId(id_in_path))
        return await api.view(sent or "")
