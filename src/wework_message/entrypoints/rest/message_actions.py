"""Retry, cancel and recall of a stored message; each answers the status object (wire section 3)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from litestar import Request

from wework_message.application.commands.change import CancelMessage, RecallMessage, RetryMessage
from wework_message.application.errors import NotFoundError
from wework_message.domain.errors import IllegalTransitionError
from wework_message.domain.ids import Guid, MessageId, ProviderMessageId
from wework_message.domain.ports.reading import MessageView
from wework_message.entrypoints.rest.api import TENANT, Api
from wework_message.entrypoints.rest.envelope import ACCEPTED, OK, Answer
from wework_message.entrypoints.rest.problems import STATUSES, Refusal
from wework_message.entrypoints.rest.request_input import Query

_NONE: Final = frozenset[str]()


async def retry(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """Open a new round; `force=true` also for one that is UNKNOWN."""
    force = Query(request, frozenset({"force"})).flag("force")
    name = MessageId(request.path_params["message_id"])
    application = api.take_work()
    return await _change(api, request, lambda: application.retry(RetryMessage(TENANT, name, force)), status=ACCEPTED)


async def cancel(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """Withdraw what is not claimed yet."""
    Query(request, _NONE)
    name = MessageId(request.path_params["message_id"])
    application = api.application
    return await _change(api, request, lambda: application.cancel(CancelMessage(TENANT, name)), status=OK)


async def recall(api: Api, request: Request[Any, Any, Any]) -> Answer:
    """Ask for a recall; the message is named by our id or by the provider's id at this guid."""
    Query(request, _NONE)
    command = RecallMessage(TENANT, Guid(request.path_params["guid"]), request.path_params["message_id"])
    application = api.take_work()
    return await _change(api, request, lambda: application.recall(command), status=ACCEPTED)


async def _change(
    api: Api, request: Request[Any, Any, Any], change: Callable[[], Awaitable[MessageId]], *, status: int
) -> Answer:
    """The status after the change; what the rule refuses carries the status object too."""
    try:
        changed = await change()
    except IllegalTransitionError as refused:
        data = api.status(await _named(api, request.path_params))
        raise Refusal(STATUSES[IllegalTransitionError], refused.code, str(refused), data) from None
    return api.answer(request, api.status(await api.view(changed)), status=status)


async def _named(api: Api, path: Mapping[str, Any]) -> MessageView:
    """The message that the path names by either id."""
    try:
        return await api.view(path["message_id"])
    except NotFoundError:
        guid, name = Guid(path.get("guid", "")), ProviderMessageId(path["message_id"])
        return await api.view(await api.application.read.sent_as(TENANT, guid, name) or "")
