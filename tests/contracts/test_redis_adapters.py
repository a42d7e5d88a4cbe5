"""The contract suites on Redis, with a second process's client on the same server."""

from collections.abc import AsyncIterator

import pytest
from tests.contracts.health_board_contract import HealthBoardContract, SharedHealthBoardContract
from tests.contracts.rate_limiter_contract import RateLimiterContract, SharedRateLimiterContract
from tests.contracts.request_limiter_contract import RequestLimiterContract, SharedRequestLimiterContract
from tests.support.builders.messages import NOW
from tests.support.redis import connected_redis

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.local.request_limiter import MemoryRequestLimiter
from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.redis.guarded import GuardedRedis
from wework_message.adapters.redis.health import RedisHealthBoard
from wework_message.adapters.redis.rate_limiter import RedisRateLimiter
from wework_message.adapters.redis.request_limiter import RedisRequestLimiter


class OnRedis:
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    async def guarded_redis(self, redis_url: str, clock: SettableClock) -> AsyncIterator[GuardedRedis]:
        async with connected_redis(redis_url, clock) as guarded_redis:
            yield guarded_redis

    @pytest.fixture
    async def other_redis(self, redis_url: str, clock: SettableClock) -> AsyncIterator[GuardedRedis]:
        async with connected_redis(redis_url, clock) as guarded_redis:
            yield guarded_redis


class TestRedisRateLimiter(OnRedis, RateLimiterContract, SharedRateLimiterContract):
    @pytest.fixture
    def limiter(self, guarded_redis: GuardedRedis, clock: SettableClock) -> RedisRateLimiter:
        return RedisRateLimiter(guarded_redis, MemoryRateLimiter(clock), clock, redis_clock=False)

    @pytest.fixture
    def other_limiter(self, other_redis: GuardedRedis, clock: SettableClock) -> RedisRateLimiter:
        return RedisRateLimiter(other_redis, MemoryRateLimiter(clock), clock, redis_clock=False)


class TestRedisRequestLimiter(OnRedis, RequestLimiterContract, SharedRequestLimiterContract):
    @pytest.fixture
    def limiter(self, guarded_redis: GuardedRedis, clock: SettableClock) -> RedisRequestLimiter:
        return RedisRequestLimiter(guarded_redis, MemoryRequestLimiter(clock), clock, redis_clock=False)

    @pytest.fixture
    def other_limiter(self, other_redis: GuardedRedis, clock: SettableClock) -> RedisRequestLimiter:
        return RedisRequestLimiter(other_redis, MemoryRequestLimiter(clock), clock, redis_clock=False)


class TestRedisHealthBoard(OnRedis, HealthBoardContract, SharedHealthBoardContract):
    @pytest.fixture
    def board(self, guarded_redis: GuardedRedis, clock: SettableClock) -> RedisHealthBoard:
        return RedisHealthBoard(
            MemoryHealthBoard(clock, FixedRandom(0.0)), guarded_redis, clock, name="one", redis_clock=False
        )

    @pytest.fixture
    def other_board(self, other_redis: GuardedRedis, clock: SettableClock) -> RedisHealthBoard:
        return RedisHealthBoard(
            MemoryHealthBoard(clock, FixedRandom(0.0)), other_redis, clock, name="two", redis_clock=False
        )

    async def exchange(self, *boards: RedisHealthBoard) -> None:
        for board in boards:
            await board.exchange()
