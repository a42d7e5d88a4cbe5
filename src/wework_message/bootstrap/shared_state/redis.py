"""The parts that processes share through Redis; each extends the one in memory."""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from typing import Final, Protocol

from wework_message.adapters.redis.account_cache import AccountCache, CacheInvalidation
from wework_message.adapters.redis.caching_units import CachingUnitOfWorkFactory
from wework_message.adapters.redis.guarded import GuardedRedis, connect
from wework_message.adapters.redis.health import RedisHealthBoard
from wework_message.adapters.redis.rate_limiter import RedisRateLimiter
from wework_message.adapters.redis.request_limiter import RedisRequestLimiter
from wework_message.adapters.redis.status_cache import RedisStatuses
from wework_message.adapters.tls import ClientTls, TlsFiles
from wework_message.application.maintenance.fleet import Fleet
from wework_message.bootstrap.shared_state.local import Shared, WatchRedis
from wework_message.domain.errors import UnavailableError
from wework_message.domain.message.sent_message import NewVersion
from wework_message.domain.ports.health import ReplicatedHealthBoard
from wework_message.domain.ports.queries import StatusReader
from wework_message.domain.ports.rate_limiter import SoloRateLimiter
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.request_limiter import RequestLimiter, SoloRequestLimiter
from wework_message.domain.ports.system import Clock

ROUTER_CACHE_TTL_S: Final = 1.0
"""How long the router remembers accounts, in addition to the account cache."""


class _Loop(Protocol):
    async def run(self) -> None: ...

    def stop(self) -> None: ...


class SharedByRedis(Shared):
    """One guarded client, and the parts that use it."""

    remember_s = ROUTER_CACHE_TTL_S
    shares_health = True

    def __init__(
        self,
        url: str,
        tls: TlsFiles,
        clock: Clock,
        watch: WatchRedis | None,
        *,
        board: ReplicatedHealthBoard,
        limiter: SoloRateLimiter,
        fleet: Fleet,
        cache_status: bool,
    ) -> None:
        """Nothing is connected yet. `tls` is for a ``rediss://`` URL. `limiter` paces this process's part of the budgets while Redis is away."""
        self._redis = GuardedRedis(connect(url, tls=ClientTls(tls)), clock, watch=watch)
        self._exchanging_board = RedisHealthBoard(board, self._redis, clock, name=secrets.token_hex(8))
        super().__init__(self._exchanging_board, RedisRateLimiter(self._redis, limiter, clock), fleet)
        self.backend = self._redis
        self._clock = clock
        self._cache_status = cache_status
        self._statuses: RedisStatuses | None = None
        self._loops: list[_Loop] = [self._exchanging_board]
        self._tasks: list[asyncio.Task[None]] = []

    def units(self, units: UnitOfWorkFactory) -> UnitOfWorkFactory:
        """Units of work that cache accounts until any process changes them."""
        account_cache = AccountCache(self._clock)
        invalidation = CacheInvalidation(self._redis, account_cache, lambda: secrets.token_hex(8))
        self._loops.append(invalidation)
        return CachingUnitOfWorkFactory(units, account_cache, invalidation.changed)

    def requests(self, alone: SoloRequestLimiter) -> RequestLimiter:
        """Counts are in Redis; `alone` goes on while it is away."""
        return RedisRequestLimiter(self._redis, alone, self._clock)

    def statuses(self, reader: StatusReader) -> StatusReader:
        """Statuses are kept in Redis, where the settings have it (ADR 0018)."""
        if not self._cache_status:
            return reader
        self._statuses = RedisStatuses(reader, self._redis, self._clock)
        self._loops.append(self._statuses)
        return self._statuses

    def committed(self, messages: Sequence[NewVersion]) -> None:
        """Invalidate older versions in Redis."""
        if self._statuses is not None:
            self._statuses.committed(messages)

    async def start(self) -> None:
        """Read what others have observed, if Redis answers, then start the loops."""
        with contextlib.suppress(UnavailableError):
            await self._exchanging_board.exchange()
        self._tasks = [asyncio.create_task(loop.run(), name=type(loop).__name__) for loop in self._loops]

    async def stop(self) -> None:
        """Stop the loops; each ends its current call."""
        for loop in self._loops:
            loop.stop()
        await asyncio.gather(*self._tasks)
        self._tasks = []

    async def close(self) -> None:
        """End the connections."""
        await self._redis.close()
