"""The metrics of several processes as those of one: what each says, and how the numbers are put together.

Counters and histograms are added, those of ended processes included: a sum that falls would be read as a restart, and counted
again. Gauges are not all sums; each has its rule here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

_Key: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""Name and labels of a sample."""

_ADDED: Final = frozenset({"counter", "histogram", "summary"})

GAUGE_RULES: Final[Mapping[str, Callable[[Iterable[float]], float]]] = MappingProxyType(
    {
        "wm_provider_up": min,  # one process that sees a provider down is one that cannot send there
        "wm_provider_breaker_open": max,
        "wm_bindings_degraded": max,
        "wm_provider_configured": max,
        "wm_oldest_due_seconds": max,  # one process of the cluster has these nine; for a moment two may
        "wm_oldest_open_seconds": max,
        "wm_inbox_lag_seconds": max,
        "wm_webhook_overdue_seconds": max,
        "wm_media_jobs": max,
        "wm_media_overdue_seconds": max,
        "wm_media_assets": max,
        "wm_unknown_open": max,
        "wm_spooled_answers": sum,
        "wm_unspooled_answers": sum,
        "wm_security_open": max,
        "wm_paused": max,  # every process reads the same
        "wm_in_flight_limit": sum,
        "wm_requests_in_flight": sum,
        "wm_invariant_violations": max,
        "wm_stream_lag_seconds": max,  # one process of the cluster pulls the streams of a provider
        "wm_rocketmq_backlog": max,  # every process asks for the same number
        "wm_db_pool_connections": sum,  # each process has its own
        "wm_db_pool_limit": sum,
        "wm_backend_up": min,  # one process that does not reach a server is one that works without it
        "wm_event_loop_lag_seconds": max,
        "wm_process_threads": sum,
        "wm_process_memory_ratio": sum,  # one limit for all; memory that they share is counted for each of them
        "wm_workers": max,
        "wm_workers_up": max,
        "process_resident_memory_bytes": sum,
        "process_virtual_memory_bytes": sum,
        "process_start_time_seconds": min,
        "process_open_fds": max,  # with the next one: the process that is nearest to its limit
        "process_max_fds": min,
        "python_info": max,
    }
)
"""By the gauge's name: how the numbers of the processes that answered become one."""


class Sample(Struct, frozen=True, array_like=True):
    """One number."""

    name: str
    labels: Mapping[str, str]
    value: float


class Family(Struct, frozen=True, array_like=True):
    """One metric of one process."""

    name: str
    """Without the suffix of its samples."""
    kind: str
    """Prometheus' type."""
    text: str
    samples: Sequence[Sample]


def families_of(registry: CollectorRegistry) -> list[Family]:
    """Everything that `registry` has now."""
    return [
        Family(
            metric.name,
            metric.type,
            metric.documentation,
            [Sample(sample.name, sample.labels, sample.value) for sample in metric.samples],
        )
        for metric in registry.collect()
    ]


class MergedMetrics:
    """The last numbers of every process, and the sums of those that have ended."""

    def __init__(self) -> None:
        """Nobody has said anything."""
        self._latest: dict[int, Sequence[Family]] = {}
        self._ended: dict[str, dict[_Key, float]] = {}
        """By the family's name."""

    def show(self, process: int, families: Sequence[Family]) -> None:
        """`process` has these numbers now."""
        self._latest[process] = families

    def end(self, process: int) -> None:
        """`process` has ended: its counts stay, its gauges do not."""
        for family in self._latest.pop(process, ()):
            if family.kind in _ADDED:
                counts = self._ended.setdefault(family.name, {})
                for key, value in _keyed(family):
                    counts[key] = counts.get(key, 0.0) + value

    def render(self, answering: Iterable[int], own: Mapping[str, float]) -> bytes:
        """The exposition. Gauges are those of the processes in `answering`; `own` replaces numbers by their metric's name."""
        return generate_latest(_Merged(list(self._merged(frozenset(answering), own))))

    def _merged(self, answering: frozenset[int], own: Mapping[str, float]) -> Iterator[Metric]:
        of_name: dict[str, list[tuple[int, Family]]] = {}
        for process, families in self._latest.items():
            for family in families:
                of_name.setdefault(family.name, []).append((process, family))
        for name, said in of_name.items():
            family = said[0][1]
            metric = Metric(name, family.text, family.kind)
            for (sample, labels), value in self._values(family, said, answering).items():
                metric.add_sample(sample, dict(labels), own.get(sample, value))
            yield metric

    def _values(
        self, family: Family, said: Sequence[tuple[int, Family]], answering: frozenset[int]
    ) -> Mapping[_Key, float]:
        values = {key: [count] for key, count in self._ended.get(family.name, {}).items()}
        is_added = family.kind in _ADDED
        for process, of_process in said:
            if is_added or process in answering:
                for key, value in _keyed(of_process):
                    values.setdefault(key, []).append(value)
        rule = sum if is_added else GAUGE_RULES.get(family.name, max)
        return {key: rule(numbers) for key, numbers in values.items()}


def _keyed(family: Family) -> Iterator[tuple[_Key, float]]:
    for sample in family.samples:
        yield (sample.name, tuple(sample.labels.items())), sample.value


class _Merged(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)
