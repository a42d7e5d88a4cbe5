"""Budgets of requests that processes share: a process leases tokens from Redis in blocks, and spends them itself (ADR 16 and 71)."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from wework_message.adapters.redis.guarded import GuardedRedis
from wework_message.adapters.redis.request_script import LEASE
from wework_message.domain.access.rates import Over, RequestBudget, RequestRate
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.request_limiter import RequestLimiter, SoloRequestLimiter
from wework_message.domain.ports.system import Clock

MAX_LEASED_TOKENS: Final = 50
"""Tokens of one lease."""

BURST_SHARE: Final = 20
"""A lease is at most a twentieth of a full bucket: what other processes hold, nobody else can have."""

TTL_MS: Final = 1_000
"""How long leased tokens may be spent. The next lease gives unspent ones back."""

MEMORY_MS: Final = 60_000
"""How long the tokens of a caller that is away are remembered."""

CALLS_AT_ONCE: Final = 2
"""The connections of the process are for others, too."""

PATIENCE_S: Final = 0.1
"""How long a request waits for its turn to ask Redis. A slow Redis would hold more and more of them."""

SWEEP_AT: Final = 1024
"""The number of callers that starts the first sweep."""


class _Stock:
    """Tokens of one bucket that this process has."""

    __slots__ = ("block", "left", "refused_until", "turn", "used_at", "valid_until")

    def __init__(self) -> None:
        self.left = 0
        """Negative: so many are owed."""
        self.valid_until = 0.0
        self.block = 0
        """Tokens of the last lease."""
        self.refused_until = 0.0
        """There is no token before, by the last answer."""
        self.used_at = 0.0
        self.turn = asyncio.Lock()

    def has_token(self, now: float) -> bool:
        return self.left > 0 and now < self.valid_until

    def next_block(self, rate: RequestRate) -> int:
        """Twice as many after a lease that was used up."""
        largest = max(1, min(MAX_LEASED_TOKENS, rate.burst // BURST_SHARE))
        return min(largest, self.block * 2 if self.left <= 0 and self.block else 1)


class RedisRequestLimiter:
    """Token buckets in Redis, by the clock of Redis. While Redis is away each process has its part of each budget."""

    def __init__(
        self,
        guarded_redis: GuardedRedis,
        alone: SoloRequestLimiter,
        clock: Clock,
        *,
        prefix: str = "wm:",
        redis_clock: bool = True,
    ) -> None:
        """`alone` decides while Redis is away. `redis_clock=False` uses `clock` for the buckets too (contract suites)."""
        self._redis = guarded_redis
        self._lease = guarded_redis.script(LEASE)
        self._alone = alone
        self._boot = clock.boot
        self._prefix = f"{prefix}requests:"
        self._redis_clock = redis_clock
        self._calls = asyncio.Semaphore(CALLS_AT_ONCE)
        self._alone_until = 0.0
        """Redis did not answer all who waited for it: nobody waits before."""
        self._stocks: dict[str, _Stock] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        """The number of buckets of which this process knows something."""
        return len(self._stocks)

    async def take(self, budgets: Sequence[RequestBudget]) -> Over | None:
        """Of the tokens that this process has; it asks Redis where it has none."""
        stocks = self._stocks_of(budgets)
        while _lacking(stocks, self._boot()):
            if (over := _refused(budgets, stocks, self._boot())) is not None:
                return over
            try:
                await self._ask_once(budgets, stocks)
            except UnavailableError:
                return await self._alone.take(budgets)
            except TimeoutError:
                return await self._owing(budgets, stocks)
        for stock in stocks:
            stock.left -= 1
        self._alone.granted(budgets, 1)
        return None

    async def _ask_once(self, budgets: Sequence[RequestBudget], stocks: Sequence[_Stock]) -> None:
        """Ask Redis for what is lacking, unless another request does. Raises `TimeoutError` where too many wait for it."""
        if self._boot() < self._alone_until:
            raise TimeoutError
        turn = stocks[-1].turn  # the widest budget: one lease for all who wait for it
        async with asyncio.timeout(PATIENCE_S):
            await turn.acquire()
        try:
            now = self._boot()
            lacking = _lacking(stocks, now)
            if lacking and _refused(budgets, stocks, now) is None:
                await self._renew(budgets, stocks, lacking)
        finally:
            turn.release()

    async def _owing(self, budgets: Sequence[RequestBudget], stocks: Sequence[_Stock]) -> Over | None:
        """Redis is there but too slow for all who ask: this process decides, for a while, and owes what it takes."""
        if self._boot() >= self._alone_until:
            self._alone_until = self._boot() + TTL_MS
        over = await self._alone.take(budgets)
        if over is None:
            for stock in stocks:
                stock.left -= 1
        return over

    async def charge(self, budgets: Sequence[RequestBudget], tokens: int) -> None:
        """What this process does not have is owed at once, so that other processes wait for it, too."""
        stocks = self._stocks_of(budgets)
        for stock in stocks:
            stock.left -= tokens
        self._alone.granted(budgets, tokens)
        if self._boot() < self._alone_until:
            return  # the next lease pays
        async with stocks[-1].turn:
            owing = [stock for stock in stocks if stock.left < 0]
            if owing:
                with contextlib.suppress(UnavailableError, TimeoutError):  # `alone` has counted them
                    await self._renew(budgets, stocks, owing, requests=0)

    async def _renew(
        self,
        budgets: Sequence[RequestBudget],
        stocks: Sequence[_Stock],
        lacking: Sequence[_Stock],
        requests: int | None = None,
    ) -> None:
        """Lease tokens for those that lack some; what they have is given back, and what they owe is paid.

        Raises `UnavailableError`, and `TimeoutError` where too many wait: then nothing was changed.
        """
        async with asyncio.timeout(PATIENCE_S):
            await self._calls.acquire()
        try:
            keys, arguments = [], ["" if self._redis_clock else f"{self._boot() * 1000:.0f}"]
            for budget, stock in zip(budgets, stocks, strict=True):
                if stock in lacking:
                    block = stock.next_block(budget.rate) if requests is None else requests
                    keys.append(self._prefix + budget.name)
                    arguments += (f"{budget.rate.token_ms * 1000:.3f}", str(budget.rate.burst))
                    arguments += map(str, (block, max(0, stock.left), max(0, -stock.left)))
                    stock.block = block or stock.block
                    stock.left = 0  # without an answer it is not known whether they were given back

            async def ask(_client: "Redis") -> list[int]:
                return [int(number) for number in await self._lease(keys, arguments)]

            answer = await self._redis.call("requests", ask)
        finally:
            self._calls.release()
        now = self._boot()
        for stock, granted, wait_us in zip(lacking, answer[::2], answer[1::2], strict=True):
            stock.left += granted
            stock.valid_until = now + TTL_MS
            stock.refused_until = now + wait_us / 1000 if wait_us and not granted else 0.0

    def _stocks_of(self, budgets: Sequence[RequestBudget]) -> list[_Stock]:
        stocks, now = [], self._boot()
        for budget in budgets:
            stock = self._stocks.get(budget.name)
            if stock is None:
                if len(self._stocks) >= self._sweep_at:
                    self._sweep(now)
                stock = self._stocks[budget.name] = _Stock()
            stock.used_at = now
            stocks.append(stock)
        return stocks

    def _sweep(self, now: float) -> None:
        """Amortised: the next sweep comes when the number has doubled."""
        self._stocks = {
            name: stock
            for name, stock in self._stocks.items()
            if stock.turn.locked() or now - stock.used_at < MEMORY_MS or now < stock.refused_until
        }
        self._sweep_at = max(SWEEP_AT, 2 * len(self._stocks))


def _lacking(stocks: Sequence[_Stock], now: float) -> list[_Stock]:
    return [stock for stock in stocks if not stock.has_token(now)]


def _refused(budgets: Sequence[RequestBudget], stocks: Sequence[_Stock], now: float) -> Over | None:
    """The longest wait, of those that Redis has refused lately."""
    waits = [
        Over(budget.limited, stock.refused_until - now)
        for budget, stock in zip(budgets, stocks, strict=True)
        if stock.refused_until > now and not stock.has_token(now)
    ]
    return max(waits, key=lambda over: over.wait_ms) if waits else None


def _conforms(limiter: RedisRequestLimiter) -> RequestLimiter:
    return limiter
