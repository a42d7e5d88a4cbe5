"""Account budgets that processes share: a process leases tokens from Redis in blocks, and spends them itself (D-22 and D-33, ADR 0016)."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from redis.asyncio import Redis

from wework_message.adapters.redis.guarded import GuardedRedis
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import AccountId
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.ports.system import Clock
from wework_message.domain.quota import MINUTE_MS

MAX_LEASED_TOKENS: Final = 50
"""Tokens of one lease."""

BUDGET_SHARE: Final = 10
"""A lease is at most a tenth of a minute's budget, so that one process cannot hoard a small budget."""

TTL_MS: Final = 2_000
"""How long a leased token may be spent once it is available. Unspent tokens are lost then; the next lease is smaller."""

MEMORY_MS: Final = 60_000
"""How long a process's memory of a bucket replaces a bucket that Redis has lost. Redis keeps a full bucket for so long too."""

SWEEP_AT: Final = 1024
"""The number of accounts that starts the first sweep."""

_LEASE: Final = """
-- KEYS: the bucket. ARGV: tokens a minute, tokens requested, now in ms or '', the caller's memory of the level or ''.
-- The level is in 1/60000 of a token and gains `rate` of them a ms; below zero are tokens taken in advance.
local rate, requested = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local capacity = rate * 60000
local bucket = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(bucket[1]), tonumber(bucket[2])
if level and at then
  -- A clock that went backwards gains nothing; counting continues from its new time.
  level = math.min(capacity, level + math.max(0, now - at) * rate)
else
  level = math.min(capacity, tonumber(ARGV[4]) or capacity)
end
-- Grant whole tokens that are available; without any, grant tokens in advance, each a token later than the one before.
local available = math.floor(level / 60000)
local granted = requested
if available > 0 then granted = math.min(requested, available) end
local after = level - granted * 60000
redis.call('HSET', KEYS[1], 'level', string.format('%.0f', after), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((capacity - after) / rate) + 60000)
return {granted, string.format('%.0f', level)}
"""


@dataclass(slots=True)
class _Lease:
    """Tokens of one account. The first is available when the level was one token or more; each next one a token later."""

    taken_at: float = 0.0
    level: int = 0
    """Before the first of them was taken, in 1/60000 token."""
    tokens: int = 0
    spent: int = 0
    block: int = 0
    """Tokens that the next lease requests."""
    unanswered: bool = False
    """The last request had no answer, and may have taken its tokens all the same: the next one risks a single token."""
    used_at: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def spend(self, rate: int, now: float) -> int | None:
        """Spend a token: the wait for it, ms; None where no token remains, or its time has passed."""
        if self.spent >= self.tokens:
            return None
        missing = (self.spent + 1) * MINUTE_MS - self.level
        ready_in = -(-missing // rate) - int(now - self.taken_at) if missing > 0 else -int(now - self.taken_at)
        if ready_in < -TTL_MS:
            return None
        self.spent += 1
        return max(0, ready_in)

    def next_block(self, rate: int) -> int:
        """Tokens to request: twice as many after a lease that was used up, else as many as were spent."""
        self.block = self.block * 2 if self.spent >= self.tokens else self.spent
        self.block = 1 if self.unanswered else max(1, min(self.block, MAX_LEASED_TOKENS, rate // BUDGET_SHARE))
        return self.block

    def remembered(self, rate: int, now: float) -> int | None:
        """The level as this process remembers it, in case Redis has lost it; None where the memory is too old."""
        if self.tokens == 0 or now - self.taken_at > MEMORY_MS:
            return None
        return self.level - self.tokens * MINUTE_MS + int(now - self.taken_at) * rate


class RedisRateLimiter:
    """Token buckets in Redis, by the clock of Redis. While Redis is away each process paces alone, at half the rate."""

    def __init__(
        self,
        guarded_redis: GuardedRedis,
        alone: RateLimiter,
        clock: Clock,
        *,
        prefix: str = "wm:",
        redis_clock: bool = True,
    ) -> None:
        """`alone` paces while Redis is away. `redis_clock=False` uses `clock` for the buckets too (contract suites)."""
        self._redis = guarded_redis
        self._lease = guarded_redis.script(_LEASE)
        self._alone = alone
        self._clock = clock
        self._prefix = f"{prefix}budget:"
        self._redis_clock = redis_clock
        self._leases: dict[AccountId, _Lease] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        """The number of accounts in memory."""
        return len(self._leases)

    async def reserve(self, account_id: AccountId, per_minute: int) -> int:
        lease = self._leases.get(account_id)
        if lease is None:
            lease = self._leases[account_id] = _Lease()
        async with lease.turn:
            lease.used_at = now = self._clock.boot()
            wait_ms = lease.spend(per_minute, now)
            if wait_ms is None:
                wait_ms = await self._renewed(account_id, lease, per_minute)
        if len(self._leases) >= self._sweep_at:
            self._sweep()
        return wait_ms

    async def _renewed(self, account_id: AccountId, lease: _Lease, rate: int) -> int:
        now = self._clock.boot()
        memory = lease.remembered(rate, now)
        block = lease.next_block(rate)
        now_ms, memory_level = "" if self._redis_clock else int(now), "" if memory is None else memory

        async def ask(_client: "Redis") -> tuple[int, int]:
            tokens, level = await self._lease([f"{self._prefix}{account_id}"], [rate, block, now_ms, memory_level])
            return int(tokens), int(level)

        try:
            lease.tokens, lease.level = await self._redis.call("reserve", ask)
        except UnavailableError:
            lease.unanswered = True
            return await self._alone.reserve(account_id, max(1, rate // 2))
        lease.taken_at, lease.spent, lease.unanswered = self._clock.boot(), 0, False
        wait_ms = lease.spend(rate, lease.taken_at)
        if wait_ms is None:
            raise RuntimeError("a lease of no token")
        return wait_ms

    def _sweep(self) -> None:
        """Amortised: the next sweep comes when the number of accounts has doubled."""
        now = self._clock.boot()
        self._leases = {
            account_id: lease
            for account_id, lease in self._leases.items()
            if lease.turn.locked() or now - lease.used_at < MEMORY_MS
        }
        self._sweep_at = max(SWEEP_AT, 2 * len(self._leases))


def _conforms(limiter: RedisRateLimiter) -> RateLimiter:
    return limiter
