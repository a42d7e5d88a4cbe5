"""Endpoints and deliveries as rows."""

from collections.abc import Mapping
from typing import Any, Final

from wework_message.adapters.sql.mapping.secret_columns import SecretColumns
from wework_message.adapters.sql.mapping.webhook_tables import webhook
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import EventId, MessageId, TenantId, WebhookId
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.domain.signatures import SigningSecret
from wework_message.domain.webhooks.delivery import Delivery, DeliveryState
from wework_message.domain.webhooks.endpoint import DisabledReason, Endpoint
from wework_message.domain.webhooks.event import EventType

SECRETS: Final = ("secret", "previous_secret")
"""The columns of an endpoint that are encrypted."""


def endpoint_row(endpoint: Endpoint, secrets: SecretColumns) -> dict[str, Any]:
    """Every column; without `SECRETS` where they could not be read, so that they stay as they are."""
    return {
        "id": endpoint.id,
        "tenant_id": endpoint.tenant_id,
        "url": endpoint.url,
        "events": ",".join(endpoint.events),
        **_stored_secrets(endpoint, secrets),
        "previous_until": endpoint.previous_until,
        "created_at": endpoint.created_at,
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled.value if endpoint.disabled is not None else None,
        "failing_since": endpoint.failing_since,
        "failed_at": endpoint.failed_at,
    }


def _stored_secrets(endpoint: Endpoint, secrets: SecretColumns) -> dict[str, str | None]:
    if endpoint.secret is None:
        return {}
    previous = endpoint.previous
    values = (
        secrets.stored_text(webhook.c.secret, endpoint.id, endpoint.secret.reveal()),
        None if previous is None else secrets.stored_text(webhook.c.previous_secret, endpoint.id, previous.reveal()),
    )
    return dict(zip(SECRETS, values, strict=True))


def endpoint_of(row: Mapping[str, Any], secrets: SecretColumns) -> Endpoint:
    """The endpoint of a row; types that this version does not know are left out, and what has disabled it is taken for the client.

    One whose secrets cannot be decrypted has none: the others, and all transactions that tell them something, go on.
    """
    known = {kind.value for kind in EventType}
    reason, (secret, previous) = row["disabled_reason"], _secrets_of(row, secrets)
    if reason is not None and reason not in {known_reason.value for known_reason in DisabledReason}:
        reason = DisabledReason.BY_CLIENT.value
    return Endpoint(
        id=WebhookId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        url=row["url"],
        events=tuple(EventType(name) for name in row["events"].split(",") if name in known),
        secret=secret,
        created_at=row["created_at"],
        previous=previous,
        previous_until=row["previous_until"],
        disabled=DisabledReason(reason) if reason is not None else None,
        failing_since=row["failing_since"],
        failed_at=row["failed_at"],
    )


def _secrets_of(row: Mapping[str, Any], secrets: SecretColumns) -> tuple[SigningSecret | None, SigningSecret | None]:
    """The present and the former one; none where one of them cannot be decrypted."""
    previous = row["previous_secret"]
    try:
        return (
            SigningSecret.parse(secrets.clear_text(webhook.c.secret, row["id"], row["secret"])),
            None
            if previous is None
            else SigningSecret.parse(secrets.clear_text(webhook.c.previous_secret, row["id"], previous)),
        )
    except UnavailableError:
        return None, None


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
        "trace": delivery.trace,
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
        trace=row["trace"],
    )
