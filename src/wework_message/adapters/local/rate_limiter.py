"""Budgets inside one process. `embedded` uses it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from wework_message.domain.budgets import Budgets, SharedBudget
from wework_message.domain.ports.rate_limiter import Place, SoloRateLimiter
from wework_message.domain.ports.system import Clock
from wework_message.domain.quota import Bucket, reserve_all

SWEEP_AT: Final = 1024
"""Below this many buckets nothing is forgotten."""


def one_process() -> int:
    """Where no other process sends."""
    return 1


class MemoryRateLimiter:
    """One token bucket for each budget that was used lately. A bucket that is full again is forgotten."""

    def __init__(self, clock: Clock, processes: Callable[[], int] = one_process) -> None:
        """Reads the boot clock, which does not jump. `processes` have an equal part of each budget; this is one of them."""
        self._clock = clock
        self._processes = processes
        self._buckets: dict[str, Bucket] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        """The number of buckets."""
        return len(self._buckets)

    async def reserve(self, budgets: Budgets, expected: int = 1) -> Place:  # noqa: ARG002 -- nothing is fetched for others
        """Take one token of each budget."""
        now, processes = int(self._clock.boot()), self._processes()
        if len(budgets.parts) == 1:  # the usual account
            (part,) = budgets.parts
            self._buckets[part.name], wait_ms = self._bucket(part, now, processes).reserve(1, now)
            return self._swept(Place(wait_ms, part), now)
        reserved = reserve_all([self._bucket(part, now, processes) for part in budgets.parts], 1, now)
        for part, bucket in zip(budgets.parts, reserved.buckets, strict=True):
            self._buckets[part.name] = bucket
        return self._swept(Place(reserved.wait_ms, budgets.parts[reserved.tightest]), now)

    def _bucket(self, part: SharedBudget, now: int, processes: int) -> Bucket:
        bucket, budget = self._buckets.get(part.name), part.budget
        per_ms = budget.per.ms * processes
        if bucket is None:
            return budget.bucket(now, processes)
        if bucket.tokens == budget.limit and bucket.per_ms == per_ms:
            return bucket
        return bucket.refilled(now).resized(budget.bucket(now, processes))

    def room(self, budgets: Budgets) -> float:
        """Exact, of this process's part."""
        now, processes = int(self._clock.boot()), self._processes()
        buckets = [self._bucket(part, now, processes).refilled(now) for part in budgets.parts]
        return min(
            (bucket.level / (bucket.capacity * bucket.per_ms) if bucket.level >= bucket.per_ms else 0.0)
            for bucket in buckets
        )

    def begin(self, levels: Mapping[SharedBudget, float]) -> None:
        """Set what is left of budgets: 1 = all, negative = so much was taken in advance."""
        now, processes = int(self._clock.boot()), self._processes()
        for part, left in levels.items():
            full = part.budget.bucket(now, processes)
            self._buckets[part.name] = replace(full, level=int(full.level * left))

    def _swept(self, place: Place, now: int) -> Place:
        """Amortised: the next sweep comes when the number has doubled."""
        if len(self._buckets) >= self._sweep_at:
            self._sweep(now)
        return place

    def _sweep(self, now: int) -> None:
        self._buckets = {name: bucket for name, bucket in self._buckets.items() if not bucket.refilled(now).is_full}
        self._sweep_at = max(SWEEP_AT, 2 * len(self._buckets))


def _conforms(limiter: MemoryRateLimiter) -> SoloRateLimiter:
    return limiter
