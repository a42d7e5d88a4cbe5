"""Webhooks for tests."""

from typing import Any

from tests.support.builders.messages import NOW

from wework_message.domain.ids import DEFAULT_TENANT, EventId, MessageId, WebhookId
from wework_message.domain.ports.outbound import OutboundAnswer, OutboundOutcome
from wework_message.domain.signatures import SigningSecret
from wework_message.domain.webhooks.delivery import Delivery
from wework_message.domain.webhooks.endpoint import Endpoint
from wework_message.domain.webhooks.event import EventType

TAKEN = OutboundAnswer(OutboundOutcome.DELIVERED, 200)
BROKEN = OutboundAnswer(OutboundOutcome.REFUSED, 500)
GONE = OutboundAnswer(OutboundOutcome.REFUSED, 410)


def a_secret(letter: str = "s") -> SigningSecret:
    return SigningSecret(letter.encode() * 24)


def an_endpoint(webhook_id: str = "w-1", **changes: Any) -> Endpoint:
    known: dict[str, Any] = {
        "id": WebhookId(webhook_id),
        "tenant_id": DEFAULT_TENANT,
        "url": f"https://{webhook_id}.example.com/hook",
        "events": (EventType.MESSAGE_STATUS,),
        "secret": a_secret(),
        "created_at": NOW,
    }
    return Endpoint(**known | changes)


def a_delivery(
    event_id: str = "e-1", endpoint_id: str = "w-1", message_id: str | None = "m-1", **changes: Any
) -> Delivery:
    known: dict[str, Any] = {
        "endpoint_id": WebhookId(endpoint_id),
        "event_id": EventId(event_id),
        "tenant_id": DEFAULT_TENANT,
        "type": EventType.MESSAGE_STATUS,
        "message_id": MessageId(message_id) if message_id is not None else None,
        "sequence": 1 if message_id is not None else None,
        "body": '{"type":"message.status"}',
        "created_at": NOW,
        "due_at": NOW,
    }
    return Delivery(**known | changes)
