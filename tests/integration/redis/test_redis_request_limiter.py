"""Limits of requests on a Redis that is flushed, or away."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from tests.contracts.request_limiter_contract import KEY, TENANT, taken
from tests.support.polling import until
from tests.support.redis import connected_redis

from wework_message.adapters.local.request_limiter import MemoryRequestLimiter
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.redis import request_limiter
from wework_message.adapters.redis.guarded import PAUSE_MS, GuardedRedis, connect
from wework_message.adapters.redis.request_limiter import CALLS_AT_ONCE, SWEEP_AT, TTL_MS, RedisRequestLimiter
from wework_message.domain.access.rates import Limited, RequestBudget, RequestRate

WIDE: Final = RequestBudget("tenant wide", Limited.TENANT, RequestRate(100, 1_000))
NOWHERE: Final = "redis://127.0.0.1:9/0"


class Calls(Counter[str]):
    """Calls to Redis by their result."""

    def __call__(self, op: str, result: str, seconds: float) -> None:
        self[result] += 1


def limiter_on(guarded_redis: GuardedRedis, clock: SettableClock, *, redis_clock: bool = False) -> RedisRequestLimiter:
    return RedisRequestLimiter(guarded_redis, MemoryRequestLimiter(clock, 2), clock, redis_clock=redis_clock)


async def test_a_lease_serves_many_requests_and_a_refusal_all_until_the_next_token(redis_url: str) -> None:
    calls, clock = Calls(), SettableClock()
    async with connected_redis(redis_url, clock, watch=calls) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock)
        assert await taken(limiter, [WIDE], 5_000) == 1_000
        assert calls["ok"] <= 30
        clock.advance(TTL_MS // 2)
        assert await taken(limiter, [WIDE], 5_000) == TTL_MS // 2 // 10
        assert calls["ok"] <= 60


async def test_requests_that_come_together_share_a_lease(redis_url: str) -> None:
    calls, clock = Calls(), SettableClock()
    async with connected_redis(redis_url, clock, watch=calls) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock)
        overs = await asyncio.gather(*(limiter.take([KEY, WIDE]) for _ in range(100)))
        assert overs.count(None) == 2
        assert calls["ok"] <= 8


async def test_buckets_run_on_the_clock_of_redis(redis_url: str) -> None:
    early, late = SettableClock(boot=1_000.0), SettableClock(boot=9_999_999_000.0)
    slow = RequestBudget("tenant slow", Limited.TENANT, RequestRate(0.01, 4))
    async with connected_redis(redis_url, early) as guarded_redis, connected_redis(redis_url, late) as far:
        both = limiter_on(guarded_redis, early, redis_clock=True), limiter_on(far, late, redis_clock=True)
        assert [await both[number % 2].take([slow]) for number in range(4)] == [None] * 4
        over = await both[0].take([slow])
        assert over is not None
        assert 90_000 < over.wait_ms <= 100_000


async def test_while_redis_is_away_a_process_has_its_part_from_where_it_was(redis_url: str) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock)
        assert await taken(limiter, [TENANT], 3) == 3
        clock.advance(TTL_MS)  # no leased token is left
        await guarded_redis.close()
        away = connect(NOWHERE)
        guarded_redis._client, limiter._lease.registered_client = away, away
        assert await taken(limiter, [TENANT], 9) == 2, "half of the burst and of what came since"
        clock.advance(1_000)
        assert await taken(limiter, [TENANT], 9) == 2
        await limiter.charge([TENANT], 4)
        clock.advance(PAUSE_MS)
        assert await taken(limiter, [TENANT], 9) == 2
        await away.aclose()


async def test_a_process_that_never_reached_redis_is_limited(caplog: pytest.LogCaptureFixture) -> None:
    clock = SettableClock()
    guarded_redis = GuardedRedis(connect(NOWHERE), clock)
    limiter = limiter_on(guarded_redis, clock)
    granted = 0
    for _ in range(100):
        granted += await taken(limiter, [TENANT], 5)
        clock.advance(100)
    assert 48 <= granted <= 53, "half of 10 a second"
    assert len(caplog.messages) == 1
    await guarded_redis.close()


async def test_a_flushed_redis_gives_a_burst_at_most(redis_url: str) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock)
        assert await taken(limiter, [WIDE], 1_000) == 1_000

        async def flush(client: object) -> None:
            await client.flushdb()  # type: ignore[attr-defined] # the client of redis

        await guarded_redis.call("requests", flush)
        clock.advance(10)
        assert await taken(limiter, [WIDE], 5_000) <= 1_001


async def test_callers_that_are_away_are_forgotten(redis_url: str) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock)
        for number in range(SWEEP_AT):
            limiter._stocks_of([WIDE._replace(name=f"tenant {number}")])
        clock.advance(3_600_000)
        assert await limiter.take([WIDE]) is None
        assert len(limiter) == 1


async def test_a_slow_redis_holds_nobody_who_waits_for_others(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers each call in time, but not so many: then each process decides, and pays later."""
    monkeypatch.setattr(request_limiter, "PATIENCE_S", 0.0)
    clock, answers, calls = SettableClock(), asyncio.Event(), 0
    budgets = [RequestBudget(f"tenant {number}", Limited.TENANT, RequestRate(10, 20)) for number in range(12)]
    async with connected_redis(redis_url, clock, limit_s=30.0) as guarded_redis:
        call = guarded_redis.call

        async def slow(op: str, ask: Callable[[Any], Awaitable[Any]]) -> Any:
            nonlocal calls
            calls += 1
            await answers.wait()
            return await call(op, ask)

        async def all_hold() -> bool:
            return calls == CALLS_AT_ONCE

        monkeypatch.setattr(guarded_redis, "call", slow)
        limiter = limiter_on(guarded_redis, clock)
        holding = [asyncio.create_task(limiter.take([budget])) for budget in budgets[:CALLS_AT_ONCE]]
        await until(all_hold)
        assert [await limiter.take([budget]) for budget in budgets for _ in range(4)] == [None] * 48
        assert calls == CALLS_AT_ONCE, "the others are decided here"
        over = [await limiter.take([budgets[-1]]) for _ in range(20)][-1]
        assert over is not None, "within this process's part"
        answers.set()
        assert await asyncio.gather(*holding) == [None] * CALLS_AT_ONCE
        clock.advance(TTL_MS)
        assert await taken(limiter, [budgets[5]], 100) == 20 - 4, "what was taken alone is paid with the next lease"
