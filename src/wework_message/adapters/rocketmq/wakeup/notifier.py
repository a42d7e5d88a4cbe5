"""The notifier between processes: wake-ups go through topics, one for each class of urgency."""

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
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.notifier import Notifier, Wakeup
from wework_message.domain.ports.tracer import Tracer
from wework_message.domain.trace import TraceContext

CLOSE_PUBLISH_S: Final = 2.0
"""How long `close` waits for the last publishes; the table has their ids."""

_SUFFIXES: Final = {Urgency.URGENT: "-urgent", Urgency.NORMAL: "", Urgency.BULK: "-bulk"}


@dataclass(frozen=True, slots=True)
class Lane:
    """The topic and consumer group of one class of urgency."""

    topic: str
    group: str
    """Each lane has its own group: members of a group must subscribe to the same topics."""


def lanes(topic: str, group: str) -> dict[Urgency, Lane]:
    """The three lanes for the topic and group of the settings."""
    return {urgency: Lane(f"{topic}{suffix}", f"{group}{suffix}") for urgency, suffix in _SUFFIXES.items()}


class RocketmqNotifier:
    """Every lane publishes and receives independently, so that no lane waits behind the backlog of another."""

    def __init__(
        self,
        transport: Transport,
        lanes_by_urgency: Mapping[Urgency, Lane],
        queue_metrics: QueueMetrics,
        *,
        listens: bool,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        """`listens` is false in a process that does not dispatch: it publishes only."""
        self._notified = asyncio.Event()
        self._has_capacity = asyncio.Event()
        self._poll_table = False
        self._publishers = {
            urgency: WakeupPublisher(transport, lane.topic, self._request_table_poll, queue_metrics.published, tracer)
            for urgency, lane in lanes_by_urgency.items()
        }
        self._consumers = [
            WakeupConsumer(
                transport,
                lane.topic,
                lane.group,
                self._has_capacity,
                self._on_received,
                queue_metrics.received,
                tracer,
            )
            for _, lane in sorted(lanes_by_urgency.items())
            if listens
        ]
        self._publish_tasks: list[asyncio.Task[None]] = []
        self._receive_tasks: list[asyncio.Task[None]] = []
        self._ack_tasks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Begin to publish wake-ups, and to receive them while `wait` runs."""
        self._publish_tasks = [
            asyncio.create_task(publisher.run(), name="publish wake-ups") for publisher in self._publishers.values()
        ]
        self._receive_tasks = [
            asyncio.create_task(consumer.run(), name="receive wake-ups") for consumer in self._consumers
        ]

    async def notify(
        self,
        message_ids: Sequence[MessageId],
        urgency: Urgency = Urgency.NORMAL,
        traces: Sequence[TraceContext] = (),
    ) -> None:
        if message_ids:
            self._publishers[urgency].add(message_ids, traces)
        else:
            self._request_table_poll()

    async def wait(self, timeout_ms: int) -> Wakeup:
        self._has_capacity.set()
        if timeout_ms > 0:
            await set_within(self._notified, timeout_ms / 1000)
        self._has_capacity.clear()
        self._notified.clear()
        poll_table, self._poll_table = self._poll_table, False
        taken = [wakeup for consumer in self._consumers for wakeup in consumer.collect()]
        message_ids = (
            frozenset[MessageId]() if poll_table else frozenset().union(*(wakeup.message_ids for wakeup in taken))
        )
        traces = tuple(wakeup.trace for wakeup in taken if wakeup.trace is not None)
        return Wakeup(message_ids, tuple(taken), traces)

    async def answered(self, wakeup: Wakeup) -> None:
        """Acknowledge in the background, without waiting for the broker."""
        for token in wakeup.tokens:
            if isinstance(token, Taken):
                task = asyncio.create_task(token.subscription.ack(token.delivery))
                self._ack_tasks.add(task)
                task.add_done_callback(self._ack_tasks.discard)

    async def close(self) -> None:
        """Stop receiving, end the acknowledgements and the last publishes. Twice is allowed."""
        for publisher in self._publishers.values():
            publisher.close()
        for task in self._receive_tasks:
            task.cancel()
        if self._publish_tasks:
            await asyncio.wait(self._publish_tasks, timeout=CLOSE_PUBLISH_S)
        for task in self._publish_tasks:
            task.cancel()
        await asyncio.gather(*self._publish_tasks, *self._receive_tasks, *self._ack_tasks, return_exceptions=True)
        await asyncio.gather(*(consumer.close() for consumer in self._consumers))

    def _request_table_poll(self) -> None:
        self._poll_table = True
        self._notified.set()

    def _on_received(self) -> None:
        # Receive nothing more until the waiter has handled this and waits again.
        self._has_capacity.clear()
        self._notified.set()


def _conforms(notifier: RocketmqNotifier) -> Notifier:
    return notifier
