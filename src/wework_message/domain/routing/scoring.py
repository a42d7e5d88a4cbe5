"""Statistics of recent calls of a binding: quality, latency, and the score from both (M-6.3).

The weights are defaults to be tuned in the simulator, not measured. Constant memory and time per call.
"""

from math import exp
from typing import Final, NamedTuple

QUALITY_DECAY_MS: Final = 60_000
"""Time constant of the counts: after this long an event weighs 1/e."""

LATENCY_DECAY_MS: Final = 10_000
"""Time constant with which the latency follows faster calls; slower ones raise it at once."""

LATENCY_TTL_MS: Final = 6 * LATENCY_DECAY_MS
"""Without a call for this long a latency is dropped, so that a binding that was slow once is tried again."""

_PRIOR_OK: Final = 3.0
_PRIOR_ALL: Final = 4.0


class CallStats(NamedTuple):
    """Time-decayed counts and peak-EWMA latency of one binding or provider; immutable."""

    ok: float = 0.0
    bad: float = 0.0
    at: int = 0
    """When the counts were right, ms."""
    peak_ms: float | None = None
    measured_at: int = 0
    """When a latency was last measured, ms."""

    def record(self, weight: float, latency_ms: float | None, now: int) -> "CallStats":
        """Count a call: `weight` 0 is a success, up to 1 a failure (0.5 for an uncertain one; see `breaker.weigh`).

        `latency_ms` is None for a call that says nothing about speed.
        """
        fade = self._fade(now)
        ok, bad = self.ok * fade, self.bad * fade
        if weight == 0:
            ok += 1.0
        else:
            bad += weight
        at = max(now, self.at)
        if latency_ms is None:
            return CallStats(ok, bad, at, self.peak_ms, self.measured_at)
        return CallStats(ok, bad, at, self._peak(latency_ms, now), max(now, self.measured_at))

    def quality(self, now: int) -> float:
        """Q = (ok + 3) / (ok + bad + 4), in (0, 1): 0.75 when nothing is known (M-6.3)."""
        fade = self._fade(now)
        return (self.ok * fade + _PRIOR_OK) / ((self.ok + self.bad) * fade + _PRIOR_ALL)

    def latency_ms(self, now: int) -> float | None:
        """L: jumps up at once, comes down with 10 s; None if not known."""
        return self.peak_ms if now - self.measured_at < LATENCY_TTL_MS else None

    def _fade(self, now: int) -> float:
        return exp((self.at - now) / QUALITY_DECAY_MS) if now > self.at else 1.0

    def _peak(self, latency_ms: float, now: int) -> float:
        if self.peak_ms is None or latency_ms >= self.peak_ms:
            return latency_ms
        keep = exp((self.measured_at - now) / LATENCY_DECAY_MS) if now > self.measured_at else 1.0
        return self.peak_ms * keep + latency_ms * (1.0 - keep)


def score(
    quality: float, latency_ms: float | None, best_latency_ms: float | None, room: float, *, affine: bool
) -> float:
    """0.45 Q + 0.25 min(1, L_best / L) + 0.20 Room + 0.10 Aff, in [0, 1] (M-6.3).

    `best_latency_ms` is the smallest known one among the candidates. A candidate without a known latency has no
    disadvantage, and if every candidate is slow, none has. `room` is the least remaining share of all budgets concerned, 0-1. `affine`: it
    was the conversation's last binding.
    """
    speed = 1.0
    if latency_ms is not None and best_latency_ms is not None and latency_ms > best_latency_ms:
        speed = best_latency_ms / latency_ms
    return 0.45 * quality + 0.25 * speed + 0.20 * room + (0.10 if affine else 0.0)
