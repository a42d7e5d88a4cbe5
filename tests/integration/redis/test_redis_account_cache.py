"""What processes remember of the account book: fewer queries, never older than their own commits, 5 s at most."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from tests.support.builders import GUID, NOW, PROVIDER
from tests.support.polling import until
from tests.support.redis import linked
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
    CachingUnitOfWorkFactory,
)
from wework_message.adapters.redis.guarded import PAUSE_MS, GuardedRedis
from wework_message.domain.account import Binding, implicit_account_id, implicit_binding
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid

ACCOUNT = implicit_account_id(GUID)
BINDING = implicit_binding(GUID, PROVIDER).binding_id


class Process:
    """One process on the shared database: its memory, and how often it asked the database."""

    def __init__(self, database: MemoryDatabase, guarded_redis: GuardedRedis, clock: SettableClock, name: str) -> None:
        self.account_cache = AccountCache(clock)
        words = itertools.count()
        self.invalidation = CacheInvalidation(guarded_redis, self.account_cache, lambda: f"{name}{next(words)}")
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
            await unit.accounts.learn(BINDING, wecom_user_id=wecom_user_id)
            if commit:
                await unit.commit()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
async def guarded_redis(redis_url: str, clock: SettableClock) -> AsyncIterator[GuardedRedis]:
    async with linked(redis_url, clock) as guarded_redis:
        yield guarded_redis


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every question to the database."""
    questions: list[str] = []
    accounts, binding_of = MemoryAccountRepository.accounts, MemoryAccountRepository.binding_of

    async def counted_accounts(
        self: MemoryAccountRepository, ids: Sequence[AccountId]
    ) -> Mapping[AccountId, AccountEntry]:
        questions.append("accounts")
        return await accounts(self, ids)

    async def counted_bindings(self: MemoryAccountRepository, guid: Guid) -> Sequence[Binding]:
        questions.append("bindings")
        return await binding_of(self, guid)

    monkeypatch.setattr(MemoryAccountRepository, "accounts", counted_accounts)
    monkeypatch.setattr(MemoryAccountRepository, "binding_of", counted_bindings)
    return questions


@pytest.fixture
async def both(guarded_redis: GuardedRedis, clock: SettableClock, asked: list[str]) -> tuple[Process, Process]:
    database = MemoryDatabase()
    one, two = Process(database, guarded_redis, clock, "one"), Process(database, guarded_redis, clock, "two")
    async with one.units() as unit:
        await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
        await unit.commit()
    await one.learn("first")
    await one.invalidation.look()
    await two.invalidation.look()
    asked.clear()
    return one, two


async def test_what_was_read_is_not_asked_again(both: tuple[Process, Process], asked: list[str]) -> None:
    one, _ = both
    for _ in range(5):
        assert await one.wecom_user_id() == "first"
        assert len(await one.bindings()) == 1
    assert asked == ["accounts", "bindings"]


async def test_a_process_sees_its_own_commit_at_once(both: tuple[Process, Process]) -> None:
    one, _ = both
    for wecom_user_id in ("second", "third"):
        await one.wecom_user_id()
        await one.learn(wecom_user_id)
        assert await one.wecom_user_id() == wecom_user_id


async def test_a_unit_of_work_sees_its_own_change_before_the_commit_and_nobody_else_does(
    both: tuple[Process, Process],
) -> None:
    one, _ = both
    assert await one.wecom_user_id() == "first"
    async with one.units() as unit:
        await unit.accounts.learn(BINDING, wecom_user_id="second")
        assert (await unit.accounts.accounts([ACCOUNT]))[ACCOUNT][0].wecom_user_id == "second"
    assert await one.wecom_user_id() == "first"


async def test_a_read_that_began_before_a_commit_is_not_remembered_after_it(both: tuple[Process, Process]) -> None:
    one, _ = both
    edition, read_at = one.account_cache.edition, one.account_cache.now()
    async with one.units() as unit:
        before = await unit.accounts.accounts([ACCOUNT])
    await one.learn("second")
    one.account_cache.keep(edition, read_at, before)
    assert await one.wecom_user_id() == "second"


async def test_nothing_is_believed_while_a_change_commits(both: tuple[Process, Process], asked: list[str]) -> None:
    one, _ = both
    await one.wecom_user_id()
    one.account_cache.begin_change()
    await one.wecom_user_id()
    await one.wecom_user_id()
    assert len(asked) == 3
    edition, read_at = one.account_cache.edition, one.account_cache.now()
    async with one.units() as unit:
        before = await unit.accounts.accounts([ACCOUNT])
    one.account_cache.end_change()
    one.account_cache.keep(edition, read_at, before)  # it was read before the commit, perhaps
    assert one.account_cache.account(ACCOUNT) is None


async def test_a_lost_answer_to_a_commit_counts_as_a_change(both: tuple[Process, Process]) -> None:
    one, two = both
    await one.wecom_user_id()
    await two.wecom_user_id()
    database = one.units().messages._db  # type: ignore[attr-defined]
    database.failing_commits = 1
    with pytest.raises(UnavailableError):
        await one.learn("second")
    assert one.account_cache.account(ACCOUNT) is None
    await one.invalidation.look()
    await two.invalidation.look()
    assert two.account_cache.account(ACCOUNT) is None


async def test_the_change_of_one_process_is_seen_by_the_other_with_its_next_look(both: tuple[Process, Process]) -> None:
    one, two = both
    assert await two.wecom_user_id() == "first"
    await one.learn("second")
    await one.invalidation.look()
    await two.invalidation.look()
    assert await two.wecom_user_id() == "second"


async def test_a_word_that_is_lost_makes_nothing_older_than_its_life(
    both: tuple[Process, Process], clock: SettableClock, redis_server: Redis
) -> None:
    one, two = both
    assert await two.wecom_user_id() == "first"
    redis_server.kill9()
    await one.learn("second")
    clock.advance(TTL_MS - 1)
    assert await two.wecom_user_id() == "first"
    clock.advance(1)
    assert await two.wecom_user_id() == "second"


async def test_a_word_that_could_not_be_written_is_written_later(
    both: tuple[Process, Process], clock: SettableClock, redis_server: Redis
) -> None:
    one, two = both
    redis_server.kill9()
    await one.learn("second")
    with pytest.raises(UnavailableError):
        await one.invalidation.look()
    await asyncio.to_thread(redis_server.start)
    clock.advance(PAUSE_MS)
    await two.invalidation.look()
    await two.wecom_user_id()
    await one.invalidation.look()
    await two.invalidation.look()
    assert two.account_cache.account(ACCOUNT) is None


async def test_a_flush_makes_everybody_ask_again(both: tuple[Process, Process], redis_server: Redis) -> None:
    _, two = both
    await two.wecom_user_id()
    redis_server.flush()
    await two.invalidation.look()
    assert two.account_cache.account(ACCOUNT) is None


async def test_who_asks_twice_for_bindings_in_one_unit_of_work_gets_what_is_stored(
    both: tuple[Process, Process], asked: list[str]
) -> None:
    one, _ = both
    await one.bindings()
    async with one.units() as unit:
        await unit.accounts.binding_of(GUID)
        await unit.accounts.binding_of(GUID)
    assert asked == ["bindings", "bindings"]


async def test_nothing_is_remembered_of_what_is_not_there(both: tuple[Process, Process], asked: list[str]) -> None:
    one, _ = both
    for _ in range(2):
        async with one.units() as unit:
            assert await unit.accounts.binding_of(Guid("nobody")) == []
            assert await unit.accounts.accounts([AccountId("nobody")]) == {}
    assert len(asked) == 4


async def test_processes_that_run_tell_each_other(both: tuple[Process, Process]) -> None:
    one, two = both
    tasks = [asyncio.create_task(process.invalidation.run()) for process in both]
    await two.wecom_user_id()
    await one.learn("second")

    async def knows() -> bool:
        return await two.wecom_user_id() == "second"

    await until(knows)
    for process in both:
        process.invalidation.stop()
    await asyncio.gather(*tasks)
