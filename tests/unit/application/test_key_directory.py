"""The API keys that a process knows: new ones within five seconds, revoked ones refused within five (ADR 69)."""

import asyncio
import logging

import pytest
from tests.support.builders.api_keys import ACME, a_tenant, an_api_key, key_text
from tests.support.builders.messages import NOW
from tests.support.polling import until

from wework_message.adapters.memory.api_keys import MemoryApiKeyReader
from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.access.directory import LOOK_MS, MAX_AGE_MS, REREAD_MS, RETRY_MS, USED_MS, KeyDirectory
from wework_message.application.errors import UnauthenticatedError
from wework_message.domain.access.api_keys import ApiKey
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.api_keys import KeySnapshot, KeyStamp


class CountingReader(MemoryApiKeyReader):
    """Counts the looks, and how many of them had to read all keys."""

    def __init__(self, database: MemoryDatabase) -> None:
        super().__init__(database)
        self.looks = self.reads = 0

    async def keys_since(self, known: KeyStamp | None) -> KeySnapshot | None:
        self.looks += 1
        snapshot = await super().keys_since(known)
        self.reads += snapshot is not None
        return snapshot


class Processes:
    """A database, its clock, and the directories of processes on it."""

    def __init__(self) -> None:
        self.clock = SettableClock(NOW)
        self.database = MemoryDatabase()
        self.units = MemoryUnitOfWorkFactory(self.database, self.clock)
        self.reader = CountingReader(self.database)

    def directory(self, environment: str = "live") -> KeyDirectory:
        return KeyDirectory(self.reader, self.units, self.clock, environment)

    async def store(self, *keys: ApiKey) -> None:
        async with self.units() as unit:
            for key in keys:
                await unit.api_keys.begin_change(key.tenant_id)
                await unit.api_keys.add(key)
            await unit.commit()

    async def delete(self, key: ApiKey) -> None:
        async with self.units() as unit:
            await unit.api_keys.begin_change(key.tenant_id)
            await unit.api_keys.delete([key.key_id])
            await unit.commit()

    async def disable(self, tenant_id: TenantId, at: int | None) -> None:
        async with self.units() as unit:
            await unit.tenants.disable(tenant_id, at)
            await unit.api_keys.begin_change(tenant_id)
            await unit.commit()

    async def last_used(self, number: int = 1) -> int | None:
        keys = {key.key_id: key.last_used_at for key in await self.reader.api_keys()}
        return keys[an_api_key(number).key_id]


@pytest.fixture
def processes() -> Processes:
    return Processes()


async def refused(directory: KeyDirectory, text: str) -> str:
    with pytest.raises(UnauthenticatedError) as caught:
        await directory.principal_of(text)
    assert directory.lookup(text) is None
    return str(caught.value)


async def test_a_key_is_its_principal(processes: Processes) -> None:
    await processes.store(an_api_key())
    directory = processes.directory()
    assert directory.lookup(key_text()) is None  # nothing is read yet
    assert await directory.principal_of(key_text()) == an_api_key().principal()
    assert directory.lookup(key_text()) == an_api_key().principal()


async def test_whatever_is_wrong_with_a_key_looks_the_same_and_costs_the_store_nothing(processes: Processes) -> None:
    async with processes.units() as unit:
        await unit.tenants.add(a_tenant(disabled_at=NOW))
        await unit.commit()
    await processes.store(
        an_api_key(1),
        an_api_key(2, expires_at=NOW),
        an_api_key(3, ends_at=NOW),
        an_api_key(4, environment="test"),
        an_api_key(5, tenant_id=ACME),
        an_api_key(6, tenant_id=TenantId("lost")),
    )
    directory = processes.directory()
    texts = [key_text(2), key_text(3), key_text(4, "test"), key_text(5), key_text(6), key_text(7), "", "wmk_", "\ud800"]
    assert len({await refused(directory, text) for text in [*texts, key_text()[:-1], key_text() + " "]}) == 1
    assert processes.reader.looks == 1
    assert directory.lookup(key_text(1)) is not None
    assert (
        await processes.directory("test").principal_of(key_text(4, "test"))
        == an_api_key(4, environment="test").principal()
    )


async def test_a_new_key_is_known_in_every_process_within_five_seconds(processes: Processes) -> None:
    directory = processes.directory()
    await directory.read()
    await processes.store(an_api_key())
    await refused(directory, key_text())
    processes.clock.advance(LOOK_MS)
    await directory.refresh()
    assert directory.lookup(key_text()) is not None


@pytest.mark.parametrize("looks", [True, False])
async def test_a_revoked_key_is_refused_in_every_process_within_five_seconds(processes: Processes, looks: bool) -> None:
    await processes.store(an_api_key())
    here, elsewhere = processes.directory(), processes.directory()
    for directory in (here, elsewhere):
        assert await directory.principal_of(key_text()) == an_api_key().principal()
    await processes.delete(an_api_key())
    await here.read()
    await refused(here, key_text())
    processes.clock.advance(LOOK_MS if looks else MAX_AGE_MS + 1)
    if looks:
        await elsewhere.refresh()
    await refused(elsewhere, key_text())  # although its loop may not be running: it is too old to be believed


async def test_the_keys_of_a_disabled_tenant_are_refused_within_five_seconds_until_it_is_enabled(
    processes: Processes,
) -> None:
    async with processes.units() as unit:
        await unit.tenants.add(a_tenant())
        await unit.commit()
    await processes.store(an_api_key(tenant_id=ACME), an_api_key(2))
    directory = processes.directory()
    await directory.principal_of(key_text())
    await processes.disable(ACME, NOW)
    processes.clock.advance(LOOK_MS)
    await directory.refresh()
    await refused(directory, key_text())
    assert directory.lookup(key_text(2)) is not None
    await processes.disable(ACME, None)
    processes.clock.advance(LOOK_MS)
    await directory.refresh()
    assert directory.lookup(key_text()) is not None


async def test_a_key_ends_at_its_time_without_a_look(processes: Processes) -> None:
    await processes.store(an_api_key(expires_at=NOW + 100))
    directory = processes.directory()
    await directory.read()
    processes.clock.advance(99)
    assert directory.lookup(key_text()) is not None
    processes.clock.advance(1)
    await refused(directory, key_text())


async def test_a_wall_clock_that_is_set_back_revives_nothing_that_was_revoked_and_hides_no_change(
    processes: Processes,
) -> None:
    await processes.store(an_api_key(1), an_api_key(2))
    directory = processes.directory()
    await directory.read()
    await processes.delete(an_api_key(1))
    processes.clock.jump(-3_600_000)
    processes.clock.advance(LOOK_MS)
    await directory.refresh()
    await refused(directory, key_text(1))
    assert directory.lookup(key_text(2)) is not None


async def test_nothing_is_read_while_nothing_changes(processes: Processes) -> None:
    await processes.store(*[an_api_key(number) for number in range(20)])
    directory = processes.directory()
    for _ in range(5):
        await directory.refresh()
        await directory.refresh()
        processes.clock.advance(LOOK_MS)
    assert (processes.reader.looks, processes.reader.reads) == (5, 1)


async def test_what_a_person_changes_in_the_database_is_seen_within_ten_minutes(processes: Processes) -> None:
    await processes.store(an_api_key(1))
    directory = processes.directory()
    await directory.read()
    processes.database.api_keys.put(an_api_key(1).key_id, an_api_key(1, ends_at=NOW))
    processes.database.api_keys.commit()
    processes.clock.advance(REREAD_MS - 1)
    await directory.read()
    assert directory.lookup(key_text()) is not None
    processes.clock.advance(1)
    await directory.read()
    await refused(directory, key_text())


@pytest.mark.parametrize("empty", ["api_keys", "tenants"])
async def test_tables_that_are_empty_let_nobody_in(processes: Processes, empty: str) -> None:
    await processes.store(an_api_key(1))
    directory = processes.directory()
    await directory.read()
    table = getattr(processes.database, empty)
    for row_id in table.committed_items():
        table.drop(row_id)
    table.commit()
    processes.clock.advance(LOOK_MS if empty == "api_keys" else REREAD_MS)
    await directory.refresh()
    await refused(directory, key_text())


async def test_a_store_that_is_away_for_a_minute_is_503_and_not_asked_for_each_request(processes: Processes) -> None:
    await processes.store(an_api_key())
    directory = processes.directory()
    await directory.read()
    processes.database.away = True
    processes.clock.advance(MAX_AGE_MS)
    assert await directory.principal_of(key_text()) == an_api_key().principal()  # not too old yet
    processes.clock.advance(1)
    for text in (key_text(), key_text(2), "nothing"):  # the same for every text
        with pytest.raises(UnavailableError):
            await directory.principal_of(text)
        assert directory.lookup(text) is None
    assert processes.reader.looks == 2
    processes.clock.advance(60_000)
    with pytest.raises(UnavailableError):
        await directory.principal_of(key_text())
    processes.database.away = False
    processes.clock.advance(RETRY_MS)
    assert await directory.principal_of(key_text()) == an_api_key().principal()


async def test_requests_that_wait_for_the_first_reading_share_it(processes: Processes) -> None:
    await processes.store(an_api_key())
    directory = processes.directory()
    principals = await asyncio.gather(*[directory.principal_of(key_text()) for _ in range(50)])
    assert set(principals) == {an_api_key().principal()}
    assert processes.reader.looks == 1


async def test_which_keys_were_used_is_stored_once_a_minute(processes: Processes) -> None:
    await processes.store(*[an_api_key(number) for number in range(3)])
    directory = processes.directory()
    for _ in range(100):
        await directory.principal_of(key_text(1))
    await refused(directory, key_text(7))
    await directory.store_used()
    assert [await processes.last_used(number) for number in range(3)] == [None, NOW, None]
    processes.clock.advance(USED_MS)
    await directory.store_used()  # nothing was used
    assert await processes.last_used(1) == NOW
    await directory.refresh()
    assert processes.reader.reads == 1  # a use changes nothing for others


async def test_uses_that_cannot_be_stored_are_stored_later(processes: Processes) -> None:
    await processes.store(an_api_key(1), an_api_key(2))
    directory = processes.directory()
    await directory.principal_of(key_text(1))
    processes.database.failing_commits = 1
    with pytest.raises(UnavailableError):
        await directory.store_used()
    await directory.principal_of(key_text(2))
    await directory.store_used()
    assert [await processes.last_used(number) for number in (1, 2)] == [NOW, NOW]


async def test_the_loop_looks_again_and_stores_uses_when_it_is_stopped(
    processes: Processes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await processes.store(an_api_key())
    directory = processes.directory()
    await directory.principal_of(key_text())
    processes.database.away = True
    processes.clock.advance(USED_MS)
    loop = asyncio.create_task(directory.run())

    async def logged() -> bool:
        return "stored later" in caplog.text

    await until(logged)
    assert "could not be read" in caplog.text
    processes.database.away = False
    await directory.stop()
    await loop
    assert await processes.last_used() == NOW + USED_MS
    assert key_text() not in caplog.text


async def test_a_defect_ends_no_loop(processes: Processes, caplog: pytest.LogCaptureFixture) -> None:
    directory = processes.directory()
    await processes.store(an_api_key())
    await directory.principal_of(key_text())
    processes.database.api_keys = None  # type: ignore[assignment]  # a defect
    await directory.stop()
    await directory.run()
    assert "could not be stored" in caplog.text
