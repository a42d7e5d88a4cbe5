"""Endpoints and deliveries as rows."""

from collections.abc import Mapping
from typing import Any

from wework_message.adapters.sql.mapping.secret_columns import SecretColumns
from wework_message.adapters.sql.mapping.webhook_tables import webhook
from wework_message.domain.ids import EventId, MessageId, TenantId, WebhookId
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.signatures import SigningSecret
from wework_message.domain.webhooks.delivery import Delivery, DeliveryState
from wework_message.domain.webhooks.endpoint import DisabledReason, Endpoint
from wework_message.domain.webhooks.event import EventType


def endpoint_row(endpoint: Endpoint, secrets: SecretColumns) -> dict[str, Any]:
    """Every column."""
    previous = endpoint.previous
    return {
        "id": endpoint.id,
        "tenant_id": endpoint.tenant_id,
        "url": endpoint.url,
        "events": ",".join(endpoint.events),
        "secret": secrets.stored_text(webhook.c.secret, endpoint.id, endpoint.secret.reveal()),
        "previous_secret": (
            secrets.stored_text(webhook.c.previous_secret, endpoint.id, previous.reveal())
            if previous is not None
            else None
        ),
        "previous_until": endpoint.previous_until,
        "created_at": endpoint.created_at,
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled.value if endpoint.disabled is not None else None,
        "failing_since": endpoint.failing_since,
        "failed_at": endpoint.failed_at,
    }


def endpoint_of(row: Mapping[str, Any], secrets: SecretColumns) -> Endpoint:
    """The endpoint of a row; types that this version does not know are left out, and what has disabled it is taken for the client.

    Raises `UnavailableError` where a secret cannot be decrypted.
    """
    known = {kind.value for kind in EventType}
    previous, reason = row["previous_secret"], row["disabled_reason"]
    if reason is not None and reason not in {known_reason.value for known_reason in DisabledReason}:
        reason = DisabledReason.BY_CLIENT.value
    return Endpoint(
        id=WebhookId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        url=row["url"],
        events=tuple(EventType(name) for name in row["events"].split(",") if name in known),
        secret=SigningSecret.parse(secrets.clear_text(webhook.c.secret, row["id"], row["secret"])),
        created_at=row["created_at"],
        previous=(
            SigningSecret.parse(secrets.clear_text(webhook.c.previous_secret, row["id"], previous))
            if previous is not None
            else None
        ),
        previous_until=row["previous_until"],
        disabled=DisabledReason(reason) if reason is not None else None,
        failing_since=row["failing_since"],
        failed_at=row["failed_at"],
    )


def delivery_row(delivery: Delivery) -> dict[str, Any]:
    """Every column."""
    return {
        "endpoint_id": delivery.endpoint_id,
        "event_id": delivery.event_id,
        "tenant_id": delivery.tenant_id,
        "event_type": str(delivery.type),
        "message_id": delivery.message_id,
        "sequence": delivery.sequence,
        "body": delivery.body,
        "callback_url": delivery.callback_url,
        "created_at": delivery.created_at,
        **progress(delivery),
    }


def progress(delivery: Delivery) -> dict[str, Any]:
    """The columns that attempts change."""
    return {
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "due_at": delivery.due_at,
        "outcome": delivery.outcome.value if delivery.outcome is not None else None,
        "http_status": delivery.status,
        "ended_at": delivery.ended_at,
    }


def delivery_of(row: Mapping[str, Any]) -> Delivery:
    """The delivery of a row."""
    outcome, message_id = row["outcome"], row["message_id"]
    return Delivery(
        endpoint_id=WebhookId(row["endpoint_id"]),
        event_id=EventId(row["event_id"]),
        tenant_id=TenantId(row["tenant_id"]),
        type=row["event_type"],
        message_id=MessageId(message_id) if message_id is not None else None,
        sequence=row["sequence"],
        body=row["body"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        callback_url=row["callback_url"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        outcome=OutboundOutcome(outcome) if outcome is not None else None,
        status=row["http_status"],
        ended_at=row["ended_at"],
    )
