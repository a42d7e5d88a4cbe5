"""How long Python's garbage collector stops the process."""

import gc
import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, math.inf)
"""Upper ends, s."""

GENERATIONS: Final = 3


class GcPauses(Collector):
    """Counts the runs of the collector while it is `watching`, by generation.

    A run may begin wherever an object is made, also while a lock of the metrics library is held: a histogram of that library, which takes
    the lock, would wait for itself. These are plain numbers, and only one run is under way at a time.
    """

    def __init__(self, name: str, text: str, clock: Callable[[], float] = time.perf_counter) -> None:
        """`clock` in s."""
        self._name = name
        self._text = text
        self._clock = clock
        self._began: float | None = None
        self._runs = [[0] * len(BUCKETS) for _ in range(GENERATIONS)]
        self._sums = [0.0] * GENERATIONS

    @contextmanager
    def watching(self) -> Iterator[None]:
        """The runs within are counted."""
        gc.callbacks.append(self.on_run)
        try:
            yield
        finally:
            gc.callbacks.remove(self.on_run)

    def on_run(self, phase: str, info: Mapping[str, Any]) -> None:
        """A run starts or stops, as `gc.callbacks` say it."""
        if phase == "start":
            self._began = self._clock()
        elif self._began is not None:
            seconds, generation = self._clock() - self._began, info["generation"]
            self._sums[generation] += seconds
            self._runs[generation][bisect_left(BUCKETS, seconds)] += 1

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """One histogram."""
        family = HistogramMetricFamily(self._name, self._text, labels=("generation",))
        for generation in range(GENERATIONS):
            runs, buckets = 0, []
            for end, count in zip(BUCKETS, self._runs[generation], strict=True):
                runs += count
                buckets.append(("+Inf" if math.isinf(end) else str(end), runs))
            family.add_metric((str(generation),), buckets, self._sums[generation])
        yield family
