"""Which of the two ways of sharing the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wework_message.bootstrap.settings.model import RedisSettings
from wework_message.bootstrap.shared_state.local import Shared, WatchRedis
from wework_message.domain.ports.system import Clock


@asynccontextmanager
async def open_shared(settings: RedisSettings, clock: Clock, watch: WatchRedis | None) -> AsyncIterator[Shared]:
    """The parts, closed at the end. Redis need not be there (decision 48)."""
    if settings.url is None:
        yield Shared()
        return
    from wework_message.bootstrap.shared_state.redis import SharedByRedis  # noqa: PLC0415 -- the client is an extra

    shared = SharedByRedis(settings.url.reveal(), clock, watch, cache_status=settings.cache_status)
    try:
        yield shared
    finally:
        await shared.close()
