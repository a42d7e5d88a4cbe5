"""Account budgets inside one process. `embedded` uses it."""

from typing import Final

from wework_message.domain.ids import AccountId
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.ports.system import Clock
from wework_message.domain.quota import MINUTE_MS, Bucket

SWEEP_AT: Final = 1024
"""Below this many buckets nothing is forgotten."""


class MemoryRateLimiter:
    """One token bucket per account that sent lately. A bucket that is full again is forgotten."""

    def __init__(self, clock: Clock) -> None:
        """Reads the boot clock, which does not jump."""
        self._clock = clock
        self._buckets: dict[AccountId, Bucket] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        """The number of buckets."""
        return len(self._buckets)

    async def reserve(self, account_id: AccountId, per_minute: int) -> int:
        """Take one token; returns how long to wait for it, in ms. A changed `per_minute` starts a new bucket."""
        now = int(self._clock.boot())
        bucket = self._buckets.get(account_id)
        if bucket is None or bucket.tokens != per_minute:
            bucket = Bucket.full(per_minute, MINUTE_MS, now=now)
        self._buckets[account_id], wait_ms = bucket.reserve(1, now)
        if len(self._buckets) >= self._sweep_at:
            self._sweep(now)
        return wait_ms

    def _sweep(self, now: int) -> None:
        """Amortised: the next sweep comes when the number has doubled."""
        self._buckets = {
            account_id: bucket for account_id, bucket in self._buckets.items() if not _full(bucket.refilled(now))
        }
        self._sweep_at = max(SWEEP_AT, 2 * len(self._buckets))


def _full(bucket: Bucket) -> bool:
    return bucket.level >= bucket.capacity * bucket.per_ms


def _conforms(limiter: MemoryRateLimiter) -> RateLimiter:
    return limiter
