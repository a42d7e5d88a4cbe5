"""A RocketMQ cluster in memory. It repeats, duplicates and reorders messages, as at-least-once delivery allows."""

import asyncio
import dataclasses
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from wework_message.adapters.rocketmq.transport.part_ids import part_id
from wework_message.adapters.rocketmq.transport.port import Delivery, PublishError, Subscription, Transport
from wework_message.domain.trace import TraceContext


@dataclass(slots=True)
class _Queue:
    """What one group has not acknowledged of one topic."""

    ready: list[Delivery] = field(default_factory=list)
    taken: dict[int, tuple[Delivery, float]] = field(default_factory=dict)
    filled: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class _Part:
    """What the cluster stored of one message, for good."""

    topic: str
    message_id: str
    body: bytes
    part_id: str


class MemoryTransport:
    """One cluster and one connection to it; a group gets what is published after its first subscription."""

    def __init__(
        self, *, copies: int = 1, seed: int | None = None, lease_scale: float = 1.0, wait_s: float = 0.2,
        redelivers: Literal["same", "copies"] = "copies",
    ) -> None:  # fmt: skip
        """Each message is delivered `copies` times; with a `seed` they come in a random order.

        What is redelivered is the stored part itself, or a copy of it, as a broker makes it for gRPC clients. A lease lasts `lease_scale` times the requested time; a receive waits `wait_s` for the first message.
        """
        self.copies = copies
        self.away = False
        self.loses_acks = False
        self.acked: list[str] = []
        self.published: list[tuple[str, bytes]] = []
        self.receives = 0
        self._random_source = random.Random(seed) if seed is not None else None
        self._lease_scale = lease_scale
        self._wait_s = wait_s
        self._redelivers = redelivers
        self._stored: list[_Part] = []
        self._queues: dict[tuple[str, str], _Queue] = {}
        self._serial = itertools.count(1)
        self._closed = False

    async def publish(
        self, topic: str, body: bytes, *, keys: Sequence[str] = (), trace: TraceContext | None = None
    ) -> None:
        self.put(topic, body, keys, trace=trace)

    def put(
        self,
        topic: str,
        body: bytes,
        keys: Sequence[str] = (),
        message_id: str | None = None,
        trace: TraceContext | None = None,
    ) -> str:
        """Store the message; return the broker's id."""
        if self.away or self._closed:
            raise PublishError("away")
        message_id = message_id or f"{next(self._serial):032X}"
        self._store(topic, body, keys, message_id, trace)
        return message_id

    def put_batch(self, topic: str, bodies: Sequence[bytes], keys: Sequence[str] = ()) -> str:
        """Store a producer's batch, each part with the key of its place; return the message id, which all parts share."""
        message_id = f"{next(self._serial):032X}"
        for place, body in enumerate(bodies):
            self._store(topic, body, keys[place : place + 1], message_id)
        return message_id

    def _store(
        self, topic: str, body: bytes, keys: Sequence[str], message_id: str, trace: TraceContext | None = None
    ) -> None:
        part = _Part(topic, message_id, body, part_id(topic, "broker-a", 0, len(self._stored), message_id))
        self._stored.append(part)
        self.published.append((topic, body))
        for (subscribed, _), queue in self._queues.items():
            if subscribed == topic:
                queue.ready += [
                    Delivery(topic, body, tuple(keys), message_id, part.part_id, 1, next(self._serial), trace=trace)
                    for _ in range(self.copies)
                ]
                queue.filled.set()

    def forget_stored(self) -> None:
        """The cluster deleted what it had stored, but for what is to be delivered again."""
        self._stored.clear()

    def part_ids(self, delivery: Delivery) -> Sequence[str]:
        """The parts that this may be, as the brokers know them; none while they are away."""
        if not delivery.copied:
            return (delivery.part_id,)
        sought = (delivery.topic, delivery.message_id, delivery.body)
        stored = [part.part_id for part in self._stored if (part.topic, part.message_id, part.body) == sought]
        return () if self.away else stored

    async def subscribe(self, topic: str, group: str, *, lease_s: int) -> "MemorySubscription":
        queue = self._queues.setdefault((topic, group), _Queue())
        return MemorySubscription(self, queue, lease_s * self._lease_scale, self._wait_s)

    async def close(self) -> None:
        self._closed = True

    def lag(self, topic: str, group: str) -> int:
        """Messages that are not acknowledged yet."""
        queue = self._queues[topic, group]
        return len(queue.ready) + len(queue.taken)

    def taken(self, topic: str, group: str) -> int:
        """Messages that were received and are not acknowledged yet."""
        return len(self._queues[topic, group].taken)

    def expire(self, topic: str, group: str) -> None:
        """Every lease ends now."""
        self._redeliver(self._queues[topic, group], float("inf"))

    def take(self, queue: _Queue, limit: int, until: float) -> list[Delivery]:
        """The messages of one receive, leased until `until`."""
        self._redeliver(queue, asyncio.get_running_loop().time())
        if self.away:
            return []
        if self._random_source is not None:
            self._random_source.shuffle(queue.ready)
        deliveries, queue.ready = queue.ready[:limit], queue.ready[limit:]
        for delivery in deliveries:
            assert isinstance(delivery.handle, int)
            queue.taken[delivery.handle] = delivery, until
        if not queue.ready:
            queue.filled.clear()
        return deliveries

    def _redeliver(self, queue: _Queue, now: float) -> None:
        for handle, (delivery, until) in list(queue.taken.items()):
            if until <= now:
                del queue.taken[handle]
                queue.ready.append(self._again(delivery))
                queue.filled.set()

    def _again(self, delivery: Delivery) -> Delivery:
        serial = next(self._serial)
        again = dataclasses.replace(delivery, attempt=delivery.attempt + 1, handle=serial)
        if self._redelivers == "same":
            return again
        place = part_id(f"{delivery.topic}.retry", "broker-a", 0, serial, delivery.message_id)
        return dataclasses.replace(again, part_id=place, copied=True)


class MemorySubscription:
    """One consumer."""

    def __init__(self, transport: MemoryTransport, queue: _Queue, lease_s: float, wait_s: float) -> None:
        self._transport = transport
        self._queue = queue
        self._lease_s = lease_s
        self._wait_s = wait_s
        self._closed = False

    async def receive(self, limit: int) -> Sequence[Delivery]:
        if self._closed:
            return ()
        self._transport.receives += 1
        loop = asyncio.get_running_loop()
        if deliveries := self._transport.take(self._queue, limit, loop.time() + self._lease_s):
            return deliveries
        try:
            async with asyncio.timeout(self._wait_s):
                await self._queue.filled.wait()
        except TimeoutError:
            return ()
        return self._transport.take(self._queue, limit, loop.time() + self._lease_s)

    async def part_ids(self, delivery: Delivery) -> Sequence[str]:
        return self._transport.part_ids(delivery)

    async def ack(self, delivery: Delivery) -> None:
        assert isinstance(delivery.handle, int)
        if (
            not self._transport.away
            and not self._transport.loses_acks
            and self._queue.taken.pop(delivery.handle, None) is not None
        ):
            self._transport.acked.append(delivery.message_id)

    async def close(self) -> None:
        self._closed = True


def _conforms(transport: MemoryTransport, subscription: MemorySubscription) -> tuple[Transport, Subscription]:
    return transport, subscription
