"""Budgets that processes share: a process leases tokens from Redis in blocks, and spends them itself (D-22, D-33, ADR 16 and 49)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from redis.asyncio import Redis

from wework_message.adapters.redis.budget_script import LEASE
from wework_message.adapters.redis.guarded import GuardedRedis
from wework_message.domain.budgets import Budgets, SharedBudget
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.rate_limiter import Place, RateLimiter, SoloRateLimiter
from wework_message.domain.ports.system import Clock
from wework_message.domain.quota import Budget

MAX_LEASED_TOKENS: Final = 50
"""Tokens of one lease."""

BUDGET_SHARE: Final = 10
"""A lease is at most a tenth of a budget, so that one process cannot hoard a small one."""

AHEAD_MS: Final = 3_000
"""A lease of tokens that are not there yet reaches so far ahead, and has one token at least."""

TTL_MS: Final = 2_000
"""How long a leased token may be spent once it is available. The next lease gives unspent ones back."""

MEMORY_MS: Final = 60_000
"""How long the lease of budgets that nobody uses is kept."""

SWEEP_AT: Final = 1024
"""The number of leases or buckets that starts the first sweep."""


class _Bucket(NamedTuple):
    """What this process knows of a bucket in Redis."""

    used: int
    """What was missing of a full one when it was seen last, in 1/period (ms) of a token."""
    born: int
    """Tells it from one that was there before Redis lost its data."""
    seen_at: float
    """By the boot clock."""
    full_at: float
    """When it is surely full again, by the same clock."""

    def missing(self, budget: Budget, now: float) -> int:
        """What is missing of a full one now, were nobody else to use it."""
        return max(0, self.used - int(now - self.seen_at) * budget.limit)


class _Debt(NamedTuple):
    """Tokens that were spent without Redis, and that it does not know of."""

    tokens: int
    void_at: float
    """When every bucket is surely full again, by the boot clock."""


_NO_DEBT: Final = _Debt(0, 0.0)


@dataclass(slots=True)
class _Lease:
    """Tokens of one set of budgets. Each is available when every bucket has gained it."""

    taken_at: float = 0.0
    levels: Sequence[int] = ()
    """Of each bucket before the first of them was taken, in 1/period (ms) of a token."""
    tokens: int = 0
    spent: int = 0
    block: int = 0
    """Tokens that the next lease requests."""
    unanswered: bool = False
    """The last request had no answer, and may have taken its tokens all the same: the next one risks a single token."""
    used_at: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def spend(self, budgets: Budgets, now: float) -> Place | None:
        """Spend a token; None where no token remains, or its time has passed."""
        if self.spent >= self.tokens:
            return None
        number, longest, tightest = self.spent + 1, 0, budgets.parts[0]
        for part, level in zip(budgets.parts, self.levels, strict=True):
            budget = part.budget
            missing = number * budget.per.ms - level
            if missing > 0 and (ready_ms := -(-missing // budget.limit)) > longest:
                longest, tightest = ready_ms, part
        ready_in = longest - int(now - self.taken_at)
        if ready_in < -TTL_MS:
            return None
        self.spent = number
        return Place(max(0, ready_in), tightest)

    def next_block(self, budgets: Budgets, expected: int) -> int:
        """Tokens to request: twice as many after a lease that was used up, else as many as were spent."""
        self.block = self.block * 2 if self.spent >= self.tokens else self.spent
        most = min(MAX_LEASED_TOKENS, *(part.budget.limit // BUDGET_SHARE for part in budgets.parts))
        self.block = 1 if self.unanswered else max(1, min(max(self.block, expected), most))
        return self.block


class RedisRateLimiter:
    """Token buckets in Redis, by the clock of Redis. While Redis is away each process paces alone, at its part of the rate."""

    def __init__(
        self,
        guarded_redis: GuardedRedis,
        alone: SoloRateLimiter,
        clock: Clock,
        *,
        prefix: str = "wm:",
        redis_clock: bool = True,
    ) -> None:
        """`alone` paces while Redis is away. `redis_clock=False` uses `clock` for the buckets too (contract suites)."""
        self._redis = guarded_redis
        self._lease = guarded_redis.script(LEASE)
        self._alone = alone
        self._clock = clock
        self._prefix = f"{prefix}budget:"
        self._redis_clock = redis_clock
        self._leases: dict[str, _Lease] = {}
        self._known: dict[str, _Bucket] = {}
        self._debts: dict[tuple[str, ...], _Debt] = {}
        """By the names of the buckets: a debt outlives a change of limits."""
        self._begun_alone: dict[str, float] = {}
        """Buckets that go on without Redis, by when they are surely full again."""
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        """The number of leases in memory."""
        return len(self._leases)

    async def reserve(self, budgets: Budgets, expected: int = 1) -> Place:
        lease = self._leases.get(budgets.key)
        if lease is None:
            lease = self._leases[budgets.key] = _Lease()
        async with lease.turn:
            lease.used_at = now = self._clock.boot()
            place = lease.spend(budgets, now)
            if place is None:
                place = await self._renewed(lease, budgets, expected)
        if len(self._leases) + len(self._known) >= self._sweep_at:
            self._sweep()
        return place

    async def _renewed(self, lease: _Lease, budgets: Budgets, expected: int) -> Place:
        block = lease.next_block(budgets, expected)
        now = self._clock.boot()
        unspent = lease.tokens - lease.spent
        names = tuple(part.name for part in budgets.parts)
        owed = self._debts.get(names, _NO_DEBT).tokens
        arguments: list[int | str] = [block, "" if self._redis_clock else int(now), AHEAD_MS, unspent - owed]
        for part in budgets.parts:
            known = self._known.get(part.name)
            memory = ("", "") if known is None else (known.missing(part.budget, now), known.born)
            arguments += [part.budget.limit, part.budget.per.ms, *memory]
        keys = [f"{self._prefix}{name}" for name in names]

        async def ask(_client: "Redis") -> list[int]:
            return [int(number) for number in await self._lease(keys, arguments)]

        lease.tokens = lease.spent = 0  # without an answer it is not known whether they were given back
        try:
            granted, *buckets = await self._redis.call("reserve", ask)
        except UnavailableError:
            lease.unanswered = True
            self._owe(names, 1, now + max(part.budget.per.ms for part in budgets.parts))
            return await self._place_alone(budgets, now)
        lease.taken_at, lease.tokens, lease.unanswered = self._clock.boot(), granted, False
        lease.levels = self._levels(budgets, granted, buckets, lease.taken_at)
        self._owe(names, -owed, 0.0)
        for name in names:  # other buckets may not have been seen since Redis is back
            self._begun_alone.pop(name, None)
        place = lease.spend(budgets, lease.taken_at)
        if place is None:
            raise RuntimeError("a lease of no token")
        return place

    def _levels(self, budgets: Budgets, granted: int, buckets: Sequence[int], now: float) -> Sequence[int]:
        """Remembers the buckets; what each had before the lease. `buckets` is what was missing, and the birth, of each."""
        levels = []
        for part, used, born in zip(budgets.parts, buckets[::2], buckets[1::2], strict=True):
            per_ms = part.budget.per.ms
            levels.append(part.budget.limit * per_ms - used)
            after = used + granted * per_ms
            self._known[part.name] = _Bucket(after, born, now, now + after / part.budget.limit)
        return levels

    def _owe(self, names: tuple[str, ...], tokens: int, void_at: float) -> None:
        before = self._debts.pop(names, _NO_DEBT)
        if (owed := before.tokens + tokens) > 0:
            self._debts[names] = _Debt(owed, max(before.void_at, void_at))

    async def _place_alone(self, budgets: Budgets, now: float) -> Place:
        """Each process goes on with its part of what was left when Redis answered last."""
        new = [part for part in budgets.parts if part.name not in self._begun_alone]
        self._alone.begin({part: self._left(part, now) for part in new})
        self._begun_alone |= {part.name: now + part.budget.per.ms for part in budgets.parts}
        return await self._alone.reserve(budgets)

    def room(self, budgets: Budgets) -> float:
        """As Redis said last: what other processes used since is not known."""
        now = self._clock.boot()
        return min(
            (left if (left := self._left(part, now)) * part.budget.limit >= 1 else 0.0) for part in budgets.parts
        )

    def _left(self, part: SharedBudget, now: float) -> float:
        known, budget = self._known.get(part.name), part.budget
        return 1.0 if known is None else 1.0 - known.missing(budget, now) / (budget.limit * budget.per.ms)

    def _sweep(self) -> None:
        """Amortised: the next sweep comes when the number has doubled. A bucket is forgotten once it is surely full again."""
        now = self._clock.boot()
        self._leases = {
            key: lease for key, lease in self._leases.items() if lease.turn.locked() or now - lease.used_at < MEMORY_MS
        }
        self._known = {name: bucket for name, bucket in self._known.items() if now < bucket.full_at}
        self._debts = {names: debt for names, debt in self._debts.items() if now < debt.void_at}
        self._begun_alone = {name: full_at for name, full_at in self._begun_alone.items() if now < full_at}
        self._sweep_at = max(SWEEP_AT, 2 * (len(self._leases) + len(self._known)))


def _conforms(limiter: RedisRateLimiter) -> RateLimiter:
    return limiter
