"""Statuses cached in Redis: never older than what this process committed, 5 s at most, without content."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from tests.support.builders.messages import NOW, a_due_message
from tests.support.polling import until
from tests.support.redis import connected_redis
from tests.support.servers.redis import Redis

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.adapters.redis.guarded import MAX_CONNECTIONS, PAUSE_MS, GuardedRedis
from wework_message.adapters.redis.status_cache import MAX_READ_AGE_MS, OWN_VERSIONS_MS, RedisStatuses
from wework_message.application.queries.statuses import ReadStatuses
from wework_message.domain.content import TextContent, encode_content
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, TenantId
from wework_message.domain.message.message import Message
from wework_message.domain.ports.queries import StatusView


class Store:
    """One stored message, and a count of the reads of the database."""

    def __init__(self, clock: SettableClock) -> None:
        self.clock = clock
        self.database = MemoryDatabase()
        self.beneath = ReadStatuses(MemoryMessageReader(self.database))
        self.message = a_due_message()
        self.reads = 0

    async def statuses(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> Mapping[MessageId, StatusView]:
        self.reads += 1
        return await self.beneath.statuses(tenant_id, message_ids)


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
async def guarded_redis(redis_url: str, clock: SettableClock) -> AsyncIterator[GuardedRedis]:
    async with connected_redis(redis_url, clock) as guarded_redis:
        yield guarded_redis


@pytest.fixture
async def store(clock: SettableClock) -> Store:
    store = Store(clock)
    async with MemoryUnitOfWorkFactory(store.database, clock)() as unit:
        await unit.messages.add([store.message])
        await unit.commit()
    store.message.written()
    await saved(store)
    return store


async def saved(store: Store) -> Message:
    """The next version is committed, and no cache knows."""
    async with MemoryUnitOfWorkFactory(store.database, store.clock)() as unit:
        store.message.wait_in_lane(now=store.clock.now())
        assert await unit.messages.save([store.message]) == frozenset()
        await unit.commit()
    store.message.written()
    return store.message


async def version(statuses: RedisStatuses, store: Store) -> int:
    return (await statuses.statuses(DEFAULT_TENANT, [store.message.id]))[store.message.id].version


async def test_a_status_that_was_read_comes_from_redis_and_is_the_same(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock
) -> None:
    first, second = RedisStatuses(store, guarded_redis, clock), RedisStatuses(store, guarded_redis, clock)
    read = await first.statuses(DEFAULT_TENANT, [store.message.id])
    await first.send()
    assert await second.statuses(DEFAULT_TENANT, [store.message.id, MessageId("none")]) == read
    assert await second.statuses(DEFAULT_TENANT, [store.message.id]) == read
    assert store.reads == 2


async def test_another_tenant_gets_nothing(guarded_redis: GuardedRedis, store: Store, clock: SettableClock) -> None:
    statuses = RedisStatuses(store, guarded_redis, clock)
    await version(statuses, store)
    await statuses.send()
    assert await statuses.statuses(TenantId("elsewhere"), [store.message.id]) == {}


async def test_a_commit_of_another_process_replaces_the_entry(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock
) -> None:
    first, second = RedisStatuses(store, guarded_redis, clock), RedisStatuses(store, guarded_redis, clock)
    await version(first, store)
    await first.send()
    second.committed([await saved(store)])
    await second.send()
    assert await version(first, store) == store.message.version


async def test_an_old_view_never_replaces_a_newer_version(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock
) -> None:
    slow, quick = RedisStatuses(store, guarded_redis, clock), RedisStatuses(store, guarded_redis, clock)
    await version(slow, store)  # read, not sent yet
    quick.committed([await saved(store)])
    await quick.send()
    await slow.send()
    assert await version(slow, store) == store.message.version
    await slow.send()
    reads = store.reads
    assert await version(quick, store) == store.message.version
    assert store.reads == reads


async def test_a_process_never_shows_older_than_it_committed_without_redis(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock
) -> None:
    statuses, other = RedisStatuses(store, guarded_redis, clock), RedisStatuses(store, guarded_redis, clock)
    await version(other, store)
    await other.send()
    statuses.committed([await saved(store)])
    assert await version(statuses, store) == store.message.version


async def test_a_status_that_was_read_too_long_ago_is_not_cached(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock
) -> None:
    statuses = RedisStatuses(store, guarded_redis, clock)
    await version(statuses, store)
    clock.advance(MAX_READ_AGE_MS + 1)
    await statuses.send()
    await version(statuses, store)
    assert store.reads == 2


async def test_no_entry_lives_for_five_seconds(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock, redis_server: Redis
) -> None:
    statuses = RedisStatuses(store, guarded_redis, clock)
    await version(statuses, store)
    await statuses.send()
    ttl_ms = int(redis_server.ask(f"PTTL wm:status:1:default:{store.message.id}").removeprefix(":"))
    assert 0 < ttl_ms + MAX_READ_AGE_MS < 5_000


async def test_redis_gets_neither_content_nor_people(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock, redis_server: Redis
) -> None:
    statuses = RedisStatuses(store, guarded_redis, clock)
    await version(statuses, store)
    await statuses.send()
    length = redis_server.ask(f"STRLEN wm:status:1:default:{store.message.id}")
    assert 0 < int(length.removeprefix(":")) < 120

    def written() -> bytes:
        return b"".join(path.read_bytes() for path in redis_server._data.rglob("*.aof"))

    async def is_written() -> bool:
        return store.message.id.encode() in written()

    await until(is_written)  # Redis answers before it writes while it syncs what it wrote before
    data = written()
    assert store.message.conversation_id.encode() not in data
    assert encode_content(store.message.content) not in data
    assert isinstance(store.message.content, TextContent)
    assert store.message.content.content.encode() not in data


async def test_versions_of_one_commit_go_in_one_call(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock
) -> None:
    calls: list[str] = []
    guarded_redis._watch = lambda op, result, seconds: calls.append(op)
    statuses = RedisStatuses(store, guarded_redis, clock)
    statuses.committed([a_due_message() for _ in range(200)])
    await statuses.send()
    assert calls == ["status"]


async def test_without_redis_statuses_are_read_from_the_database(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock, redis_server: Redis
) -> None:
    statuses = RedisStatuses(store, guarded_redis, clock)
    redis_server.kill9()
    for _ in range(3):
        assert await version(statuses, store) == store.message.version
    assert store.reads == 3
    await asyncio.to_thread(redis_server.start)
    clock.advance(PAUSE_MS)
    await version(statuses, store)
    await statuses.send()
    await version(statuses, store)
    assert store.reads == 4


async def test_a_script_that_redis_has_lost_is_sent_again(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock, redis_server: Redis
) -> None:
    statuses = RedisStatuses(store, guarded_redis, clock)
    redis_server.ask("SCRIPT FLUSH")
    await version(statuses, store)
    await statuses.send()
    await version(statuses, store)
    assert store.reads == 1


async def test_an_unreadable_entry_is_not_used(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock, redis_server: Redis
) -> None:
    statuses = RedisStatuses(store, guarded_redis, clock)
    redis_server.ask(f"SET wm:status:1:default:{store.message.id} 9:nonsense")
    assert await version(statuses, store) == store.message.version


async def test_own_versions_are_forgotten_in_time(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock
) -> None:
    statuses = RedisStatuses(store, guarded_redis, clock)
    for _ in range(3):
        statuses.committed([a_due_message() for _ in range(10)])
        clock.advance(OWN_VERSIONS_MS)
    statuses.committed([store.message])
    assert len(statuses._own) == 1


async def test_the_running_cache_stores_what_was_read(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock
) -> None:
    statuses = RedisStatuses(store, guarded_redis, clock)
    task = asyncio.create_task(statuses.run())
    await version(statuses, store)

    async def is_cached() -> bool:
        reads = store.reads
        await version(statuses, store)
        return store.reads == reads

    await until(is_cached)
    statuses.stop()
    await task


async def test_however_many_poll_at_once_there_are_connections_for_everything_else(
    guarded_redis: GuardedRedis, store: Store, clock: SettableClock
) -> None:
    statuses = RedisStatuses(store, guarded_redis, clock)
    await version(statuses, store)
    await statuses.send()
    await asyncio.gather(*(version(statuses, store) for _ in range(10 * MAX_CONNECTIONS)))
    assert guarded_redis.condition().healthy
    assert store.reads == 1
