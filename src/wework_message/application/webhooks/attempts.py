"""The transactions of delivering: claim what is due, and write how attempts ended, with what that says about the endpoint."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from wework_message.application.commit.scope import CommitScope
from wework_message.application.webhooks.directory import EndpointDirectory
from wework_message.domain.ids import WebhookId
from wework_message.domain.ports.observers import Observer
from wework_message.domain.ports.system import Clock
from wework_message.domain.webhooks.delivery import GONE, Delivery, DeliveryState
from wework_message.domain.webhooks.endpoint import DisabledReason, Endpoint
from wework_message.domain.webhooks.event import Event, EventType

_log: Final = logging.getLogger(__name__)


class ClaimDeliveries:
    """Takes due deliveries, so many of each endpoint."""

    def __init__(self, clock: Clock) -> None:
        """`clock` says what is due."""
        self._clock = clock

    async def __call__(
        self, scope: CommitScope, items: Sequence[Mapping[WebhookId, int]], /
    ) -> Sequence[Sequence[Delivery]]:
        """One claim for each item."""
        return [await scope.unit.webhooks.claim(item, now=self._clock.now()) for item in items]


class GiveBack:
    """Gives claimed deliveries back that were not sent."""

    def __init__(self, clock: Clock) -> None:
        """They are due at once, by `clock`."""
        self._clock = clock

    async def __call__(self, scope: CommitScope, items: Sequence[Delivery], /) -> Sequence[None]:
        """The only answer is that they are due."""
        await scope.unit.webhooks.give_back(items, now=self._clock.now())
        return [None] * len(items)


class EndAttempts:
    """Writes how attempts ended; an endpoint that fails for days, or is gone, is disabled, and other endpoints are told."""

    def __init__(self, directory: EndpointDirectory, clock: Clock, observer: Observer) -> None:
        """The `directory` says which endpoints need a look: nearly always nothing of them changes."""
        self._directory = directory
        self._clock = clock
        self._observer = observer

    async def __call__(self, scope: CommitScope, items: Sequence[Delivery], /) -> Sequence[None]:
        """The only answer is that they are written."""
        now = self._clock.now()
        written = await scope.unit.webhooks.end(items, now=now)
        changed = await self._look_at_endpoints(scope, written, now)
        scope.when_ended.append(lambda error: self._report(written, changed) if error is None else None)
        return [None] * len(items)

    async def _look_at_endpoints(self, scope: CommitScope, written: Sequence[Delivery], now: int) -> Sequence[Endpoint]:
        known = {endpoint.id: endpoint for endpoint in await self._directory.within(scope.unit)}
        changed: list[Endpoint] = []
        for webhook_id in dict.fromkeys(delivery.endpoint_id for delivery in written):
            own = [delivery for delivery in written if delivery.endpoint_id == webhook_id]
            if (shown := known.get(webhook_id)) is None or _after(shown, own, now) is shown:
                continue
            stored = await scope.unit.webhooks.endpoint(shown.tenant_id, webhook_id)
            if stored is None or (endpoint := _after(stored, own, now)) is stored:
                continue
            if await _was_reached(scope, endpoint):
                endpoint = _after(stored.succeeded(), own, now)
            await scope.unit.webhooks.put(endpoint)
            changed.append(endpoint)
            if stored.enabled and not endpoint.enabled:
                scope.events.append(_disabled(endpoint, now))
        return changed

    def _report(self, written: Sequence[Delivery], changed: Sequence[Endpoint]) -> None:
        for delivery in written:
            if delivery.outcome is not None:
                self._observer.webhook(delivery.outcome, delivery.state)
        for endpoint in changed:
            if endpoint.disabled is not None:
                _log.warning("webhook %s is disabled: %s", endpoint.id, endpoint.disabled)
        if changed:
            self._directory.expire()


async def _was_reached(scope: CommitScope, endpoint: Endpoint) -> bool:
    """Whether an endpoint that is about to be disabled as failing was delivered to all the same.

    A process that did not know yet of a failure somewhere else has left the record of failures as it was.
    """
    if endpoint.disabled is not DisabledReason.FAILING or endpoint.failing_since is None:
        return False
    return await scope.unit.webhooks.delivered_since(endpoint.id, endpoint.failing_since)


def _after(endpoint: Endpoint, ended: Sequence[Delivery], now: int) -> Endpoint:
    """The endpoint after these attempts; the same object where nothing of it changes."""
    for delivery in ended:
        if delivery.state is DeliveryState.DELIVERED:
            endpoint = endpoint.succeeded()
        elif delivery.blames_endpoint:
            endpoint = endpoint.failed(now, gone=delivery.status == GONE)
    return endpoint


def _disabled(endpoint: Endpoint, now: int) -> Event:
    data = {"webhookId": endpoint.id, "disabledReason": endpoint.disabled}
    return Event(EventType.WEBHOOK_DISABLED, endpoint.tenant_id, now, data, about=endpoint.id)
