"""A guarded client of the Redis of the tests, with a limit of time that a busy machine keeps."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.redis.guarded import GuardedRedis, Watch, connect

PATIENT_S = 10.0


@asynccontextmanager
async def connected_redis(
    url: str, clock: SettableClock, *, watch: Watch | None = None, limit_s: float = PATIENT_S
) -> AsyncIterator[GuardedRedis]:
    guarded_redis = GuardedRedis(connect(url, limit_s=limit_s), clock, watch=watch, limit_s=limit_s)
    try:
        yield guarded_redis
    finally:
        await guarded_redis.close()
