"""Percentiles of recent calls from a histogram: its memory is fixed, and the sum of two of them is that of all calls (M-6.4)."""

from array import array
from collections.abc import Iterable
from math import log
from typing import Final

SPAN_MS: Final = 300_000
"""Percentiles are those of the last one to two spans."""

BUCKETS: Final = 600
"""The last one begins at 141 s, above the longest deadline that a call usually has."""

_GROWTH: Final = 1.02
"""Each bucket ends 2 % above its beginning, so a percentile is wrong by 1 %."""
_PER_BUCKET: Final = log(_GROWTH)


def bucket_of(elapsed_ms: float) -> int:
    """The bucket of a duration; everything below 1 ms is in the first one."""
    return min(BUCKETS - 1, int(log(elapsed_ms) / _PER_BUCKET)) if elapsed_ms > 1 else 0


class LatencyHistogram:
    """Durations of the last minutes. Changed in place: it is counted in once per call."""

    __slots__ = ("_before", "_now", "_span")

    def __init__(self) -> None:
        """Nothing counted."""
        self._now = array("L", bytes(8 * BUCKETS))
        self._before = array("L", bytes(8 * BUCKETS))
        self._span = 0

    def add(self, elapsed_ms: float, boot_ms: int) -> None:
        """Count a call that ended at `boot_ms`, by a clock that is never set back."""
        if boot_ms // SPAN_MS > self._span:
            self._turn(boot_ms)
        self._now[bucket_of(elapsed_ms)] += 1

    def add_buckets(self, counts: Iterable[tuple[int, int]], boot_ms: int) -> None:
        """Count calls that were counted elsewhere: (bucket, calls); buckets that do not exist are ignored."""
        self._turn(boot_ms)
        for bucket, calls in counts:
            if 0 <= bucket < BUCKETS and calls > 0:
                self._now[bucket] += calls

    def percentile(self, share: float, boot_ms: int) -> float | None:
        """The duration that this share (0-1) of the calls did not exceed, ms, to 1 %; None without a call."""
        self._turn(boot_ms)
        counts = [now + before for now, before in zip(self._now, self._before, strict=True)]
        calls = sum(counts)
        left = share * calls
        for bucket, count in enumerate(counts):
            left -= count
            if count and left <= 0:
                return round(float(_GROWTH ** (bucket + 0.5)), 2)
        return None

    def _turn(self, boot_ms: int) -> None:
        """Forget what is two spans old."""
        span = boot_ms // SPAN_MS
        if span <= self._span:
            return
        empty = array("L", bytes(8 * BUCKETS))
        self._before = self._now if span == self._span + 1 else array("L", empty)
        self._now, self._span = empty, span
