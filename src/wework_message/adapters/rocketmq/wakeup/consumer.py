"""Receiving rings of one class, only while there is room for what they announce."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.rocketmq.transport.port import Delivery, Subscription, Transport
from wework_message.adapters.rocketmq.wakeup.codec import NoWakeupError, decoded
from wework_message.domain.ids import MessageId

LEASE_S: Final = 30
"""How long a ring that was taken and not answered is gone; claims are committed within milliseconds."""

DELIVERIES: Final = 5
"""A ring that comes more often is given up: whatever it is, it never gets claimed, and the table has its ids."""

BATCH_SIZE: Final = 4
"""Rings in one receive: more would be slots that other processes have free."""

RETRY_DELAY_S: Final = 1.0
"""Pause after a defect."""

Received = Callable[[str], None]
"""Hears of each ring: `ok`, `garbage` or `given_up`."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """A ring of ours until it is answered or its lease ends."""

    message_ids: frozenset[MessageId]
    subscription: Subscription
    delivery: Delivery


class WakeupConsumer:
    """One topic, one consumer group."""

    def __init__(
        self, transport: Transport, topic: str, group: str, has_capacity: asyncio.Event, heard: Callable[[], None],
        received: Received,
    ) -> None:  # fmt: skip
        """Receives while `hungry`, and calls `heard` when there is something in `taken`."""
        self._transport = transport
        self._topic = topic
        self._group = group
        self._has_capacity = has_capacity
        self._heard = heard
        self._received = received
        self._taken: list[Taken] = []
        self._subscription: Subscription | None = None

    async def run(self) -> None:
        """Receive until cancelled. A group gets what is published after its first subscription, so that is made at once."""
        while True:
            try:
                await self._subscribe_and_receive()
            except Exception:  # noqa: BLE001 -- one defect must not end all listening
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
                self._heard()

    async def _take(self, subscription: Subscription, delivery: Delivery) -> None:
        try:
            message_ids = decoded(delivery.body)
        except NoWakeupError:
            self._received("garbage")
            await subscription.ack(delivery)
            return
        if delivery.attempt > DELIVERIES:
            self._received("given_up")
            await subscription.ack(delivery)
            return
        self._received("ok")
        self._taken.append(Taken(message_ids, subscription, delivery))

    def collect(self) -> list[Taken]:
        """What was taken since the last call."""
        taken, self._taken = self._taken, []
        return taken

    async def close(self) -> None:
        """After `run` was cancelled."""
        if self._subscription is not None:
            await self._subscription.close()
