"""A notifier over topics, and the counts that it reports."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.rocketmq.transport.port import Transport
from wework_message.adapters.rocketmq.wakeup.notifier import RocketmqNotifier, lanes
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.tracer import Tracer


@dataclass(slots=True)
class NotifierCounts:
    """The counts that metrics would show."""

    published: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)


@asynccontextmanager
async def a_notifier(
    transport: Transport,
    *,
    topic: str = "due",
    group: str = "dispatch",
    listens: bool = True,
    counts: NotifierCounts | None = None,
    tracer: Tracer = NO_TRACER,
) -> AsyncIterator[RocketmqNotifier]:
    """A started notifier, closed at the end."""
    counts = counts or NotifierCounts()

    def published(result: str, _: float) -> None:
        counts.published[result] += 1

    def received(result: str) -> None:
        counts.received[result] += 1

    queue_metrics = QueueMetrics(published, received)
    notifier = RocketmqNotifier(transport, lanes(topic, group), queue_metrics, listens=listens, tracer=tracer)
    notifier.start()
    try:
        yield notifier
    finally:
        await notifier.close()
