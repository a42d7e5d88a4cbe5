"""Metrics of what a process depends on: the pools of its database, and the servers of its parts. Read at each scrape."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from wework_message.adapters.observability.metric_names import TEXTS, MetricName
from wework_message.application.queries.service import Backend
from wework_message.domain.ports.connection_pools import POOLS, Pool

PARTS: Final = ("queue", "cache", "nacos-registration", "nacos-configuration")
"""Workers, which are a part too, have gauges of their own."""

WAIT_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class BackendMetrics(Collector):
    """Without samples of pools and parts until it is told of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Registers itself."""
        name: MetricName = "wm_db_pool_wait_seconds"
        waits = Histogram(name, TEXTS[name], ("pool",), registry=registry, buckets=WAIT_BUCKETS)
        self._waits = {pool: waits.labels(pool) for pool in POOLS}
        self._pools: Sequence[Pool] = ()
        self._parts: Mapping[str, Backend] = {}
        registry.register(self)

    def watch_pools(self, pools: Sequence[Pool]) -> None:
        """Those of the database that this process works on."""
        self._pools = tuple(pools)
        for pool in pools:
            pool.waited = self._waits[pool.name].observe

    def watch_servers(self, parts: Mapping[str, Backend]) -> None:
        """Those of `PARTS` that run on a server are shown too."""
        self._parts = dict(self._parts) | {name: part for name, part in parts.items() if part.server and name in PARTS}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Three gauges."""
        connections, limits = _gauge("wm_db_pool_connections", "pool", "state"), _gauge("wm_db_pool_limit", "pool")
        for pool in self._pools:
            connections.add_metric((pool.name, "used"), pool.used)
            connections.add_metric((pool.name, "idle"), pool.idle)
            limits.add_metric((pool.name,), pool.limit)
        up = _gauge("wm_backend_up", "part")
        for name, part in self._parts.items():
            if (healthy := part.condition().healthy) is not None:
                up.add_metric((name,), int(healthy))
        yield from (connections, limits, up)


def _gauge(name: MetricName, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, TEXTS[name], labels=labels)
