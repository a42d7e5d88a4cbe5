"""A notifier over topics, and the counts that it reports."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.adapters.rocketmq.transport.port import Transport
from wework_message.adapters.rocketmq.wakeup.notifier import RocketmqNotifier, lanes


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
) -> AsyncIterator[RocketmqNotifier]:
    """A started notifier, closed at the end."""
    counts = counts or NotifierCounts()

    def published(result: str, _: float) -> None:
        counts.published[result] += 1

    def received(result: str) -> None:
        counts.received[result] += 1

    notifier = RocketmqNotifier(transport, lanes(topic, group), QueueMetrics(published, received), listens=listens)
    notifier.start()
    try:
        yield notifier
    finally:
        await notifier.close()
