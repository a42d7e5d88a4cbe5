"""A transport that adds duplicates and delays to another one, as unordered at-least-once delivery allows."""

import asyncio
import random
from collections.abc import Sequence

from wework_message.adapters.rocketmq.transport.port import Subscription, Transport
from wework_message.domain.trace import TraceContext


class Shuffling:
    """Publishes each message up to three times, each time after a random delay, so that others overtake it."""

    def __init__(self, transport: Transport, seed: int, *, longest_s: float = 0.05) -> None:
        self._transport = transport
        self._random_source = random.Random(seed)
        self._longest_s = longest_s
        self._late: set[asyncio.Task[None]] = set()
        self.copies = 0

    async def publish(
        self, topic: str, body: bytes, *, keys: Sequence[str] = (), trace: TraceContext | None = None
    ) -> None:
        for _ in range(self._random_source.randrange(3)):
            self._late_copy(topic, body, keys, trace)
        self._late_copy(topic, body, keys, trace)

    def _late_copy(self, topic: str, body: bytes, keys: Sequence[str], trace: TraceContext | None) -> None:
        async def later(wait_s: float) -> None:
            await asyncio.sleep(wait_s)
            await self._transport.publish(topic, body, keys=keys, trace=trace)

        self.copies += 1
        task = asyncio.create_task(later(self._random_source.random() * self._longest_s))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def subscribe(self, topic: str, group: str, *, lease_s: int) -> Subscription:
        return await self._transport.subscribe(topic, group, lease_s=lease_s)

    async def close(self) -> None:
        await asyncio.gather(*self._late, return_exceptions=True)
        await self._transport.close()


def _conforms(transport: Shuffling) -> Transport:
    return transport
