"""The limit of requests in flight follows how long they take (ADR 71): pure, decided once per window of time.

As long as requests take no longer than they should, the limit grows. Where they take longer, and go on doing so, it shrinks in
proportion to how much longer, beginning at what really was in flight. What they should take is learned from quiet times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from wework_message.domain.load.priorities import Priority

WINDOW_MS: Final = 100
"""Length of a window, at least."""

LEAST: Final = 96
"""The limit is never below it, unless the largest one is. A window with no more in flight is quiet: what takes long then waits for something else.

Requests in flight share commits: measured, one of 28 costs a fifth more CPU than one of 64 and more, so a smaller limit makes an overload worse.
"""

TOLERANCE: Final = 4.0
"""Requests may take so many times as long as in quiet times."""

FLOORS_MS: Final[Mapping[Priority, float]] = MappingProxyType(
    {Priority.READ: 50.0, Priority.SEND: 50.0, Priority.BATCH: 400.0}
)
"""What requests may always take. With as many in flight as throughput needs (128) a send takes 25 to 30 ms, and this is twice that."""

STANDING_MS: Final = 500
"""Requests that take too long for less than this are a burst, which passes without a refusal."""

GROWTH: Final = 0.1
"""Part by which the limit grows in a window; where requests were refused, the less of it the nearer they are to what they may take."""

SHRINK: Final = 0.8
"""Part to which it shrinks in a window, at least: a moment in which the machine had something else to do is no overload."""

LEARNED: Final = 0.1
"""Part of a difference to the usual time that a quiet window adds: what became slower for good is usual after some time."""


@dataclass(frozen=True, slots=True)
class Times:
    """Requests of one kind that ended in a window."""

    count: int
    """At least 1."""
    total_ms: float

    @property
    def mean_ms(self) -> float:
        """How long they took."""
        return self.total_ms / self.count


@dataclass(frozen=True, slots=True)
class Window:
    """What happened in one window."""

    ended_at: float
    """By the clock of the caller, ms."""
    times: Mapping[Priority, Times]
    """Of the kinds that had any; without callbacks."""
    peak: int
    """The largest number in flight."""
    refused: int
    """Requests that the limit refused."""

    @property
    def is_quiet(self) -> bool:
        """Whether so little was in flight that no request waited for the others."""
        return self.peak <= LEAST


@dataclass(frozen=True, slots=True)
class AdaptiveLimit:
    """The limit, and what it was decided from. Begin with the largest one."""

    limit: float
    largest: int
    """At least 1."""
    usual_ms: Mapping[Priority, float] = field(default_factory=dict)
    """How long requests of a kind take in quiet times."""
    over_since: float | None = None
    """When requests began to take too long, by the end of the window before; None = they do not."""

    def target_ms(self, kind: Priority) -> float:
        """How long a request of this kind may take."""
        return max(FLOORS_MS[kind], TOLERANCE * self.usual_ms.get(kind, 0.0))

    def excess(self, window: Window) -> float:
        """How much longer than they may requests took, on average; 1 = as long as they may. 0 without any."""
        count = sum(times.count for times in window.times.values())
        total = sum(times.total_ms / self.target_ms(kind) for kind, times in window.times.items())
        return total / count if count else 0.0

    def after(self, window: Window) -> "AdaptiveLimit":
        """The limit for the next window."""
        usual = self._learned(window)
        excess = self.excess(window)
        if excess <= 1:
            growth = GROWTH * (1 - excess) if window.refused else GROWTH
            return AdaptiveLimit(min(self.largest, self.limit * (1 + growth)), self.largest, usual)
        if window.is_quiet:
            return AdaptiveLimit(self.limit, self.largest, usual)
        since = window.ended_at if self.over_since is None else self.over_since
        limit = self.limit
        if window.refused or window.ended_at - since >= STANDING_MS:
            limit = max(float(min(LEAST, self.largest)), min(limit, window.peak) * max(SHRINK, 1 / excess))
        return AdaptiveLimit(limit, self.largest, usual, since)

    def _learned(self, window: Window) -> Mapping[Priority, float]:
        """Less is believed at once; more only of quiet windows, or the limit would follow its own queue."""
        usual = dict(self.usual_ms)
        for kind, times in window.times.items():
            before = usual.get(kind)
            if before is None:
                usual[kind] = times.mean_ms if window.is_quiet else min(times.mean_ms, FLOORS_MS[kind] / TOLERANCE)
            elif times.mean_ms < before:
                usual[kind] = times.mean_ms
            elif window.is_quiet:
                usual[kind] = before + LEARNED * (times.mean_ms - before)
        return usual
