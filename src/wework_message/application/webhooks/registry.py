"""Endpoints as clients manage them: create, change, delete, rotate the secret, test, recover."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from wework_message.application.errors import NotFoundError
from wework_message.application.tries import tried
from wework_message.application.webhooks.directory import EndpointDirectory
from wework_message.application.webhooks.record import body_of, delivery_of
from wework_message.domain.errors import ConflictError, InvalidValueError, TryAgainError
from wework_message.domain.ids import EventId, TenantId, WebhookId
from wework_message.domain.outbound import AddressPolicy
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory
from wework_message.domain.ports.system import Clock, IdGenerator
from wework_message.domain.signatures import SigningSecret
from wework_message.domain.webhooks.endpoint import MAX_ENDPOINTS, Endpoint
from wework_message.domain.webhooks.event import Event, EventType

Result = TypeVar("Result")

TRIES: Final = 3
"""How often a transaction is tried where another one is in the way."""

RECOVERED_PER_STEP: Final = 500
"""Deliveries that one transaction lets wait anew."""

MAX_RECOVERED: Final = 20_000
"""Deliveries that one request lets wait anew."""


@dataclass(frozen=True, slots=True)
class WebhookRegistry:
    """The use cases. All but `create` raise `NotFoundError`, all raise `UnavailableError`; then nothing was changed (by `recover`: not by its last step)."""

    units: UnitOfWorkFactory
    directory: EndpointDirectory
    addresses: AddressPolicy
    """What the URLs of endpoints may name."""
    ids: IdGenerator
    clock: Clock
    new_secret: Callable[[], SigningSecret]
    """Makes secrets that nobody can guess."""
    wake: Callable[[], None]
    """Says that a delivery may be due."""

    async def create(self, tenant_id: TenantId, url: str, events: Sequence[EventType]) -> Endpoint:
        """A new endpoint. Raises `InvalidValueError` for a URL that is not allowed, and where the tenant has `MAX_ENDPOINTS`."""
        self.addresses.target(url)
        endpoint = Endpoint(
            self.ids.webhook_id(), tenant_id, url, tuple(events), self.new_secret(), created_at=self.clock.now()
        )

        async def work(unit: UnitOfWork) -> Endpoint:
            stored = await unit.webhooks.endpoints()
            if sum(other.tenant_id == tenant_id for other in stored) >= MAX_ENDPOINTS:
                raise InvalidValueError("url", f"there are {MAX_ENDPOINTS} webhooks already")
            await unit.webhooks.put(endpoint)
            return endpoint

        return await self._changing(work)

    async def change(
        self, tenant_id: TenantId, webhook_id: WebhookId, url: str, events: Sequence[EventType], *, enabled: bool
    ) -> Endpoint:
        """Replace what is set. Enabled anew, it gets what waited for it and was not pruned.

        Raises `InvalidValueError` for a URL that is not allowed.
        """
        self.addresses.target(url)

        def change(endpoint: Endpoint) -> Endpoint:
            return replace(endpoint, url=url, events=tuple(events)).switched(enabled=enabled)

        return await self._changed(tenant_id, webhook_id, change)

    async def rotate(self, tenant_id: TenantId, webhook_id: WebhookId) -> Endpoint:
        """A new secret; the former one signs beside it for a day."""
        secret = self.new_secret()
        return await self._changed(tenant_id, webhook_id, lambda endpoint: endpoint.rotated(secret, self.clock.now()))

    async def delete(self, tenant_id: TenantId, webhook_id: WebhookId) -> Endpoint:
        """What waits for it is not sent any more; returns what was deleted."""

        async def work(unit: UnitOfWork) -> Endpoint:
            endpoint = await _own(unit, tenant_id, webhook_id)
            await unit.webhooks.delete(tenant_id, webhook_id)
            return endpoint

        return await self._changing(work)

    async def test(self, tenant_id: TenantId, webhook_id: WebhookId) -> EventId:
        """Record a `webhook.test` event for this endpoint alone; returns its id."""
        event_id, now = self.ids.event_id(), self.clock.now()
        event = Event(EventType.WEBHOOK_TEST, tenant_id, now, {"webhookId": webhook_id})

        async def work(unit: UnitOfWork) -> EventId:
            await _own(unit, tenant_id, webhook_id)
            await unit.webhooks.record([delivery_of(event, event_id, webhook_id, body_of(event), now=now)])
            return event_id

        return await self._done(work)

    async def recover(self, tenant_id: TenantId, webhook_id: WebhookId, since: int) -> tuple[int, bool]:
        """Let failed deliveries that were recorded at `since` (epoch ms) or later wait anew.

        Returns how many, `MAX_RECOVERED` at most, and whether there may be more: then the same request goes on.
        """

        async def work(unit: UnitOfWork) -> int:
            await _own(unit, tenant_id, webhook_id)
            return await unit.webhooks.recover(webhook_id, since=since, limit=RECOVERED_PER_STEP, now=self.clock.now())

        recovered = 0
        while recovered < MAX_RECOVERED:
            part = await self._done(work)
            recovered += part
            if part < RECOVERED_PER_STEP:
                return recovered, False
        return recovered, True

    async def _changed(
        self, tenant_id: TenantId, webhook_id: WebhookId, change: Callable[[Endpoint], Endpoint]
    ) -> Endpoint:
        async def work(unit: UnitOfWork) -> Endpoint:
            endpoint = change(await _own(unit, tenant_id, webhook_id))
            await unit.webhooks.put(endpoint)
            return endpoint

        return await self._changing(work)

    async def _changing(self, work: Callable[[UnitOfWork], Awaitable[Result]]) -> Result:
        """A change of endpoints. Where its commit had no answer it may count all the same, so what is known is read anew."""
        try:
            return await self._done(work)
        finally:
            self.directory.expire()

    async def _done(self, work: Callable[[UnitOfWork], Awaitable[Result]]) -> Result:
        result = await tried(TRIES, partial(self._once, work), TryAgainError, ConflictError)
        self.wake()
        return result

    async def _once(self, work: Callable[[UnitOfWork], Awaitable[Result]]) -> Result:
        async with self.units() as unit:
            result = await work(unit)
            await unit.commit()
        return result


async def _own(unit: UnitOfWork, tenant_id: TenantId, webhook_id: WebhookId) -> Endpoint:
    endpoint = await unit.webhooks.endpoint(tenant_id, webhook_id)
    if endpoint is None:
        raise NotFoundError("webhook")
    return endpoint
