"""The ports for webhooks: endpoints and deliveries, written inside a unit of work, and read as views."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from wework_message.domain.ids import EventId, TenantId, WebhookId
from wework_message.domain.webhooks.delivery import Delivery
from wework_message.domain.webhooks.endpoint import Endpoint


class WebhookRepository(Protocol):
    """Endpoints and deliveries, inside a unit of work."""

    async def endpoints(self) -> Sequence[Endpoint]:
        """All endpoints, the oldest first."""
        ...

    async def endpoint(self, tenant_id: TenantId, webhook_id: WebhookId) -> Endpoint | None:
        """An endpoint of the tenant, locked."""
        ...

    async def put(self, endpoint: Endpoint) -> None:
        """Store a new one, or what has changed of one that `endpoint` has read."""
        ...

    async def delete(self, tenant_id: TenantId, webhook_id: WebhookId) -> None:
        """Delete an endpoint of the tenant. Its deliveries are sent no more, and pruned later."""
        ...

    async def record(self, deliveries: Sequence[Delivery]) -> None:
        """Insert new deliveries. One whose event and endpoint are stored already is left as it is."""
        ...

    async def claim(self, limits: Mapping[WebhookId, int], *, now: int) -> Sequence[Delivery]:
        """Up to so many due deliveries of each endpoint, as `Delivery.claimed` makes them and stored like this; oldest due first.

        Of one message at one endpoint only the events with the lowest sequence that did not end come. Events behind one
        that waits are put off until that one is due, and `end` of that one makes them due. No two open units of work get the
        same delivery.
        """
        ...

    async def end(self, attempted: Sequence[Delivery], *, now: int) -> Sequence[Delivery]:
        """Write how attempts ended, as `Delivery.answered` makes them; returns those that were written.

        A failure is not written where the delivery was claimed anew since, or has ended: its `attempts` differ.
        """
        ...

    async def give_back(self, claimed: Sequence[Delivery], *, now: int) -> None:
        """Let claimed deliveries that were not sent be due, as `Delivery.given_back` makes them.

        One that was claimed anew since, or has ended, stays as it is: its `attempts` differ.
        """
        ...

    async def delivered_since(self, webhook_id: WebhookId, since: int) -> bool:
        """Whether a delivery that was recorded at `since` (epoch ms) or later is DELIVERED."""
        ...

    async def recover(self, webhook_id: WebhookId, *, since: int, limit: int, now: int) -> int:
        """Let up to `limit` failed deliveries that were recorded at `since` or later wait anew, oldest first; returns how many."""
        ...


class WebhookReader(Protocol):
    """Queries. They see what is committed, and do not wait for writers."""

    async def endpoints(self, tenant_id: TenantId | None = None) -> Sequence[Endpoint]:
        """All endpoints of the tenant (None = of every tenant), the oldest first. There are few: a client made each."""
        ...

    async def due(self, webhook_ids: Sequence[WebhookId], *, now: int) -> Sequence[WebhookId]:
        """Those of the endpoints for which a delivery is due."""
        ...

    async def deliveries(
        self, tenant_id: TenantId, webhook_id: WebhookId, *, limit: int, before: EventId | None
    ) -> Sequence[Delivery]:
        """The newest deliveries to an endpoint of the tenant, with event ids below `before`."""
        ...
