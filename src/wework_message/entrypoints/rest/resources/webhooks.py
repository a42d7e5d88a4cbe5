"""Webhooks of clients: endpoints and deliveries (W-5, ADR 56)."""

from http import HTTPStatus
from operator import attrgetter
from typing import Any

from litestar import Request

from wework_message.application.errors import NotFoundError
from wework_message.domain.access.scopes import Scope
from wework_message.domain.audit import AuditAction
from wework_message.domain.ids import EventId, WebhookId
from wework_message.entrypoints.rest.api import ApiDependency, link
from wework_message.entrypoints.rest.http.auditing import note_target
from wework_message.entrypoints.rest.http.envelope import ACCEPTED, Enveloped
from wework_message.entrypoints.rest.http.query_parameters import (
    NO_PARAMETERS,
    Cursor,
    Limit,
    Name,
    cursor_text,
    items_of,
)
from wework_message.entrypoints.rest.http.routing import delete, errors, get, post, put, reading
from wework_message.entrypoints.rest.request_schemas import CHANGED_WEBHOOK, RECOVER_WEBHOOK, WEBHOOK
from wework_message.entrypoints.rest.resources.settings_body import read_settings_body
from wework_message.entrypoints.wire.answers.webhooks import (
    DeliveryPage,
    EventAnswer,
    RecoveredAnswer,
    WebhookAnswer,
    WebhookList,
    delivery_answer,
    webhook_answer,
)
from wework_message.entrypoints.wire.instants import epoch_ms
from wework_message.entrypoints.wire.requests.webhooks import (
    ChangedWebhookRequest,
    NewWebhookRequest,
    RecoverWebhookRequest,
)

_PATH = "/api/webhooks/{webhook_id:str}"
_URL = "https://shop.example.com/wework/events"


@post(
    "/api/webhooks",
    scope=Scope.WEBHOOKS_ADMIN,
    audit=AuditAction.WEBHOOK_CREATE,
    status_code=HTTPStatus.CREATED,
    summary="Create an endpoint that is told of events; its secret is in this answer only",
    operation_class=reading(
        WEBHOOK,
        lambda: {"statuses": {"url": _URL}, "all": {"url": _URL, "events": ["message.status", "message.received"]}},
    ),
    opt=NO_PARAMETERS,
    responses=errors(400, 413, 422),
)
async def create_webhook(api: ApiDependency, request: Request[Any, Any, Any]) -> Enveloped[WebhookAnswer]:
    """Events from now on are sent to it; processes that do not know it yet learn of it within five seconds."""
    requested = await read_settings_body(api, request, NewWebhookRequest)
    endpoint = await api.take_work().webhooks.create(api.tenant_id, requested.url, requested.types())
    note_target(request, endpoint.id)
    answer = webhook_answer(endpoint, now=api.config.now(), with_secret=True)
    return Enveloped(answer, headers={"location": link(request, f"/api/webhooks/{endpoint.id}")})


@get(
    "/api/webhooks",
    scope=Scope.WEBHOOKS_ADMIN,
    summary="Endpoints, the oldest first",
    opt=NO_PARAMETERS,
    responses=errors(422),
)
async def list_webhooks(api: ApiDependency) -> WebhookList:
    """All of them, without secrets."""
    endpoints = await api.application.read_webhooks.endpoints(api.tenant_id)
    now = api.config.now()
    return WebhookList(items=tuple(webhook_answer(endpoint, now=now) for endpoint in endpoints))


@put(
    _PATH,
    scope=Scope.WEBHOOKS_ADMIN,
    audit=AuditAction.WEBHOOK_CHANGE,
    summary="Replace what is set of an endpoint: what is absent gets its default, so this also enables it anew",
    operation_class=reading(CHANGED_WEBHOOK),
    opt=NO_PARAMETERS,
    responses=errors(400, 404, 413, 422),
)
async def change_webhook(api: ApiDependency, webhook_id: Name, request: Request[Any, Any, Any]) -> WebhookAnswer:
    """Its secret stays as it is."""
    requested = await read_settings_body(api, request, ChangedWebhookRequest)
    registry = api.take_work().webhooks
    endpoint = await registry.change(
        api.tenant_id, WebhookId(webhook_id), requested.url, requested.types(), enabled=requested.enabled
    )
    return webhook_answer(endpoint, now=api.config.now())


@delete(
    _PATH,
    scope=Scope.WEBHOOKS_ADMIN,
    audit=AuditAction.WEBHOOK_DELETE,
    summary="Delete an endpoint; what waits for it is not sent any more",
    opt=NO_PARAMETERS,
    responses=errors(404, 422),
)
async def delete_webhook(api: ApiDependency, webhook_id: Name) -> WebhookAnswer:
    """The answer is the endpoint as it was."""
    endpoint = await api.take_work().webhooks.delete(api.tenant_id, WebhookId(webhook_id))
    return webhook_answer(endpoint, now=api.config.now())


@post(
    f"{_PATH}/rotate",
    scope=Scope.WEBHOOKS_ADMIN,
    audit=AuditAction.WEBHOOK_ROTATE,
    status_code=HTTPStatus.OK,
    summary="Make a new secret, which is in this answer only; the former one signs too for 24 hours",
    opt=NO_PARAMETERS,
    responses=errors(404, 422),
)
async def rotate_webhook(api: ApiDependency, webhook_id: Name) -> WebhookAnswer:
    """Two secrets sign at most: a second rotation within the day ends the first one at once."""
    endpoint = await api.take_work().webhooks.rotate(api.tenant_id, WebhookId(webhook_id))
    return webhook_answer(endpoint, now=api.config.now(), with_secret=True)


@post(
    f"{_PATH}/recover",
    scope=Scope.WEBHOOKS_ADMIN,
    audit=AuditAction.WEBHOOK_RECOVER,
    status_code=HTTPStatus.OK,
    summary="Deliver what failed since a time once more, and what was missed while failures kept the endpoint disabled",
    operation_class=reading(RECOVER_WEBHOOK, lambda: {"since": {"since": "2026-01-05T08:00:00Z"}}),
    opt=NO_PARAMETERS,
    responses=errors(400, 404, 413, 422),
)
async def recover_webhook(api: ApiDependency, webhook_id: Name, request: Request[Any, Any, Any]) -> RecoveredAnswer:
    """A disabled endpoint gets them once it is enabled."""
    requested = await read_settings_body(api, request, RecoverWebhookRequest)
    registry = api.take_work().webhooks
    recovered, more = await registry.recover(api.tenant_id, WebhookId(webhook_id), epoch_ms(requested.since))
    return RecoveredAnswer(webhook_id=webhook_id, recovered=recovered, more=more)


@post(
    f"{_PATH}/test",
    scope=Scope.WEBHOOKS_ADMIN,
    audit=AuditAction.WEBHOOK_TEST,
    status_code=ACCEPTED,
    summary="Send the endpoint a webhook.test event",
    opt=NO_PARAMETERS,
    responses=errors(404, 422),
)
async def test_webhook(api: ApiDependency, webhook_id: Name) -> EventAnswer:
    """What became of it is in the deliveries."""
    event_id = await api.take_work().webhooks.test(api.tenant_id, WebhookId(webhook_id))
    return EventAnswer(webhook_id=webhook_id, event_id=event_id)


@get(
    f"{_PATH}/deliveries",
    scope=Scope.WEBHOOKS_ADMIN,
    summary="Events for an endpoint and what became of them, newest first, without their data",
    responses=errors(404, 422),
)
async def list_deliveries(
    api: ApiDependency, webhook_id: Name, limit: Limit = 50, cursor: Cursor = None
) -> DeliveryPage:
    """A page, newest first."""
    before = cursor_text(cursor)
    read = api.application.read_webhooks
    if all(endpoint.id != webhook_id for endpoint in await read.endpoints(api.tenant_id)):
        raise NotFoundError("webhook")
    deliveries = await read.deliveries(
        api.tenant_id, WebhookId(webhook_id), limit=limit + 1, before=EventId(before) if before is not None else None
    )
    items, following = items_of(deliveries, limit, delivery_answer, attrgetter("event_id"))
    return DeliveryPage(items=items, next_cursor=following)
