"""Receives wake-ups of one class of urgency, only while the dispatcher has capacity for the messages."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.rocketmq.transport.port import Delivery, Subscription, Transport
from wework_message.adapters.rocketmq.wakeup.codec import NoWakeupError, decoded
from wework_message.domain.ids import MessageId
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.tracer import Tracer
from wework_message.domain.trace import TraceContext

LEASE_S: Final = 30
"""How long a received and unanswered wake-up is hidden from others; claims are committed within milliseconds."""

MAX_DELIVERIES: Final = 5
"""A wake-up that is delivered more often is dropped: its messages are never claimed, and the table has their ids."""

BATCH_SIZE: Final = 4
"""Wake-ups of one receive: more would be taken from other processes that have capacity."""

RETRY_DELAY_S: Final = 1.0
"""Pause after a defect."""

Received = Callable[[str], None]
"""Called for each wake-up: `ok`, `garbage` or `given_up`."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """A wake-up leased to us until it is answered or its lease ends."""

    message_ids: frozenset[MessageId]
    subscription: Subscription
    delivery: Delivery
    trace: TraceContext | None = None
    """The span that received it."""


class WakeupConsumer:
    """One topic, one consumer group."""

    def __init__(
        self, transport: Transport, topic: str, group: str, has_capacity: asyncio.Event, on_received: Callable[[], None],
        received: Received, tracer: Tracer = NO_TRACER,
    ) -> None:  # fmt: skip
        """Receives while `has_capacity` is set, and calls `on_received` when `collect` has something to return."""
        self._transport = transport
        self._topic = topic
        self._group = group
        self._has_capacity = has_capacity
        self._on_received = on_received
        self._received = received
        self._tracer = tracer
        self._taken: list[Taken] = []
        self._subscription: Subscription | None = None

    async def run(self) -> None:
        """Receive until cancelled. A group receives what is published after its first subscription, so it subscribes at once."""
        while True:
            try:
                await self._subscribe_and_receive()
            except Exception:  # noqa: BLE001 -- one defect must not end the loop
                _log.exception("rings could not be received")
                await asyncio.sleep(RETRY_DELAY_S)

    async def _subscribe_and_receive(self) -> None:
        if self._subscription is None:
            self._subscription = await self._transport.subscribe(self._topic, self._group, lease_s=LEASE_S)
        await self._has_capacity.wait()
        try:
            for delivery in await self._subscription.receive(BATCH_SIZE):
                await self._take(self._subscription, delivery)
        finally:
            if self._taken:
                self._on_received()

    async def _take(self, subscription: Subscription, delivery: Delivery) -> None:
        try:
            message_ids = decoded(delivery.body)
        except NoWakeupError:
            self._received("garbage")
            await subscription.ack(delivery)
            return
        if delivery.attempt > MAX_DELIVERIES:
            self._received("given_up")
            await subscription.ack(delivery)
            return
        self._received("ok")
        trace = self._tracer.received(self._topic, self._group, delivery.trace)
        self._taken.append(Taken(message_ids, subscription, delivery, trace))

    def collect(self) -> list[Taken]:
        """The wake-ups received since the last call."""
        taken, self._taken = self._taken, []
        return taken

    async def close(self) -> None:
        """Close the subscription, after `run` was cancelled."""
        if self._subscription is not None:
            await self._subscription.close()
