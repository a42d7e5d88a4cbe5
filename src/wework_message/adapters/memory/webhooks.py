"""Webhooks in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.domain.ids import EventId, TenantId, WebhookId
from wework_message.domain.ports.webhooks import WebhookReader, WebhookRepository
from wework_message.domain.webhooks.delivery import Delivery, DeliveryState, heads_of, put_off
from wework_message.domain.webhooks.endpoint import Endpoint


class MemoryWebhooks:
    """Endpoints and deliveries, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def endpoints(self) -> Sequence[Endpoint]:
        return sorted(self._db.webhooks.rows(), key=lambda endpoint: endpoint.id)

    async def endpoint(self, tenant_id: TenantId, webhook_id: WebhookId) -> Endpoint | None:
        endpoint = self._db.webhooks.get(webhook_id)
        return endpoint if endpoint is not None and endpoint.tenant_id == tenant_id else None

    async def put(self, endpoint: Endpoint) -> None:
        self._db.webhooks.put(endpoint.id, endpoint)

    async def delete(self, tenant_id: TenantId, webhook_id: WebhookId) -> None:
        if await self.endpoint(tenant_id, webhook_id) is not None:
            self._db.webhooks.drop(webhook_id)

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if self._db.webhook_deliveries.get((delivery.endpoint_id, delivery.event_id)) is None:
                self._put(delivery)

    async def claim(self, limits: Mapping[WebhookId, int], *, now: int) -> Sequence[Delivery]:
        claimed = [
            delivery for webhook_id, limit in sorted(limits.items()) for delivery in self._due(webhook_id, limit, now)
        ]
        for delivery in claimed:
            self._put(delivery)
        return claimed

    def _due(self, webhook_id: WebhookId, limit: int, now: int) -> Sequence[Delivery]:
        waiting = [delivery for delivery in self._of(webhook_id) if delivery.due_at is not None]
        heads = heads_of(
            (event.message_id, event.sequence, event.due_at)
            for event in waiting
            if event.message_id is not None and event.sequence is not None and event.due_at is not None
        )
        claimed: list[Delivery] = []
        for delivery in sorted(waiting, key=lambda delivery: (delivery.due_at or 0, delivery.event_id)):
            if len(claimed) == limit or (delivery.due_at or 0) > now:
                break
            if (until := put_off(delivery, heads, now=now)) is not None:
                self._put(replace(delivery, due_at=until))
            else:
                claimed.append(delivery.claimed(now))
        return claimed

    async def end(self, attempted: Sequence[Delivery], *, now: int) -> Sequence[Delivery]:
        written = []
        for delivery in attempted:
            stored = self._db.webhook_deliveries.get((delivery.endpoint_id, delivery.event_id))
            if stored is None or stored.due_at is None:
                continue
            if delivery.state is not DeliveryState.DELIVERED and stored.attempts != delivery.attempts:
                continue
            self._put(delivery)
            written.append(delivery)
            if delivery.due_at is None:
                self._release(delivery, now)
        return written

    def _release(self, ended: Delivery, now: int) -> None:
        for other in self._of(ended.endpoint_id):
            same = other.message_id is not None and other.message_id == ended.message_id
            if same and other.attempts == 0 and other.due_at is not None and other.due_at > now:
                self._put(replace(other, due_at=now))

    async def give_back(self, claimed: Sequence[Delivery], *, now: int) -> None:
        for delivery in claimed:
            stored = self._db.webhook_deliveries.get((delivery.endpoint_id, delivery.event_id))
            if stored is not None and stored.due_at is not None and stored.attempts == delivery.attempts:
                self._put(stored.given_back(now))

    async def delivered_since(self, webhook_id: WebhookId, since: int) -> bool:
        return any(
            delivery.state is DeliveryState.DELIVERED and delivery.created_at >= since
            for delivery in self._of(webhook_id)
        )

    async def recover(self, webhook_id: WebhookId, *, since: int, limit: int, now: int) -> int:
        failed = [
            delivery
            for delivery in self._of(webhook_id)
            if delivery.state is DeliveryState.FAILED and delivery.created_at >= since
        ]
        part = sorted(failed, key=lambda delivery: (delivery.created_at, delivery.event_id))[:limit]
        for delivery in part:
            self._put(delivery.recovered(now))
        return len(part)

    def _put(self, delivery: Delivery) -> None:
        self._db.webhook_deliveries.put((delivery.endpoint_id, delivery.event_id), delivery)

    def _of(self, webhook_id: WebhookId) -> Sequence[Delivery]:
        return [delivery for delivery in self._db.webhook_deliveries.rows() if delivery.endpoint_id == webhook_id]


class MemoryWebhookReader:
    """What is committed."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Reads independently of units of work."""
        self._db = database

    async def endpoints(self, tenant_id: TenantId | None = None) -> Sequence[Endpoint]:
        self._db.check_available()
        endpoints = sorted(self._db.webhooks.committed_rows(), key=lambda endpoint: endpoint.id)
        return [endpoint for endpoint in endpoints if tenant_id in (None, endpoint.tenant_id)]

    async def due(self, webhook_ids: Sequence[WebhookId], *, now: int) -> Sequence[WebhookId]:
        self._db.check_available()
        due = {
            delivery.endpoint_id
            for delivery in self._db.webhook_deliveries.committed_rows()
            if delivery.due_at is not None and delivery.due_at <= now
        }
        return [webhook_id for webhook_id in webhook_ids if webhook_id in due]

    async def deliveries(
        self, tenant_id: TenantId, webhook_id: WebhookId, *, limit: int, before: EventId | None
    ) -> Sequence[Delivery]:
        self._db.check_available()
        fitting = [
            delivery
            for delivery in self._db.webhook_deliveries.committed_rows()
            if delivery.endpoint_id == webhook_id
            and delivery.tenant_id == tenant_id
            and (before is None or delivery.event_id < before)
        ]
        return sorted(fitting, key=lambda delivery: delivery.event_id, reverse=True)[:limit]


def _conforms(webhooks: MemoryWebhooks, reader: MemoryWebhookReader) -> tuple[WebhookRepository, WebhookReader]:
    return webhooks, reader
