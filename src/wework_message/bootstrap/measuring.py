"""The metrics of a process."""

import asyncio
from contextlib import AsyncExitStack
from typing import Protocol

from wework_message.adapters.observability.metrics import Metrics
from wework_message.adapters.observability.metrics_observer import PrometheusObserver
from wework_message.adapters.observability.process import LoopLag
from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.application.policy import Policy
from wework_message.bootstrap.process import ProcessMetrics
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.routes import route_templates


class Sampler(Protocol):
    """Looks at something from time to time."""

    async def run(self) -> None:
        """Until it is stopped."""
        ...

    def stop(self) -> None:
        """Let `run` return."""
        ...


def process_metrics(metrics: Metrics) -> ProcessMetrics:
    """What receives the measurements of the backends."""
    queue_metrics = QueueMetrics(
        published=lambda result, seconds: metrics.wakeup_publish[(result,)].observe(seconds),
        received=lambda result: metrics.wakeups_received[(result,)].inc(),
        backlog=metrics.backlog,
    )
    return ProcessMetrics(
        metrics.store_metrics_reporter.show, queue_metrics, metrics.redis_call, metrics.backends.watch_pools
    )


def metrics_and_observer(config: Config, policy: Policy, *, traced: bool) -> tuple[Metrics, PrometheusObserver]:
    """All metrics of a process that serves these routes, and what counts its events; `traced`: durations have exemplars."""
    metrics = Metrics(
        providers=policy.providers.values(),
        routes=list(route_templates(config)),
    )
    longest_call_ms = max((provider.timeout_ms for provider in policy.providers.values()), default=0)
    without_echoes = [provider.code for provider in policy.providers.values() if not provider.has_echoes]
    return metrics, PrometheusObserver(
        metrics,
        horizon_ms=policy.horizon_ms,
        longest_call_ms=longest_call_ms,
        now=config.now,
        without_echoes=without_echoes,
        traced=traced,
    )


async def sample(stack: AsyncExitStack, sampler: Sampler, name: str) -> None:
    """Let it run in a task until the stack closes."""
    task = asyncio.create_task(sampler.run(), name=name)

    async def stop() -> None:
        sampler.stop()
        await task

    stack.push_async_callback(stop)


async def watch_pauses(stack: AsyncExitStack, metrics: Metrics) -> None:
    """Measure until the stack closes what stops the event loop, and how long the garbage collector does."""
    await sample(stack, LoopLag(metrics.loop_lag.set), "loop lag")
    stack.enter_context(metrics.gc_pauses.watching())
