"""Budgets of requests inside one process."""

from collections.abc import Sequence
from typing import Final

from wework_message.domain.access.rates import Over, RequestBudget
from wework_message.domain.ports.request_limiter import SoloRequestLimiter
from wework_message.domain.ports.system import Clock

SWEEP_AT: Final = 1024
"""Below this many buckets nothing is forgotten."""


class MemoryRequestLimiter:
    """One bucket for each caller that was here lately. A bucket that is full again is forgotten."""

    def __init__(self, clock: Clock, processes: int = 1) -> None:
        """Reads the boot clock, which does not jump. `processes` have an equal part of each budget; this is one of them."""
        self._boot = clock.boot
        self._processes = processes
        self._full_at: dict[str, float] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        """The number of buckets."""
        return len(self._full_at)

    async def take(self, budgets: Sequence[RequestBudget]) -> Over | None:
        """Take a token of each, or of none."""
        now, full_at = self._boot(), self._full_at
        taken: list[tuple[str, float]] = []
        over: Over | None = None
        for name, limited, rate in budgets:
            after, wait_ms = rate.part(self._processes).taken(full_at.get(name, 0.0), now)
            if wait_ms > 0 and (over is None or wait_ms > over.wait_ms):
                over = Over(limited, wait_ms)
            taken.append((name, after))
        if over is None:
            full_at.update(taken)
            if len(full_at) >= self._sweep_at:
                self._sweep(now)
        return over

    async def charge(self, budgets: Sequence[RequestBudget], tokens: int) -> None:
        """Take more of each in any case."""
        now = self._boot()
        for name, _, rate in budgets:
            before = self._full_at.get(name, 0.0)
            self._full_at[name] = rate.part(self._processes).charged(before, tokens, now)

    def granted(self, budgets: Sequence[RequestBudget], tokens: int) -> None:
        """Its own part is used up at most: a shared budget may grant one process more than that."""
        now = self._boot()
        for name, _, rate in budgets:
            before = self._full_at.get(name, 0.0)
            self._full_at[name] = rate.part(self._processes).spent(before, tokens, now)
        if len(self._full_at) >= self._sweep_at:
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Amortised: the next sweep comes when the number has doubled."""
        self._full_at = {name: full_at for name, full_at in self._full_at.items() if full_at > now}
        self._sweep_at = max(SWEEP_AT, 2 * len(self._full_at))


def _conforms(limiter: MemoryRequestLimiter) -> SoloRequestLimiter:
    return limiter
