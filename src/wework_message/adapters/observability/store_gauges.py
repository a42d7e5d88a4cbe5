"""Gauges of the stored messages: present in the process that holds the lease on store metrics, absent in the others."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from wework_message.adapters.observability.metric_names import TEXTS, MetricName
from wework_message.application.maintenance.store_metrics import LEASE_MS, StoreSnapshot
from wework_message.domain.media.asset import MediaState
from wework_message.domain.ports.store_metrics import OPEN, Invariant, MediaWork

_STALE_S: Final = LEASE_MS / 1000


class StoreGauges(Collector):
    """Shows the newest snapshot as long as this process holds the lease."""

    def __init__(self, codes: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        """`codes` are the providers that are shown even with 0; `clock` in seconds."""
        self._clock = clock
        self._codes = tuple(codes)
        self._snapshot: tuple[float, StoreSnapshot] | None = None

    def show(self, snapshot: StoreSnapshot | None) -> None:
        """From now on show this snapshot; None shows nothing."""
        self._snapshot = None if snapshot is None else (self._clock(), snapshot)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Nine gauges; without samples where another process shows them."""
        oldest = _gauge("wm_oldest_due_seconds")
        unknown = _gauge("wm_unknown_open", "provider")
        violations = _gauge("wm_invariant_violations", "kind")
        overdue = _gauge("wm_webhook_overdue_seconds")
        media_jobs = _gauge("wm_media_jobs", "kind")
        media_overdue = _gauge("wm_media_overdue_seconds")
        media_assets = _gauge("wm_media_assets", "state")
        ages = _gauge("wm_oldest_open_seconds", "status")
        lag = _gauge("wm_inbox_lag_seconds")
        if self._snapshot is not None and self._clock() - self._snapshot[0] <= _STALE_S:
            snapshot = self._snapshot[1]
            oldest.add_metric((), snapshot.oldest_due_ms / 1000)
            overdue.add_metric((), snapshot.webhook_overdue_ms / 1000)
            lag.add_metric((), snapshot.inbox_lag_ms / 1000)
            counts = dict.fromkeys(self._codes, 0) | {str(code): count for code, count in snapshot.unknown_open.items()}
            for code, count in counts.items():
                unknown.add_metric((code,), count)
            for kind in Invariant:
                violations.add_metric((kind.value,), snapshot.violations.get(kind, 0))
            for status in OPEN:
                ages.add_metric((status.value,), snapshot.oldest_open_ms.get(status, 0) / 1000)
            media_overdue.add_metric((), snapshot.media_overdue_ms / 1000)
            for work in MediaWork:
                media_jobs.add_metric((work.value,), snapshot.media_jobs.get(work, 0))
            for state in MediaState:
                media_assets.add_metric((state.value,), snapshot.media_assets.get(state, 0))
        yield from (oldest, unknown, violations, overdue, media_jobs, media_overdue, media_assets, ages, lag)


def _gauge(name: MetricName, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, TEXTS[name], labels=labels)
