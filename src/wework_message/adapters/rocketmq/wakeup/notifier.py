"""The doorbell between processes: rings go through topics, one for each class of urgency."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.rocketmq.transport.port import Transport
from wework_message.adapters.rocketmq.wakeup.consumer import Taken, WakeupConsumer
from wework_message.adapters.rocketmq.wakeup.publisher import WakeupPublisher
from wework_message.application.waiting import set_within
from wework_message.domain.ids import MessageId
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.ports.notifier import Notifier, Wakeup

LAST_WAKEUPS_S: Final = 2.0
"""How long `close` lets the last rings out; the table has their ids."""

_SUFFIXES: Final = {Urgency.URGENT: "-urgent", Urgency.NORMAL: "", Urgency.BULK: "-bulk"}


@dataclass(frozen=True, slots=True)
class Lane:
    """Where the rings of one class go."""

    topic: str
    group: str
    """A group of its own: members of one group must subscribe to the same topics."""


def lanes(topic: str, group: str) -> dict[Urgency, Lane]:
    """The three lanes of the settings' topic and group."""
    return {urgency: Lane(f"{topic}{suffix}", f"{group}{suffix}") for urgency, suffix in _SUFFIXES.items()}


class RocketmqNotifier:
    """Every lane has its own publish and its own receive under way, so that none waits behind another's backlog."""

    def __init__(
        self, transport: Transport, its_lanes: Mapping[Urgency, Lane], queue_metrics: QueueMetrics, *, listens: bool
    ) -> None:
        """`listens` is false in a process that does not dispatch: it rings, and hears nothing."""
        self._notified = asyncio.Event()
        self._has_capacity = asyncio.Event()
        self._look = False
        self._publisher = {
            urgency: WakeupPublisher(transport, lane.topic, self._look_at_table, queue_metrics.published)
            for urgency, lane in its_lanes.items()
        }
        self._listening = [
            WakeupConsumer(transport, lane.topic, lane.group, self._has_capacity, self._heard, queue_metrics.received)
            for _, lane in sorted(its_lanes.items())
            if listens
        ]
        self._publishers: list[asyncio.Task[None]] = []
        self._receivers: list[asyncio.Task[None]] = []
        self._answers: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Begin to publish what rings, and to receive while somebody waits."""
        self._publishers = [asyncio.create_task(one.run(), name="rings out") for one in self._publisher.values()]
        self._receivers = [asyncio.create_task(one.run(), name="rings in") for one in self._listening]

    async def notify(self, message_ids: Sequence[MessageId], urgency: Urgency = Urgency.NORMAL) -> None:
        """Into the next ring of the class; with no ids, this process looks at the table."""
        if message_ids:
            self._publisher[urgency].add(message_ids)
        else:
            self._look_at_table()

    async def wait(self, timeout_ms: int) -> Wakeup:
        """What was received meanwhile, or that the table is to be looked at."""
        self._has_capacity.set()
        if timeout_ms > 0:
            await set_within(self._notified, timeout_ms / 1000)
        self._has_capacity.clear()
        self._notified.clear()
        look, self._look = self._look, False
        taken = [one for listening in self._listening for one in listening.collect()]
        message_ids = frozenset[MessageId]() if look else frozenset().union(*(one.message_ids for one in taken))
        return Wakeup(message_ids, tuple(taken))

    async def answered(self, wakeup: Wakeup) -> None:
        """Acknowledge, without waiting for the broker."""
        for token in wakeup.tokens:
            if isinstance(token, Taken):
                task = asyncio.create_task(token.subscription.ack(token.delivery))
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

    async def close(self) -> None:
        """Receive nothing more, acknowledge what was answered, let the last rings out. Twice is allowed."""
        for one in self._publisher.values():
            one.close()
        for task in self._receivers:
            task.cancel()
        if self._publishers:
            await asyncio.wait(self._publishers, timeout=LAST_WAKEUPS_S)
        for task in self._publishers:
            task.cancel()
        await asyncio.gather(*self._publishers, *self._receivers, *self._answers, return_exceptions=True)
        await asyncio.gather(*(one.close() for one in self._listening))

    def _look_at_table(self) -> None:
        self._look = True
        self._notified.set()

    def _heard(self) -> None:
        # Nothing more until the waiter has seen this and waits again.
        self._has_capacity.clear()
        self._notified.set()


def _conforms(notifier: RocketmqNotifier) -> Notifier:
    return notifier
