"""What processes share in addition to the database, as the settings have it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.application.maintenance.fleet import Fleet
from wework_message.bootstrap.settings.model import RedisSettings
from wework_message.bootstrap.settings.tls import tls_files
from wework_message.bootstrap.shared_state.local import Shared, WatchRedis
from wework_message.domain.ports.system import Clock, RandomSource


@asynccontextmanager
async def open_shared(
    settings: RedisSettings, clock: Clock, random_source: RandomSource, watch: WatchRedis | None, workers: int = 1
) -> AsyncIterator[Shared]:
    """The parts, closed at the end. Redis may be away: each process then goes on with its own.

    `workers` processes of one service, or as many as are counted, divide what each of them paces alone.
    """
    board, fleet = MemoryHealthBoard(clock, random_source), Fleet(workers)
    limiter = MemoryRateLimiter(clock, fleet)
    if settings.url is None:
        yield Shared(board, limiter, fleet)
        return
    from wework_message.bootstrap.shared_state.redis import SharedByRedis  # noqa: PLC0415 -- the client is an extra

    shared = SharedByRedis(
        settings.url.reveal(),
        tls_files(settings.tls),
        clock,
        watch,
        board=board,
        limiter=limiter,
        fleet=fleet,
        cache_status=settings.cache_status,
    )
    try:
        yield shared
    finally:
        await shared.close()
