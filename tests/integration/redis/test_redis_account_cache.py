"""The account cache: fewer queries, never older than the own commits of a process, 5 s at most."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from tests.support.builders.messages import GUID, NOW, PROVIDER
from tests.support.polling import until
from tests.support.redis import connected_redis
from tests.support.servers.redis import Redis

from wework_message.adapters.memory.accounts import MemoryAccountRepository
from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.adapters.redis.account_cache import (
    TTL_MS,
    AccountCache,
    AccountEntry,
    CacheInvalidation,
)
from wework_message.adapters.redis.caching_units import CachingUnitOfWorkFactory
from wework_message.adapters.redis.guarded import PAUSE_MS, GuardedRedis
from wework_message.domain.account import Binding, implicit_account_id, implicit_binding
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid

ACCOUNT = implicit_account_id(GUID)
BINDING = implicit_binding(GUID, PROVIDER).binding_id


class Process:
    """One process on the shared database, with a cache of its own."""

    def __init__(self, database: MemoryDatabase, guarded_redis: GuardedRedis, clock: SettableClock, name: str) -> None:
        self.account_cache = AccountCache(clock)
        numbers = itertools.count()
        self.invalidation = CacheInvalidation(guarded_redis, self.account_cache, lambda: f"{name}{next(numbers)}")
        plain = MemoryUnitOfWorkFactory(database, clock)
        self.units = CachingUnitOfWorkFactory(plain, self.account_cache, self.invalidation.changed)

    async def wecom_user_id(self) -> str | None:
        async with self.units() as unit:
            entries = await unit.accounts.accounts([ACCOUNT])
            return entries[ACCOUNT][0].wecom_user_id

    async def bindings(self) -> Sequence[Binding]:
        async with self.units() as unit:
            return await unit.accounts.binding_of(GUID)

    async def learn(self, wecom_user_id: str, *, commit: bool = True) -> None:
        async with self.units() as unit:
            await unit.accounts.learn(BINDING, wecom_user_id)
            if commit:
                await unit.commit()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
async def guarded_redis(redis_url: str, clock: SettableClock) -> AsyncIterator[GuardedRedis]:
    async with connected_redis(redis_url, clock) as guarded_redis:
        yield guarded_redis


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every read of the database."""
    queries: list[str] = []
    accounts, binding_of = MemoryAccountRepository.accounts, MemoryAccountRepository.binding_of

    async def counted_accounts(
        self: MemoryAccountRepository, ids: Sequence[AccountId]
    ) -> Mapping[AccountId, AccountEntry]:
        queries.append("accounts")
        return await accounts(self, ids)

    async def counted_bindings(self: MemoryAccountRepository, guid: Guid) -> Sequence[Binding]:
        queries.append("bindings")
        return await binding_of(self, guid)

    monkeypatch.setattr(MemoryAccountRepository, "accounts", counted_accounts)
    monkeypatch.setattr(MemoryAccountRepository, "binding_of", counted_bindings)
    return queries


@pytest.fixture
async def both(guarded_redis: GuardedRedis, clock: SettableClock, queries: list[str]) -> tuple[Process, Process]:
    database = MemoryDatabase()
    first, second = Process(database, guarded_redis, clock, "one"), Process(database, guarded_redis, clock, "two")
    async with first.units() as unit:
        await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
        await unit.commit()
    await first.learn("first")
    await first.invalidation.poll()
    await second.invalidation.poll()
    queries.clear()
    return first, second


async def test_what_was_read_is_not_read_again(both: tuple[Process, Process], queries: list[str]) -> None:
    process, _ = both
    for _ in range(5):
        assert await process.wecom_user_id() == "first"
        assert len(await process.bindings()) == 1
    assert queries == ["accounts", "bindings"]


async def test_a_process_sees_its_own_commit_at_once(both: tuple[Process, Process]) -> None:
    process, _ = both
    for wecom_user_id in ("second", "third"):
        await process.wecom_user_id()
        await process.learn(wecom_user_id)
        assert await process.wecom_user_id() == wecom_user_id


async def test_a_unit_of_work_sees_its_own_change_before_the_commit_and_no_other_does(
    both: tuple[Process, Process],
) -> None:
    process, _ = both
    assert await process.wecom_user_id() == "first"
    async with process.units() as unit:
        await unit.accounts.learn(BINDING, "second")
        assert (await unit.accounts.accounts([ACCOUNT]))[ACCOUNT][0].wecom_user_id == "second"
    assert await process.wecom_user_id() == "first"


async def test_a_read_that_began_before_a_commit_is_not_cached_after_it(both: tuple[Process, Process]) -> None:
    process, _ = both
    generation, read_at = process.account_cache.generation, process.account_cache.now()
    async with process.units() as unit:
        before = await unit.accounts.accounts([ACCOUNT])
    await process.learn("second")
    process.account_cache.put(generation, read_at, before)
    assert await process.wecom_user_id() == "second"


async def test_no_entry_is_used_while_a_change_commits(both: tuple[Process, Process], queries: list[str]) -> None:
    process, _ = both
    await process.wecom_user_id()
    process.account_cache.begin_change()
    await process.wecom_user_id()
    await process.wecom_user_id()
    assert len(queries) == 3
    generation, read_at = process.account_cache.generation, process.account_cache.now()
    async with process.units() as unit:
        before = await unit.accounts.accounts([ACCOUNT])
    process.account_cache.end_change()
    process.account_cache.put(generation, read_at, before)  # it was read before the commit, perhaps
    assert process.account_cache.account(ACCOUNT) is None


async def test_a_lost_answer_to_a_commit_counts_as_a_change(both: tuple[Process, Process]) -> None:
    first, second = both
    await first.wecom_user_id()
    await second.wecom_user_id()
    database = first.units().messages._db  # type: ignore[attr-defined]
    database.failing_commits = 1
    with pytest.raises(UnavailableError):
        await first.learn("second")
    assert first.account_cache.account(ACCOUNT) is None
    await first.invalidation.poll()
    await second.invalidation.poll()
    assert second.account_cache.account(ACCOUNT) is None


async def test_the_change_of_one_process_is_seen_by_the_other_with_its_next_poll(both: tuple[Process, Process]) -> None:
    first, second = both
    assert await second.wecom_user_id() == "first"
    await first.learn("second")
    await first.invalidation.poll()
    await second.invalidation.poll()
    assert await second.wecom_user_id() == "second"


async def test_a_lost_token_makes_no_entry_older_than_its_time_to_live(
    both: tuple[Process, Process], clock: SettableClock, redis_server: Redis
) -> None:
    first, second = both
    assert await second.wecom_user_id() == "first"
    redis_server.kill9()
    await first.learn("second")
    clock.advance(TTL_MS - 1)
    assert await second.wecom_user_id() == "first"
    clock.advance(1)
    assert await second.wecom_user_id() == "second"


async def test_a_token_that_could_not_be_written_is_written_later(
    both: tuple[Process, Process], clock: SettableClock, redis_server: Redis
) -> None:
    first, second = both
    redis_server.kill9()
    await first.learn("second")
    with pytest.raises(UnavailableError):
        await first.invalidation.poll()
    await asyncio.to_thread(redis_server.start)
    clock.advance(PAUSE_MS)
    await second.invalidation.poll()
    await second.wecom_user_id()
    await first.invalidation.poll()
    await second.invalidation.poll()
    assert second.account_cache.account(ACCOUNT) is None


async def test_flushall_makes_every_process_read_again(both: tuple[Process, Process], redis_server: Redis) -> None:
    _, second = both
    await second.wecom_user_id()
    redis_server.flush()
    await second.invalidation.poll()
    assert second.account_cache.account(ACCOUNT) is None


async def test_a_second_read_of_bindings_in_a_unit_of_work_reads_the_database(
    both: tuple[Process, Process], queries: list[str]
) -> None:
    process, _ = both
    await process.bindings()
    async with process.units() as unit:
        await unit.accounts.binding_of(GUID)
        await unit.accounts.binding_of(GUID)
    assert queries == ["bindings", "bindings"]


async def test_missing_accounts_and_bindings_are_not_cached(both: tuple[Process, Process], queries: list[str]) -> None:
    process, _ = both
    for _ in range(2):
        async with process.units() as unit:
            assert await unit.accounts.binding_of(Guid("nobody")) == []
            assert await unit.accounts.accounts([AccountId("nobody")]) == {}
    assert len(queries) == 4


async def test_running_processes_notify_each_other(both: tuple[Process, Process]) -> None:
    first, second = both
    tasks = [asyncio.create_task(process.invalidation.run()) for process in both]
    await second.wecom_user_id()
    await first.learn("second")

    async def knows() -> bool:
        return await second.wecom_user_id() == "second"

    await until(knows)
    for process in both:
        process.invalidation.stop()
    await asyncio.gather(*tasks)
