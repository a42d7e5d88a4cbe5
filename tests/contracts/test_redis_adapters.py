"""The contract suites on Redis, with the part of a second process on the same server."""

from collections.abc import AsyncIterator

import pytest
from tests.contracts.health_board_contract import HealthBoardContract, SharedHealthBoardContract
from tests.contracts.rate_limiter_contract import RateLimiterContract, SharedRateLimiterContract
from tests.support.builders import NOW
from tests.support.redis import linked

from wework_message.adapters.memory.health import MemoryHealthBoard
from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.memory.throttling import MemoryRateLimiter
from wework_message.adapters.redis.health import RedisHealthBoard
from wework_message.adapters.redis.link import Link
from wework_message.adapters.redis.throttling import RedisRateLimiter


class OnRedis:
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    async def link(self, redis_url: str, clock: SettableClock) -> AsyncIterator[Link]:
        async with linked(redis_url, clock) as link:
            yield link

    @pytest.fixture
    async def other_link(self, redis_url: str, clock: SettableClock) -> AsyncIterator[Link]:
        async with linked(redis_url, clock) as link:
            yield link


class TestRedisRateLimiter(OnRedis, RateLimiterContract, SharedRateLimiterContract):
    @pytest.fixture
    def limiter(self, link: Link, clock: SettableClock) -> RedisRateLimiter:
        return RedisRateLimiter(link, MemoryRateLimiter(clock), clock, redis_clock=False)

    @pytest.fixture
    def other_limiter(self, other_link: Link, clock: SettableClock) -> RedisRateLimiter:
        return RedisRateLimiter(other_link, MemoryRateLimiter(clock), clock, redis_clock=False)


class TestRedisHealthBoard(OnRedis, HealthBoardContract, SharedHealthBoardContract):
    @pytest.fixture
    def board(self, link: Link, clock: SettableClock) -> RedisHealthBoard:
        return RedisHealthBoard(MemoryHealthBoard(clock, FixedRandom(0.0)), link, clock, name="one", redis_clock=False)

    @pytest.fixture
    def other_board(self, other_link: Link, clock: SettableClock) -> RedisHealthBoard:
        return RedisHealthBoard(
            MemoryHealthBoard(clock, FixedRandom(0.0)), other_link, clock, name="two", redis_clock=False
        )

    async def exchange(self, *boards: RedisHealthBoard) -> None:
        for board in boards:
            await board.exchange()
