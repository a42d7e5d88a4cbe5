"""A cluster in memory that does what at-least-once allows: it repeats, doubles and reorders."""

import asyncio
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from wework_message.adapters.rocketmq.transport.port import Delivery, PublishError, Subscription, Transport


@dataclass(slots=True)
class _Line:
    """What one group has yet to get of one topic."""

    ready: list[Delivery] = field(default_factory=list)
    taken: dict[int, tuple[Delivery, float]] = field(default_factory=dict)
    filled: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryTransport:
    """One cluster and one connection to it; a group gets what is published after its first subscription."""

    def __init__(
        self, *, copies: int = 1, seed: int | None = None, lease_scale: float = 1.0, wait_s: float = 0.2
    ) -> None:
        """`copies` of each message are stored, under one id; with a `seed` they come in any order.

        Leases last `lease_scale` as long as asked, a receive waits `wait_s` for the first message.
        """
        self.copies = copies
        self.away = False
        self.acked: list[str] = []
        self.published: list[tuple[str, bytes]] = []
        self.receives = 0
        self._random_source = random.Random(seed) if seed is not None else None
        self._lease_scale = lease_scale
        self._wait_s = wait_s
        self._lines: dict[tuple[str, str], _Line] = {}
        self._serial = itertools.count(1)
        self._closed = False

    async def publish(self, topic: str, body: bytes, *, keys: Sequence[str] = ()) -> None:
        self.put(topic, body, keys)

    def put(self, topic: str, body: bytes, keys: Sequence[str] = (), message_id: str | None = None) -> str:
        """Store it; the broker's id of it."""
        if self.away or self._closed:
            raise PublishError("away")
        name = message_id or f"{next(self._serial):032X}"
        self.published.append((topic, body))
        for (where, _), line in self._lines.items():
            if where == topic:
                line.ready += [
                    Delivery(topic, body, tuple(keys), name, 1, next(self._serial)) for _ in range(self.copies)
                ]
                line.filled.set()
        return name

    async def subscribe(self, topic: str, group: str, *, lease_s: int) -> "MemorySubscription":
        line = self._lines.setdefault((topic, group), _Line())
        return MemorySubscription(self, line, lease_s * self._lease_scale, self._wait_s)

    async def close(self) -> None:
        self._closed = True

    def lag(self, topic: str, group: str) -> int:
        """Messages that are not acknowledged yet."""
        line = self._lines[topic, group]
        return len(line.ready) + len(line.taken)

    def taken(self, topic: str, group: str) -> int:
        """Messages that were received and are not acknowledged yet."""
        return len(self._lines[topic, group].taken)

    def expire(self, topic: str, group: str) -> None:
        """Every lease ends now."""
        self._redeliver(self._lines[topic, group], float("inf"))

    def take(self, line: _Line, limit: int, until: float) -> list[Delivery]:
        """What a receive gets."""
        self._redeliver(line, asyncio.get_running_loop().time())
        if self.away:
            return []
        if self._random_source is not None:
            self._random_source.shuffle(line.ready)
        found, line.ready = line.ready[:limit], line.ready[limit:]
        for one in found:
            assert isinstance(one.handle, int)
            line.taken[one.handle] = one, until
        if not line.ready:
            line.filled.clear()
        return found

    def _redeliver(self, line: _Line, now: float) -> None:
        for handle, (one, until) in list(line.taken.items()):
            if until <= now:
                del line.taken[handle]
                line.ready.append(
                    Delivery(one.topic, one.body, one.keys, one.message_id, one.attempt + 1, next(self._serial))
                )
                line.filled.set()


class MemorySubscription:
    """One consumer."""

    def __init__(self, transport: MemoryTransport, line: _Line, lease_s: float, wait_s: float) -> None:
        self._transport = transport
        self._line = line
        self._lease_s = lease_s
        self._wait_s = wait_s
        self._closed = False

    async def receive(self, limit: int) -> Sequence[Delivery]:
        if self._closed:
            return ()
        self._transport.receives += 1
        loop = asyncio.get_running_loop()
        if found := self._transport.take(self._line, limit, loop.time() + self._lease_s):
            return found
        try:
            async with asyncio.timeout(self._wait_s):
                await self._line.filled.wait()
        except TimeoutError:
            return ()
        return self._transport.take(self._line, limit, loop.time() + self._lease_s)

    async def ack(self, delivery: Delivery) -> None:
        assert isinstance(delivery.handle, int)
        if not self._transport.away and self._line.taken.pop(delivery.handle, None) is not None:
            self._transport.acked.append(delivery.message_id)

    async def close(self) -> None:
        self._closed = True


def _conforms(transport: MemoryTransport, subscription: MemorySubscription) -> tuple[Transport, Subscription]:
    return transport, subscription
