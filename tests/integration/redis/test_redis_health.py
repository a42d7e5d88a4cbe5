"""The shared health board on a Redis that is flushed, killed, hangs, is full, or holds unreadable batches."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from tests.contracts.health_board_contract import BINDING, SIBLING, a_report, route
from tests.support.builders.messages import PROVIDER
from tests.support.polling import until
from tests.support.redis import connected_redis
from tests.support.servers.redis import Redis

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.redis.guarded import PAUSE_MS, GuardedRedis, command
from wework_message.adapters.redis.health import MAX_BATCHES, PAGE_SIZE, RedisHealthBoard
from wework_message.domain.account import BindingState
from wework_message.domain.errors import UnavailableError
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.routing.breaker import Passage

STREAM = "wm:health:2"
OPEN_MS = 30_000


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def guarded_redis(redis_url: str, clock: SettableClock) -> AsyncIterator[GuardedRedis]:
    async with connected_redis(redis_url, clock) as guarded_redis:
        yield guarded_redis


def board_on(guarded_redis: GuardedRedis, clock: SettableClock, name: str) -> RedisHealthBoard:
    return RedisHealthBoard(MemoryHealthBoard(clock, FixedRandom(0.0)), guarded_redis, clock, name=name)


def failing(board: RedisHealthBoard, clock: SettableClock) -> None:
    for _ in range(5):
        board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT, at=clock.now()))


async def test_a_new_process_reads_the_last_minutes(guarded_redis: GuardedRedis, clock: SettableClock) -> None:
    old = board_on(guarded_redis, clock, "old")
    failing(old, clock)
    await old.exchange()
    new = board_on(guarded_redis, clock, "new")
    await new.exchange()
    assert new.provider(PROVIDER).breaker == "OPEN"


async def test_more_than_a_page_is_read_at_once(guarded_redis: GuardedRedis, clock: SettableClock) -> None:
    old, new = board_on(guarded_redis, clock, "old"), board_on(guarded_redis, clock, "new")
    for _ in range(PAGE_SIZE + 5):
        old.probed(PROVIDER, False, clock.now())
        await old.exchange()
    old.probed(PROVIDER, True, clock.now())
    await old.exchange()
    await new.exchange()
    assert new.provider(PROVIDER).healthy is True


async def test_acceptances_are_one_event_and_count_as_many(
    guarded_redis: GuardedRedis, clock: SettableClock, redis_server: Redis
) -> None:
    board, other = board_on(guarded_redis, clock, "board"), board_on(guarded_redis, clock, "other")
    for _ in range(50):
        board.report(a_report(OutcomeClass.ACCEPTED))
    await board.exchange()
    size = int(redis_server.ask(f"MEMORY USAGE {STREAM}").removeprefix(":"))
    assert size < 6_000  # one node of a stream is 4 KiB, whatever is in it
    await other.exchange()
    for _ in range(20):
        other.report(a_report(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE))
        other.report(a_report(OutcomeClass.ACCEPTED))
    assert other.provider(PROVIDER).breaker == "CLOSED"  # 20 of 90; 20 of 40 would open it


async def test_clocks_that_differ_by_minutes_do_not_keep_a_breaker_open(redis_url: str, clock: SettableClock) -> None:
    fast = SettableClock(clock.now() + 600_000)
    async with connected_redis(redis_url, clock) as guarded_redis, connected_redis(redis_url, fast) as far:
        board, other = board_on(guarded_redis, clock, "board"), board_on(far, fast, "other")
        failing(other, fast)
        await other.exchange()
        await board.exchange()
        assert board.provider(PROVIDER).breaker == "OPEN"
        checked_at = board.provider(PROVIDER).checked_at
        assert checked_at is not None
        assert checked_at <= clock.now()
        clock.advance(OPEN_MS)
        assert board.provider(PROVIDER).breaker == "HALF_OPEN"


async def test_an_older_observation_does_not_replace_a_newer_one(
    guarded_redis: GuardedRedis, clock: SettableClock
) -> None:
    board, other = board_on(guarded_redis, clock, "board"), board_on(guarded_redis, clock, "other")
    other.binding_state(BINDING, ClientState.OFFLINE, clock.now() - 20_000)
    await other.exchange()
    board.binding_state(BINDING, ClientState.ONLINE, clock.now())
    await board.exchange()
    assert route(board, clock).state is BindingState.ONLINE
    await other.exchange()
    assert route(other, clock).state is BindingState.ONLINE


async def test_unreadable_batches_are_counted_and_ignored(guarded_redis: GuardedRedis, clock: SettableClock) -> None:
    board, other = board_on(guarded_redis, clock, "board"), board_on(guarded_redis, clock, "other")
    for fields in (("events", b"\xff\xff"), ("what", "ever"), ("from", "x", "events", b"\x91\x94\xa1z\x01\x02\x03")):

        async def write(client: object, fields: tuple[str | bytes, ...] = fields) -> None:
            await command(client, "XADD", STREAM, "*", *fields)  # type: ignore[arg-type]

        await guarded_redis.call("health", write)
    failing(other, clock)
    await other.exchange()
    await board.exchange()
    assert board.ignored == 3
    assert board.provider(PROVIDER).breaker == "OPEN"


async def test_flushall_between_two_exchanges_loses_only_what_was_not_read(
    guarded_redis: GuardedRedis, clock: SettableClock, redis_server: Redis
) -> None:
    board, other = board_on(guarded_redis, clock, "board"), board_on(guarded_redis, clock, "other")
    for state in (ClientState.OFFLINE, ClientState.ONLINE) * 3:

        async def is_applied(state: ClientState = state) -> bool:
            other.binding_state(BINDING, state, clock.now())
            await other.exchange()
            await board.exchange()
            return route(board, clock).state == BindingState(state)

        await until(is_applied)  # a stream that begins anew within the same millisecond may begin with the id read last
        redis_server.flush()


async def test_a_stream_that_begins_anew_with_an_earlier_clock_is_read_from_its_start(
    guarded_redis: GuardedRedis, clock: SettableClock
) -> None:
    board, other = board_on(guarded_redis, clock, "board"), board_on(guarded_redis, clock, "other")
    await board.exchange()
    board._cursor = "9999999999999-0"  # what it read last, by the earlier clock
    other.binding_state(BINDING, ClientState.OFFLINE, clock.now())
    await other.exchange()
    board.probed(PROVIDER, True, clock.now())
    await board.exchange()
    await board.exchange()
    assert route(board, clock).state is BindingState.OFFLINE


async def test_the_stream_is_capped(guarded_redis: GuardedRedis, clock: SettableClock, redis_server: Redis) -> None:
    board = board_on(guarded_redis, clock, "board")
    for _ in range(MAX_BATCHES + 300):
        board.probed(PROVIDER, True, clock.now())
        await board.exchange()
    assert int(redis_server.ask(f"XLEN {STREAM}").removeprefix(":")) <= MAX_BATCHES + 200


async def test_without_redis_a_process_uses_its_own_observations_and_publishes_them_later(
    guarded_redis: GuardedRedis, clock: SettableClock, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    board, other = board_on(guarded_redis, clock, "board"), board_on(guarded_redis, clock, "other")
    redis_server.kill9()
    failing(board, clock)
    board.report(a_report(OutcomeClass.ACCEPTED, binding_id=SIBLING))
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            with pytest.raises(UnavailableError):
                await board.exchange()
    assert len(caplog.records) == 1
    assert route(board, clock).provider is Passage.SHUT
    await asyncio.to_thread(redis_server.start)
    clock.advance(PAUSE_MS)
    await board.exchange()
    await other.exchange()
    assert route(other, clock).provider is Passage.SHUT
    clock.advance(OPEN_MS - PAUSE_MS)
    assert other.provider(PROVIDER).breaker == "HALF_OPEN"


async def test_events_that_could_not_be_published_for_long_are_dropped(
    guarded_redis: GuardedRedis, clock: SettableClock, redis_server: Redis
) -> None:
    board, other = board_on(guarded_redis, clock, "board"), board_on(guarded_redis, clock, "other")
    redis_server.kill9()
    failing(board, clock)
    with pytest.raises(UnavailableError):
        await board.exchange()
    await asyncio.to_thread(redis_server.start)
    redis_server.flush()  # a killed server may bring back what was there before the test
    clock.advance(10 * OPEN_MS)
    await board.exchange()
    await other.exchange()
    assert other.provider(PROVIDER).healthy is None


async def test_with_a_full_redis_each_process_has_its_own_observations(
    guarded_redis: GuardedRedis, clock: SettableClock, redis_server: Redis
) -> None:
    board = board_on(guarded_redis, clock, "board")
    try:
        redis_server.ask("CONFIG SET maxmemory 1")
        failing(board, clock)
        with pytest.raises(UnavailableError, match="out of memory"):
            await board.exchange()
        assert board.provider(PROVIDER).breaker == "OPEN"
    finally:
        redis_server.ask("CONFIG SET maxmemory 0")


async def test_boards_that_run_learn_from_each_other(guarded_redis: GuardedRedis, clock: SettableClock) -> None:
    board, other = board_on(guarded_redis, clock, "board"), board_on(guarded_redis, clock, "other")
    tasks = [asyncio.create_task(running.run()) for running in (board, other)]
    failing(board, clock)

    async def is_known() -> bool:
        return other.provider(PROVIDER).breaker == "OPEN"

    await until(is_known)
    for running in (board, other):
        running.stop()
    await asyncio.gather(*tasks)
