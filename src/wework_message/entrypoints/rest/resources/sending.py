"""POST send and send/async: accept, and for a sync send wait for the outcome (D-24)."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

from litestar import Request
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType

from wework_message.application.accept.accept import Accepted, message_id
from wework_message.application.api import Application
from wework_message.application.big_work import computed
from wework_message.domain.access.scopes import Scope
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import BatchId, MessageId, TenantId
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.ports.queries import MessageView
from wework_message.entrypoints.rest.api import Api, ApiDependency, link
from wework_message.entrypoints.rest.http.envelope import ACCEPTED, OK, Answer, Header, request_id_of
from wework_message.entrypoints.rest.http.preferences import PREFER, wait_ms_of
from wework_message.entrypoints.rest.http.problems import Refusal
from wework_message.entrypoints.rest.http.request_body import read_body, request_header
from wework_message.entrypoints.rest.http.routing import HOT, NOT_AUDITED, answers, errors, header, post, reading
from wework_message.entrypoints.rest.load.in_flight import begin_waiting
from wework_message.entrypoints.rest.message_schemas import SEND
from wework_message.entrypoints.rest.resources.refusals import refusal
from wework_message.entrypoints.wire.answers.statuses import (
    REFUSED,
    SETTLED,
    AsyncAnswer,
    GroupAnswer,
    SendAnswer,
    accepted_success,
    group_answer,
    send_answer,
)
from wework_message.entrypoints.wire.commands import accept_command
from wework_message.entrypoints.wire.instants import iso
from wework_message.entrypoints.wire.requests.examples import send_examples
from wework_message.entrypoints.wire.requests.send import SendRequest, parse_send

MAX_PARTS: Final = 20

REPLAYED: Final[Header] = (b"idempotent-replayed", b"true")

_ANSWERED_AT_ONCE: Final = (
    SETTLED | REFUSED | {MessageStatus.HELD, MessageStatus.SCHEDULED, MessageStatus.UNKNOWN, MessageStatus.RECALLING}
)
"""Statuses that a sync send answers at once: nothing follows, or nothing worth the wait (D-39); but for HELD with `MEDIA`."""

_log: Final = logging.getLogger(__name__)

KEY: Final = header(
    "Idempotency-Key",
    "The same key with the same request answers the same id; with another request 409. As `clientMessageId` in the body.",
    Schema(type=OpenAPIType.STRING, min_length=1, max_length=255, pattern="^[!-~]([ -~]*[!-~])?$"),
)


@post(
    "/api/messages/send",
    scope=Scope.MESSAGES_SEND,
    audit=NOT_AUDITED,
    summary="Send a message and wait for its outcome: 200 sent, 202 still open, 422 refused",
    opt=HOT,
    operation_class=reading(SEND, send_examples, (KEY, PREFER)),
    responses=answers({200: SendAnswer | GroupAnswer, 202: SendAnswer | GroupAnswer | AsyncAnswer})
    | errors(400, 409, 413, 415, 422),
)
async def send_message(api: ApiDependency, request: Request[Any, Any, Any]) -> Answer:
    """Accept, wait, and answer the outcome; `async: true` answers like `send_message_async`."""
    requested = await _read(api, request)
    application = api.take_work()
    if requested.is_async:
        return await _accept_async(api, application, request, requested)
    accepted = await application.accept(accept_command(requested, api.tenant_id, "SYNC", request_id_of(request.scope)))
    wait_ms, preferred = wait_ms_of(request, application.policy.sync_wait_ms)
    answer = _send_group if accepted.grouped else _send_one
    begin_waiting(request.scope)
    try:
        return await answer(api, application, request, accepted, wait_ms, preferred)
    except Refusal:
        raise
    except Exception as error:  # noqa: BLE001 -- it is stored: any error would make the client repeat it
        log_unanswered(error)
        return _accepted_unread(api, request, accepted, _headers(accepted, preferred))


@post(
    "/api/messages/send/async",
    scope=Scope.MESSAGES_SEND,
    audit=NOT_AUDITED,
    summary="Accept a message; it is sent in the background",
    opt=HOT,
    status_code=ACCEPTED,
    operation_class=reading(SEND, send_examples, (KEY,)),
    responses=answers({202: AsyncAnswer | GroupAnswer}) | errors(400, 409, 413, 415, 422),
)
async def send_message_async(api: ApiDependency, request: Request[Any, Any, Any]) -> Answer:
    """Accept and answer 202."""
    requested = await _read(api, request)
    return await _accept_async(api, api.take_work(), request, requested)


async def _read(api: Api, request: Request[Any, Any, Any]) -> SendRequest:
    limits = api.config.limits
    body = await read_body(request, max_bytes=limits.max_message_bytes)
    key, now = idempotency_key(request), api.config.now()
    return await computed(len(body), parse_send, body, limits=limits, now=now, idempotency_key=key)


def idempotency_key(request: Request[Any, Any, Any]) -> str | None:
    """The header's key."""
    key = request_header(request, b"idempotency-key")
    return key.decode("latin-1") if key is not None else None


def _headers(accepted: Accepted, preferred: bool) -> tuple[Header, ...]:
    replayed = (REPLAYED,) if accepted.duplicate else ()
    return (*replayed, (b"preference-applied", b"wait")) if preferred else replayed


def log_unanswered(error: Exception) -> None:
    """Log why the answer about something that is committed holds no more than its id; a store that is away is no defect."""
    if not isinstance(error, UnavailableError):
        _log.error("a committed change could not be answered: %s", type(error).__name__, exc_info=error)


def _accepted_unread(
    api: Api, request: Request[Any, Any, Any], accepted: Accepted, headers: tuple[Header, ...]
) -> Answer:
    """The message is committed, and cannot be read or shown: only its id is answered."""
    group = GroupAnswer(accepted.target, (), accepted.duplicate, accepted_success())
    data = group if accepted.grouped else only_id(request, accepted.target, duplicate=accepted.duplicate)
    return api.answer(request, data, status=ACCEPTED, headers=headers)


def only_id(request: Request[Any, Any, Any], message_id: str, *, duplicate: bool = False) -> AsyncAnswer:
    """What is always known of a committed message."""
    url = link(request, f"/api/messages/{message_id}/status")
    return AsyncAnswer(
        message_id=message_id,
        account_id=None,
        status="ACCEPTED",
        duplicate=duplicate,
        scheduled_at=None,
        status_url=url,
        success=accepted_success(),
    )


async def _send_one(
    api: Api,
    application: Application,
    request: Request[Any, Any, Any],
    accepted: Accepted,
    wait_ms: int,
    preferred: bool,
) -> Answer:
    view = await _settled(application, api.tenant_id, message_id(accepted), wait_ms)
    data = send_answer(
        view.message,
        request_id=request_id_of(request.scope),
        duplicate=accepted.duplicate,
        simulated=api.simulated(view),
        paused=api.paused(view),
    )
    return _outcome(api, request, [view.message], data, _headers(accepted, preferred))


async def _settled(application: Application, tenant_id: TenantId, message_id: MessageId, wait_ms: int) -> MessageView:
    def enough(view: MessageView) -> bool:
        message = view.message
        if message.reason == HoldReason.MEDIA and message.status is MessageStatus.HELD:
            return False  # an upload is mostly a moment, and then the outcome follows
        return message.status in _ANSWERED_AT_ONCE or application.pauses.shows(message)

    view = await application.wait(tenant_id, message_id, enough=enough, wait_ms=wait_ms)
    if view is None:
        raise UnavailableError("database", "an accepted message cannot be read")
    return view


async def _send_group(
    api: Api,
    application: Application,
    request: Request[Any, Any, Any],
    accepted: Accepted,
    wait_ms: int,
    preferred: bool,
) -> Answer:
    """The parts of a MIXED message, one after the other, until one is not sent or the time is over."""
    group = BatchId(accepted.target)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_ms / 1000
    for part in await application.read.batch_items(api.tenant_id, group, limit=MAX_PARTS, after=-1):
        view = await _settled(
            application, api.tenant_id, part.message.id, max(0, round((deadline - loop.time()) * 1000))
        )
        if view.message.status not in SETTLED:
            break
    views = await application.read.batch_items(api.tenant_id, group, limit=MAX_PARTS, after=-1)
    data = group_answer(group, views, duplicate=accepted.duplicate)
    return _outcome(api, request, [view.message for view in views], data, _headers(accepted, preferred))


def _outcome(
    api: Api,
    request: Request[Any, Any, Any],
    messages: Sequence[Message],
    data: SendAnswer | GroupAnswer,
    headers: tuple[Header, ...],
) -> Answer:
    """200 where all is sent, 202 while something is open; raises `Refusal` where something will not be sent."""
    for message in messages:
        if message.status in REFUSED:
            raise refusal(message, data, headers)
    settled = all(message.status in SETTLED for message in messages)
    return api.answer(request, data, status=OK if settled else ACCEPTED, headers=headers)


async def _accept_async(
    api: Api, application: Application, request: Request[Any, Any, Any], requested: SendRequest
) -> Answer:
    if not application.policy.async_enabled:
        raise UnavailableError("async sending", "is switched off (app.message.async.enabled)")
    accepted = await application.accept(accept_command(requested, api.tenant_id, "ASYNC", request_id_of(request.scope)))
    headers = _headers(accepted, preferred=False)
    try:
        return await _accepted_answer(api, application, request, requested, accepted, headers)
    except Exception as error:  # noqa: BLE001 -- it is stored: any error would make the client repeat it
        log_unanswered(error)
        return _accepted_unread(api, request, accepted, headers)


async def _accepted_answer(
    api: Api,
    application: Application,
    request: Request[Any, Any, Any],
    requested: SendRequest,
    accepted: Accepted,
    headers: tuple[Header, ...],
) -> Answer:
    if accepted.grouped:
        group = BatchId(accepted.target)
        views = await application.read.batch_items(api.tenant_id, group, limit=MAX_PARTS, after=-1)
        data = group_answer(accepted.target, views, duplicate=accepted.duplicate)
        return api.answer(request, data, status=ACCEPTED, headers=headers)
    accepted_id, scheduled_at = message_id(accepted), requested.draft.options.scheduled_at
    is_later = scheduled_at is not None and scheduled_at > api.config.now()
    status, account_id = MessageStatus.SCHEDULED if is_later else MessageStatus.QUEUED, accepted.account_id
    if accepted.duplicate:
        stored = (await api.view(accepted_id)).message
        status, scheduled_at, account_id = stored.status, stored.options.scheduled_at, stored.account_id
    url = link(request, f"/api/messages/{accepted_id}/status")
    answer = AsyncAnswer(
        message_id=accepted_id,
        account_id=account_id,
        status=status.value,
        duplicate=accepted.duplicate,
        scheduled_at=iso(scheduled_at),
        status_url=url,
        success=accepted_success((status,)),
    )
    location = (b"location", url.encode("ascii", "replace"))
    return api.answer(request, answer, status=ACCEPTED, headers=(*headers, location))
