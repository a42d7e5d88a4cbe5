"""The `data` of answers about webhooks (W-5)."""

from msgspec import Struct

from wework_message.domain.webhooks.delivery import Delivery
from wework_message.domain.webhooks.endpoint import Endpoint
from wework_message.entrypoints.wire.instants import iso


class WebhookAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """An endpoint."""

    webhook_id: str
    url: str
    events: tuple[str, ...]
    enabled: bool
    disabled_reason: str | None
    """BY_CLIENT, GONE or FAILING; null while it is enabled."""
    failing_since: str | None
    """The first failure since the last success."""
    secret: str | None
    """Only in the answer that made it."""
    previous_secret_until: str | None
    """Until then the former secret signs too."""
    created_at: str


class WebhookList(Struct, frozen=True, kw_only=True, rename="camel"):
    """All endpoints, the oldest first."""

    items: tuple[WebhookAnswer, ...]
    next_cursor: str | None = None
    """Always null: there are few."""


class RecoveredAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a request for recovery did."""

    webhook_id: str
    recovered: int
    """Deliveries that wait anew."""
    more: bool
    """There may be more: the same request goes on."""


class EventAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event that was recorded."""

    webhook_id: str
    event_id: str
    """Its `webhook-id`."""


class DeliveryAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event for an endpoint, without its data."""

    event_id: str
    """Its `webhook-id`."""
    type: str
    message_id: str | None
    sequence: int | None
    state: str
    """WAITING, DELIVERED or FAILED: all attempts failed, or there was none because failures had disabled the endpoint."""
    attempts: int
    """Attempts that were begun since it was recorded, or recovered."""
    outcome: str | None
    """How the last attempt ended: DELIVERED, REFUSED, REDIRECT, BLOCKED, DNS, CONNECT, TLS, TIMEOUT or LOST; null without one."""
    http_status: int | None
    created_at: str
    next_attempt_at: str | None
    """Null once it has ended."""
    ended_at: str | None


class DeliveryPage(Struct, frozen=True, kw_only=True, rename="camel"):
    """The newest first."""

    items: tuple[DeliveryAnswer, ...]
    next_cursor: str | None


def webhook_answer(endpoint: Endpoint, *, now: int, with_secret: bool = False) -> WebhookAnswer:
    """One endpoint; `now` is epoch ms."""
    rotating = len(endpoint.secrets(now)) > 1
    return WebhookAnswer(
        webhook_id=endpoint.id,
        url=endpoint.url,
        events=tuple(kind.value for kind in endpoint.events),
        enabled=endpoint.enabled,
        disabled_reason=endpoint.disabled.value if endpoint.disabled is not None else None,
        failing_since=iso(endpoint.failing_since),
        secret=endpoint.secret.reveal() if with_secret and endpoint.secret is not None else None,
        previous_secret_until=iso(endpoint.previous_until) if rotating else None,
        created_at=iso(endpoint.created_at),
    )


def delivery_answer(delivery: Delivery) -> DeliveryAnswer:
    """One delivery."""
    return DeliveryAnswer(
        event_id=delivery.event_id,
        type=str(delivery.type),
        message_id=delivery.message_id,
        sequence=delivery.sequence,
        state=delivery.state.value,
        attempts=delivery.attempts,
        outcome=delivery.outcome.value if delivery.outcome is not None else None,
        http_status=delivery.status,
        created_at=iso(delivery.created_at),
        next_attempt_at=iso(delivery.due_at),
        ended_at=iso(delivery.ended_at),
    )
