"""Gauges of what the database holds: present in the one process that takes the census, absent in the others."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from wework_message.application.maintenance.store_metrics import LEASE_MS, StoreSnapshot
from wework_message.domain.ports.store_metrics import Invariant

_STALE_S: Final = LEASE_MS / 1000


class StoreGauges(Collector):
    """Shows the newest numbers for as long as they are this process's to show."""

    def __init__(
        self, oldest: tuple[str, str], unknown: tuple[str, str], violations: tuple[str, str],
        codes: Sequence[str], clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Names and texts; `codes` are the providers whose number is told even where it is 0; `clock` in seconds."""
        self._oldest = oldest
        self._unknown = unknown
        self._violations = violations
        self._clock = clock
        self._codes = tuple(codes)
        self._taken: tuple[float, StoreSnapshot] | None = None

    def show(self, numbers: StoreSnapshot | None) -> None:
        """From now on these, or nothing."""
        self._taken = None if numbers is None else (self._clock(), numbers)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Three gauges, without samples where another process shows them."""
        oldest = GaugeMetricFamily(*self._oldest)
        unknown = GaugeMetricFamily(*self._unknown, labels=("provider",))
        violations = GaugeMetricFamily(*self._violations, labels=("kind",))
        if self._taken is not None and self._clock() - self._taken[0] <= _STALE_S:
            numbers = self._taken[1]
            oldest.add_metric((), numbers.oldest_due_ms / 1000)
            counts = dict.fromkeys(self._codes, 0) | {str(code): count for code, count in numbers.unknown_open.items()}
            for code, count in counts.items():
                unknown.add_metric((code,), count)
            for kind in Invariant:
                violations.add_metric((kind.value,), numbers.violations.get(kind, 0))
        yield from (oldest, unknown, violations)
