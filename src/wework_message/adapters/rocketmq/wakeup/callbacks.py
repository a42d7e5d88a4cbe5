"""Wake-ups for projectors through a topic (D-58): one process stores callbacks, any process projects them."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from wework_message.adapters.rocketmq.transport.port import PublishError, Subscription, Transport
from wework_message.application.waiting import set_within
from wework_message.domain.ports.notifier import InboxNotifier

MIN_INTERVAL_S: Final = 0.02
"""Between two wake-ups of a process: one is enough for all callbacks stored meanwhile."""
RETRY_DELAY_S: Final = 1.0
"""Pause after a defect."""
BATCH_SIZE: Final = 32
"""Wake-ups of one receive."""

_WAKEUP: Final = b"callbacks"
"""The store knows which callbacks wait; a message needs a body."""

_log: Final = logging.getLogger(__name__)


class CallbackWakeupPublisher:
    """Publishes that callbacks were stored or reopened."""

    def __init__(self, transport: Transport, topic: str, wake_local: Callable[[], None]) -> None:
        """`wake_local` wakes the projector of this process, if it has one, where a publish fails."""
        self._transport = transport
        self._topic = topic
        self._wake_local = wake_local
        self._requested = asyncio.Event()
        self._stopping = asyncio.Event()

    def notify(self) -> None:
        self._requested.set()

    async def run(self) -> None:
        """Publish until `stop`. A lost wake-up costs latency only: projectors poll too."""
        while not self._stopping.is_set():
            await self._requested.wait()
            self._requested.clear()
            if self._stopping.is_set():
                return
            try:
                await self._transport.publish(self._topic, _WAKEUP)
            except PublishError:  # the transport logs once that the broker is away
                self._wake_local()
            except Exception:  # noqa: BLE001 -- one defect must not stop all later wake-ups
                _log.exception("a ring for callbacks could not be published")
                self._wake_local()
            await set_within(self._stopping, MIN_INTERVAL_S)

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- the stop of a loop
        """`run` returns after the publish under way."""
        self._stopping.set()
        self._requested.set()


class CallbackWakeupConsumer:
    """Wakes the projector of this process at each wake-up of any process.

    What is no wake-up is somebody else's message: it is left to the broker, which keeps it in its own dead letters.
    """

    def __init__(self, subscription: Subscription, wake_local: Callable[[], None]) -> None:
        """`wake_local` wakes the projector of this process."""
        self._subscription = subscription
        self._wake_local = wake_local
        self._has_warned = False
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Receive until `stop`."""
        while not self._stopping.is_set():
            try:
                deliveries = await self._subscription.receive(BATCH_SIZE)
                wakeups = [delivery for delivery in deliveries if delivery.body == _WAKEUP]
                if len(wakeups) < len(deliveries):
                    self._warn()
                if wakeups:
                    self._wake_local()
                    await asyncio.gather(*(self._subscription.ack(wakeup) for wakeup in wakeups))
            except Exception:  # noqa: BLE001 -- one defect must not end the loop
                _log.exception("rings for callbacks could not be received")
                await set_within(self._stopping, RETRY_DELAY_S)

    def _warn(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning("messages of another service are on the topic of wake-ups for callbacks; they stay there")

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- the stop of a loop
        """`run` returns after the receive under way."""
        self._stopping.set()


def _conforms(wakeups: CallbackWakeupPublisher) -> InboxNotifier:
    return wakeups
