"""Delays the use of topics until their creation was tried: a proxy caches the absence of a topic for 20 s."""

import asyncio
from collections.abc import Sequence
from typing import Final

from wework_message.adapters.rocketmq.transport.port import Delivery, PublishError, Subscription, Transport
from wework_message.application.waiting import set_within
from wework_message.domain.trace import TraceContext

WAIT_S: Final = 2.0
"""How long a publish waits for the gate."""

POLL_INTERVAL_S: Final = 5.0
"""How long a receive waits for the gate."""


class GatedTransport:
    """A transport whose calls wait until the gate is open."""

    def __init__(self, transport: Transport) -> None:
        """The gate is closed at first."""
        self._transport = transport
        self._opened = asyncio.Event()

    def open(self) -> None:
        """Open the gate for good."""
        self._opened.set()

    async def publish(
        self, topic: str, body: bytes, *, keys: Sequence[str] = (), trace: TraceContext | None = None
    ) -> None:
        """Publish once the gate is open. Raises `PublishError` after `WAIT_S` too."""
        if not await set_within(self._opened, WAIT_S):
            raise PublishError("topics are not created yet")
        await self._transport.publish(topic, body, keys=keys, trace=trace)

    async def subscribe(self, topic: str, group: str, *, lease_s: int) -> "GatedSubscription":
        return GatedSubscription(await self._transport.subscribe(topic, group, lease_s=lease_s), self._opened)

    async def close(self) -> None:
        await self._transport.close()


class GatedSubscription:
    """A subscription that receives once the gate is open."""

    def __init__(self, subscription: Subscription, opened: asyncio.Event) -> None:
        """`opened` is set once the gate is open."""
        self._subscription = subscription
        self._opened = opened
        self._closed = False

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """Receive once the gate is open; nothing after `POLL_INTERVAL_S` without that."""
        if self._closed or not await set_within(self._opened, POLL_INTERVAL_S):
            return ()
        return await self._subscription.receive(limit)

    async def part_ids(self, delivery: Delivery) -> Sequence[str]:
        return await self._subscription.part_ids(delivery)

    async def ack(self, delivery: Delivery) -> None:
        await self._subscription.ack(delivery)

    async def close(self) -> None:
        self._closed = True
        await self._subscription.close()


def _conforms(transport: GatedTransport, subscription: GatedSubscription) -> tuple[Transport, Subscription]:
    return transport, subscription
