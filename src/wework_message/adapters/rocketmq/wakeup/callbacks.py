"""Rings for projectors over a topic (D-58): callbacks are stored here, and projected wherever somebody listens."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from wework_message.adapters.rocketmq.transport.port import PublishError, Subscription, Transport
from wework_message.application.waiting import set_within
from wework_message.domain.ports.notifier import InboxNotifier

GAP_S: Final = 0.02
"""Between two rings of a process: one carries whatever was stored meanwhile."""
RETRY_DELAY_S: Final = 1.0
"""Pause after a defect."""
BATCH_SIZE: Final = 32
"""Rings of one receive."""

_WAKEUP: Final = b"callbacks"
"""The store knows which; a ring needs a body."""

_log: Final = logging.getLogger(__name__)


class CallbackWakeupPublisher:
    """Publishes that callbacks were stored or reopened."""

    def __init__(self, transport: Transport, topic: str, here: Callable[[], None]) -> None:
        """`here` wakes the projector of this process, if it has one, where the broker does not take a ring."""
        self._transport = transport
        self._topic = topic
        self._here = here
        self._wanted = asyncio.Event()
        self._stopping = asyncio.Event()

    def notify(self) -> None:
        """One is under way soon. Never waits."""
        self._wanted.set()

    async def run(self) -> None:
        """Publish until `stop`. A ring that is lost costs latency only: projectors look by themselves, too."""
        while not self._stopping.is_set():
            await self._wanted.wait()
            self._wanted.clear()
            if self._stopping.is_set():
                return
            try:
                await self._transport.publish(self._topic, _WAKEUP)
            except PublishError:  # the transport tells that the broker is away, once
                self._here()
            except Exception:  # noqa: BLE001 -- one defect must not silence all later rings
                _log.exception("a ring for callbacks could not be published")
                self._here()
            await set_within(self._stopping, GAP_S)

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the publish at hand."""
        self._stopping.set()
        self._wanted.set()


class CallbackWakeupConsumer:
    """Wakes the projector of this process at each ring of any process."""

    def __init__(self, subscription: Subscription, here: Callable[[], None]) -> None:
        """`here` wakes it."""
        self._subscription = subscription
        self._here = here
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Until `stop`. Whatever a message says, it is a ring."""
        while not self._stopping.is_set():
            try:
                if wakeups := await self._subscription.receive(BATCH_SIZE):
                    self._here()
                    await asyncio.gather(*(self._subscription.ack(wakeup) for wakeup in wakeups))
            except Exception:  # noqa: BLE001 -- one defect must not end all listening
                _log.exception("rings for callbacks could not be received")
                await set_within(self._stopping, RETRY_DELAY_S)

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the receive at hand."""
        self._stopping.set()


def _conforms(wakeups: CallbackWakeupPublisher) -> InboxNotifier:
    return wakeups
