"""The limiter on a Redis that is flushed, killed, slow, full, or does not let us in."""

import asyncio
import logging
from collections import Counter
from typing import Any

import pytest
from redis.commands.core import AsyncScript
from tests.contracts.rate_limiter_contract import ACCOUNT, OTHER_ACCOUNT, limited, per_minute, waits
from tests.support.redis import connected_redis
from tests.support.servers.redis import Redis

from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.redis.guarded import PAUSE_MS, GuardedRedis
from wework_message.adapters.redis.rate_limiter import MAX_LEASED_TOKENS, TTL_MS, RedisRateLimiter
from wework_message.adapters.system import SystemClock
from wework_message.application.maintenance.fleet import Fleet
from wework_message.domain.ids import AccountId


class Calls(Counter[str]):
    """Calls to Redis by their result."""

    def __call__(self, op: str, result: str, seconds: float) -> None:
        self[result] += 1


def limiter_on(guarded_redis: GuardedRedis, clock: SettableClock, *, redis_clock: bool = True) -> RedisRateLimiter:
    return RedisRateLimiter(guarded_redis, MemoryRateLimiter(clock, Fleet(2)), clock, redis_clock=redis_clock)


async def test_a_lease_serves_many_messages(redis_url: str) -> None:
    calls, clock = Calls(), SettableClock()
    async with connected_redis(redis_url, clock, watch=calls) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock, redis_clock=False)
        waits = [(await limiter.reserve(per_minute(1_000))).wait_ms for _ in range(1_000)]
        assert waits == [0] * 1_000
        assert calls["ok"] <= 0.03 * 1_000
        waits = [(await limiter.reserve(per_minute(1_000))).wait_ms for _ in range(1_000)]
        assert waits == sorted(waits)
        assert waits[-1] == 60_000
        assert calls["ok"] <= 0.03 * 2_000


async def test_a_process_that_sends_little_takes_little(redis_url: str) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis, connected_redis(redis_url, clock) as far:
        limiter, other = limiter_on(guarded_redis, clock, redis_clock=False), limiter_on(far, clock, redis_clock=False)
        for _ in range(1_000):
            await limiter.reserve(per_minute(1_000))
        clock.advance(TTL_MS + 60_000)
        assert (await limiter.reserve(per_minute(1_000))).wait_ms == 0
        waits = [(await other.reserve(per_minute(1_000))).wait_ms for _ in range(1_000)]
        assert waits.count(0) >= 1_000 - MAX_LEASED_TOKENS


async def test_leased_tokens_are_not_hoarded_for_a_burst(redis_url: str) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock, redis_clock=False)
        for _ in range(120):  # leases of 1, 2, 4 ... 50: some tokens of the last one remain
            await limiter.reserve(per_minute(1_000))
        clock.advance(60_000 + TTL_MS)
        waits = [(await limiter.reserve(per_minute(1_000))).wait_ms for _ in range(1_001)]
        assert waits.count(0) == 1_000


async def test_buckets_run_on_the_clock_of_redis(redis_url: str) -> None:
    early, late = SettableClock(boot=1_000.0), SettableClock(boot=9_999_999_000.0)
    async with connected_redis(redis_url, early) as guarded_redis, connected_redis(redis_url, late) as far:
        both = limiter_on(guarded_redis, early), limiter_on(far, late)
        waits = [(await both[number % 2].reserve(per_minute(2))).wait_ms for number in range(4)]
    assert waits[:2] == [0, 0]
    assert 20_000 < waits[2] <= 30_000
    assert 50_000 < waits[3] <= 60_000


async def test_flushall_costs_no_more_than_what_others_took_meanwhile(redis_url: str, redis_server: Redis) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock, redis_clock=False)
        waits = []
        for number in range(180):
            if number % 7 == 0:
                redis_server.flush()
            waits.append((await limiter.reserve(per_minute(60))).wait_ms)
        assert waits.count(0) == 60
        assert max(waits) == 120_000


async def test_flushall_gives_a_process_without_memory_a_full_bucket_and_no_more(
    redis_url: str, redis_server: Redis
) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis:
        waits = []
        for _ in range(2):
            fresh = limiter_on(guarded_redis, clock, redis_clock=False)
            waits += [(await fresh.reserve(per_minute(60))).wait_ms for _ in range(100)]
            redis_server.flush()
        assert waits.count(0) == 120


async def test_flushall_gives_processes_that_remember_no_second_day(redis_url: str, redis_server: Redis) -> None:
    clock, budgets = SettableClock(), limited(day=100)
    async with connected_redis(redis_url, clock) as guarded_redis, connected_redis(redis_url, clock) as far:
        both = [limiter_on(redis, clock, redis_clock=False) for redis in (guarded_redis, far)]
        places = []
        for number in range(240):
            if number in {60, 61, 90, 130}:
                redis_server.flush()
            # One of them asks for nothing for a while, and is the one that knows less.
            limiter = both[0] if number < 40 or number % 3 == 0 else both[1]
            places.append((await limiter.reserve(budgets)).wait_ms)
            clock.advance(1_000)
        refilled = 240 * 1_000 * 100 // 86_400_000
        assert 100 - 10 <= places.count(0) <= 100 + refilled + 10


async def test_after_flushall_whoever_remembers_most_is_right(redis_url: str, redis_server: Redis) -> None:
    clock, budgets = SettableClock(), limited(day=100)
    async with connected_redis(redis_url, clock) as guarded_redis, connected_redis(redis_url, clock) as far:
        first, second = [limiter_on(redis, clock, redis_clock=False) for redis in (guarded_redis, far)]
        sent = (await waits(first, budgets, 1) + await waits(second, budgets, 60)).count(0)
        redis_server.flush()
        sent += (await waits(first, budgets, 1)).count(0)
        sent += (await waits(second, budgets, 60) + await waits(first, budgets, 60)).count(0)
        assert sent <= 100 + 10


async def test_without_redis_each_process_has_its_part_of_what_was_left_and_pays_it_back(
    redis_url: str, redis_server: Redis
) -> None:
    clock, budgets = SettableClock(), limited(day=100)
    async with connected_redis(redis_url, clock) as guarded_redis, connected_redis(redis_url, clock) as far:
        limiter, fresh = [limiter_on(redis, clock, redis_clock=False) for redis in (guarded_redis, far)]
        for _ in range(60):
            await limiter.reserve(budgets)
        redis_server.ask("CONFIG SET maxmemory 1")
        await limiter.reserve(limited(OTHER_ACCOUNT, day=100))  # notices
        spent = 0
        while not (await limiter.reserve(budgets)).wait_ms:
            spent += 1
        assert 60 + spent <= 60 + 10 + 20  # what is left of its lease, and half of the 40 or fewer that were left
        redis_server.ask("CONFIG SET maxmemory 0")
        clock.advance(PAUSE_MS)
        await limiter.reserve(budgets)  # pays
        left = 0
        while not (await fresh.reserve(budgets)).wait_ms:
            left += 1
        assert 60 + spent + left <= 100


async def test_a_redis_that_comes_and_goes_gives_no_budget_away_again(redis_url: str, redis_server: Redis) -> None:
    clock, budgets, sent = SettableClock(), limited(day=100), 0
    async with connected_redis(redis_url, clock) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock, redis_clock=False)
        for _ in range(4):
            redis_server.ask("CONFIG SET maxmemory 1")
            await limiter.reserve(limited(AccountId("notices"), day=100))
            while not (await limiter.reserve(budgets)).wait_ms:
                sent += 1
            redis_server.ask("CONFIG SET maxmemory 0")
            clock.advance(PAUSE_MS)
            await limiter.reserve(limited(OTHER_ACCOUNT, day=100))
    assert sent == 50  # the part of one of two processes


async def test_what_was_sent_without_redis_is_paid_after_a_changed_limit_too(
    redis_url: str, redis_server: Redis
) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock, redis_clock=False)
        redis_server.ask("CONFIG SET maxmemory 1")
        await limiter.reserve(limited(OTHER_ACCOUNT, day=100))  # notices
        spent = 0
        while not (await limiter.reserve(limited(day=100))).wait_ms:
            spent += 1
        redis_server.ask("CONFIG SET maxmemory 0")
        clock.advance(PAUSE_MS)
        while not (await limiter.reserve(limited(day=110))).wait_ms:
            spent += 1
    assert spent < 110


async def test_a_claim_of_many_messages_costs_one_call(redis_url: str) -> None:
    calls, clock = Calls(), SettableClock()
    async with connected_redis(redis_url, clock, watch=calls) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock, redis_clock=False)
        budgets = limited(minute=1_000, hour=10_000, at_provider=5_000)
        assert [(await limiter.reserve(budgets, 50)).wait_ms for _ in range(50)] == [0] * 50
        assert calls == {"ok": 1}


async def test_a_changed_rate_gives_no_second_bucket(redis_url: str) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis, connected_redis(redis_url, clock) as far:
        old, new = limiter_on(guarded_redis, clock, redis_clock=False), limiter_on(far, clock, redis_clock=False)
        waits = [(await old.reserve(per_minute(60))).wait_ms for _ in range(60)]
        waits += [
            (await limiter.reserve(per_minute(rate))).wait_ms
            for _ in range(10)
            for limiter, rate in ((new, 120), (old, 60))
        ]
        assert waits.count(0) == 60 + 10  # as much as the larger limit allows, as long as the smaller one takes little


async def test_a_script_that_redis_has_lost_is_sent_again(redis_url: str, redis_server: Redis) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock)
        for _ in range(3):
            redis_server.ask("SCRIPT FLUSH")
            assert (await limiter.reserve(per_minute(10))).wait_ms == 0
        assert guarded_redis.condition().healthy is True


async def test_without_redis_each_process_paces_its_part_alone(
    redis_url: str, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    calls, clock = Calls(), SettableClock()
    async with connected_redis(redis_url, clock, watch=calls) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock)
        assert guarded_redis.condition().healthy is None
        redis_server.kill9()
        with caplog.at_level(logging.INFO):
            waits = [(await limiter.reserve(per_minute(60))).wait_ms for _ in range(33)]
        assert waits == [0] * 30 + [2_000, 4_000, 6_000]
        assert calls == {"unreachable": 1}
        assert guarded_redis.condition().healthy is False
        assert [record.message for record in caplog.records] == [
            "redis reserve: nothing listens at its address; going on without it"
        ]
        clock.advance(PAUSE_MS)
        with caplog.at_level(logging.INFO):
            await limiter.reserve(per_minute(60))
        assert (calls["unreachable"], len(caplog.records)) == (2, 1)
        await asyncio.to_thread(redis_server.start)
        assert (await limiter.reserve(per_minute(60))).wait_ms > 0
        clock.advance(PAUSE_MS)
        with caplog.at_level(logging.INFO):
            assert (await limiter.reserve(per_minute(60))).wait_ms == 0
        assert guarded_redis.condition().healthy is True
        assert [record.message for record in caplog.records][1:] == ["redis reserve: answers again"]


async def test_a_redis_that_hangs_costs_one_short_wait_and_then_none(redis_url: str, redis_server: Redis) -> None:
    calls, clock = Calls(), SettableClock()
    async with connected_redis(redis_url, clock, watch=calls, limit_s=0.1) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock)
        redis_server.pause()
        assert [(await limiter.reserve(per_minute(60))).wait_ms for _ in range(30)] == [0] * 30
        assert calls == {"timeout": 1}
        assert guarded_redis.condition().reason == "does not answer in time"
        clock.advance(PAUSE_MS)
        await asyncio.gather(*(limiter.reserve(per_minute(60, AccountId(f"account-{n}"))) for n in range(20)))
        assert calls == {"timeout": 2}


async def test_requests_without_an_answer_take_few_tokens(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, requested = SettableClock(), []
    run = AsyncScript.__call__

    async def late(self: AsyncScript, keys: list[str], args: list[Any]) -> Any:
        requested.append(args[0])
        await run(self, keys, args)
        raise TimeoutError

    async with connected_redis(redis_url, clock) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock, redis_clock=False)
        for _ in range(MAX_LEASED_TOKENS * 2):
            await limiter.reserve(per_minute(1_000))
        monkeypatch.setattr(AsyncScript, "__call__", late)
        while len(requested) < 10:
            clock.advance(PAUSE_MS)
            await limiter.reserve(per_minute(1_000))
        assert requested[1:] == [1] * 9


async def test_a_full_redis_that_evicts_changes_nothing_but_the_budget(redis_url: str, redis_server: Redis) -> None:
    clock = SettableClock()
    try:
        redis_server.ask("CONFIG SET maxmemory-policy allkeys-lru")
        redis_server.ask("CONFIG SET maxmemory 2mb")
        async with connected_redis(redis_url, clock) as guarded_redis:
            limiter = limiter_on(guarded_redis, clock, redis_clock=False)
            waits = [
                (await limiter.reserve(per_minute(10, AccountId(f"account-{n % 3_000}")))).wait_ms for n in range(9_000)
            ]
            assert waits == [0] * 9_000
            assert guarded_redis.condition().healthy is True
    finally:
        redis_server.ask("CONFIG SET maxmemory 0")
        redis_server.ask("CONFIG SET maxmemory-policy noeviction")


async def test_a_full_redis_that_refuses_writes_is_left_alone(redis_url: str, redis_server: Redis) -> None:
    calls, clock = Calls(), SettableClock()
    try:
        redis_server.ask("CONFIG SET maxmemory 1")
        async with connected_redis(redis_url, clock, watch=calls) as guarded_redis:
            limiter = limiter_on(guarded_redis, clock)
            assert [(await limiter.reserve(per_minute(60))).wait_ms for _ in range(30)] == [0] * 30
            assert calls == {"refused": 1}
            assert guarded_redis.condition().reason == "out of memory"
            assert guarded_redis.is_quiet("reserve")
            assert not guarded_redis.is_quiet("health")
    finally:
        redis_server.ask("CONFIG SET maxmemory 0")


async def test_a_wrong_password_is_reported_and_not_repeated(
    redis_url: str, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SettableClock()
    url = redis_url.replace("redis://", "redis://somebody:wrong-and-secret@")
    async with connected_redis(url, clock) as guarded_redis:
        assert (await limiter_on(guarded_redis, clock).reserve(per_minute(60))).wait_ms == 0
        assert guarded_redis.condition().reason == "user or password are wrong"
    assert "wrong-and-secret" not in caplog.text
    assert "somebody" not in caplog.text


async def test_memory_stays_small(redis_url: str) -> None:
    clock = SettableClock()
    async with connected_redis(redis_url, clock) as guarded_redis:
        limiter = limiter_on(guarded_redis, clock)
        for number in range(1_500):
            clock.advance(100)
            await limiter.reserve(per_minute(60, AccountId(f"account-{number}")))
        assert len(limiter) < 1_500


async def test_redis_keeps_no_bucket_that_is_full_again(redis_url: str, redis_server: Redis) -> None:
    async with connected_redis(redis_url, SettableClock()) as guarded_redis:
        limiter = RedisRateLimiter(guarded_redis, MemoryRateLimiter(SettableClock()), SystemClock())
        await limiter.reserve(per_minute(60))
    ttl_ms = int(redis_server.ask(f"PTTL wm:budget:{ACCOUNT}:MINUTE").removeprefix(":"))
    assert 0 < ttl_ms <= 61_000
