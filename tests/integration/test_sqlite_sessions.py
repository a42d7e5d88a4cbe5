import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from tests.support.builders.messages import GUID, NOW, a_due_message

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.core.database_kind import SEARCHES
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.adapters.sql.sqlite.dialect import SqliteDialect
from wework_message.adapters.sql.sqlite.store import WAL_BYTES, SqliteStore
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.message_filter import MessageFilter


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "x.db")
    await migrate(store)
    yield store
    await store.close()


def _write(connection: Connection, name: str) -> None:
    connection.execute(
        text("INSERT INTO wm_tenant (tenant_id, name, created_at) VALUES (:name, '', 0)"), {"name": name}
    )


def _names(connection: Connection) -> set[str]:
    return {row[0] for row in connection.execute(text("SELECT tenant_id FROM wm_tenant"))} - {"default"}


async def test_the_log_of_one_large_transaction_does_not_keep_the_disk(store: SqliteStore, tmp_path: Path) -> None:
    def write(connection: Connection, name: str, size: int) -> None:
        connection.execute(
            text("INSERT INTO wm_tenant (tenant_id, name, created_at) VALUES (:name, :text, 0)"),
            {"name": name, "text": "x" * size},
        )

    log = tmp_path / "x.db-wal"
    await store.transact(write, "large", WAL_BYTES)
    assert log.stat().st_size > WAL_BYTES
    for serial in range(3):
        await store.transact(write, f"small-{serial}", 1)
    assert log.stat().st_size <= WAL_BYTES


async def test_what_a_session_did_is_undone_unless_it_commits(store: SqliteStore) -> None:
    session = await store.begin()
    await session.run(_write, "lost")
    await session.close()
    session = await store.begin()
    await session.run(_write, "kept")
    await session.commit([(_write, ("with-the-commit",))])
    await session.close()
    assert await store.read(_names) == {"kept", "with-the-commit"}


async def test_a_last_step_that_fails_takes_the_whole_transaction_along(store: SqliteStore) -> None:
    session = await store.begin()
    await session.run(_write, "first")
    with pytest.raises(ConflictError):
        await session.commit([(_write, ("first",))])
    await session.close()
    assert await store.read(_names) == set()
    assert await store.transact(_names) == set()


async def test_a_session_that_is_cancelled_in_its_first_step_leaves_the_file_free(store: SqliteStore) -> None:
    entered, gate = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        _write(connection, "cancelled")
        entered.set()
        gate.wait(10)

    session = await store.begin()
    step = asyncio.create_task(session.run(slow))
    assert await asyncio.to_thread(entered.wait, 10)
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    closing = asyncio.create_task(session.close())
    gate.set()
    await closing
    assert await store.transact(_names) == set()


async def test_a_session_without_a_step_costs_nothing_and_commits_nothing(store: SqliteStore) -> None:
    session = await store.begin()
    await session.commit()
    await session.close()
    assert await store.read(_names) == set()


async def test_a_message_that_is_stored_already_is_refused_by_the_commit_and_nothing_is_kept(
    store: SqliteStore,
) -> None:
    units = SqlUnitOfWorkFactory(store, SqliteDialect(), SettableClock(NOW))
    message, other = a_due_message(), a_due_message()
    async with units() as unit:
        await unit.messages.add([message])
        await unit.commit()
    async with units() as unit:
        await unit.messages.add([other, message])
        with pytest.raises(ConflictError):
            await unit.commit()
    async with units() as unit:
        assert set(await unit.messages.get([message.id, other.id])) == {message.id}


async def test_a_file_that_lost_its_name_takes_no_commit(store: SqliteStore, tmp_path: Path) -> None:
    for name in ("x.db", "x.db-wal", "x.db-shm"):
        path, elsewhere = tmp_path / name, tmp_path / "elsewhere"
        path.rename(elsewhere)
        for replaced in (False, True):
            if replaced:
                path.touch()
            session = await store.begin()
            await session.run(_write, f"lost with {name}")
            with pytest.raises(UnavailableError, match=f"{name} was deleted, moved or replaced under the process"):
                await session.commit()
            await session.close()
        elsewhere.replace(path)
    session = await store.begin()
    await session.run(_write, "kept")
    await session.commit()
    await session.close()
    assert await store.read(_names) == {"kept"}


async def test_no_query_makes_a_file_in_the_place_of_one_that_was_moved(store: SqliteStore, tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "x.db", tmp_path / "elsewhere"
    path.rename(elsewhere)
    with pytest.raises(UnavailableError, match=r"x\.db was deleted, moved or replaced"):
        await store.read(_names)  # the first query: a new connection
    assert not path.exists()
    elsewhere.rename(path)
    assert await store.read(_names) == set()


async def test_a_file_that_loses_its_name_during_a_commit_is_no_success(store: SqliteStore, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"x\.db was deleted"):
        await store.transact(lambda _: (tmp_path / "x.db").unlink())


@pytest.mark.parametrize(
    ("pragma", "cause"),
    [
        ("query_only = ON", r"the file or its file system is read-only \(SQLITE_READONLY"),
        ("max_page_count = 1", r"the disk is full \(SQLITE_FULL\)"),
    ],
)
async def test_what_cannot_be_written_says_why(store: SqliteStore, pragma: str, cause: str) -> None:
    def fill(connection: Connection) -> None:
        for number in range(2_000):
            _write(connection, f"{number:050}")

    await store.transact(lambda connection: connection.exec_driver_sql(f"PRAGMA {pragma}").close())
    session = await store.begin()
    with pytest.raises(UnavailableError, match=cause):
        await session.run(fill)
    await session.close()
    assert await store.read(_names) == set()


async def test_a_disk_that_hangs_is_unavailable_and_what_it_was_asked_is_undone(tmp_path: Path) -> None:
    gate = threading.Event()

    def hang(connection: Connection) -> None:
        _write(connection, "hanging")
        gate.wait()

    store = SqliteStore(tmp_path / "x.db", timeout_s=0.05)
    await migrate(store)
    session = await store.begin()
    with pytest.raises(UnavailableError, match="no answer from the file"):
        await session.run(hang)
    closing = asyncio.create_task(session.close())
    behind = await store.begin()
    with pytest.raises(UnavailableError, match="no answer from the file"):
        await behind.run(_write, "behind")
    await behind.close()
    with pytest.raises(UnavailableError, match="no answer from the file"):
        await store.read(lambda _: gate.wait())
    gate.set()
    await closing
    assert await store.transact(_names) == set()
    await store.close()


async def test_a_unit_of_work_waits_for_its_turn_no_longer_than_for_the_database(store: SqliteStore) -> None:
    units = SqlUnitOfWorkFactory(store, store.dialect, SettableClock(NOW), store.turn, timeout_s=0.05)
    async with units():
        with pytest.raises(UnavailableError, match="no answer within"):
            await units().__aenter__()
    async with units() as unit:
        await unit.commit()


_ENDLESS = "WITH RECURSIVE q(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM q) SELECT max(n) FROM q"


def _search_endlessly(connection: Connection) -> None:
    connection.execute(text(_ENDLESS)).all()


async def test_lists_that_hang_delay_no_status_and_no_write(store: SqliteStore) -> None:
    gate = threading.Event()
    storage = sql_storage(store, SettableClock(NOW))
    hanging = [asyncio.create_task(store.search(lambda _: gate.wait())) for _ in range(SEARCHES)]
    listed = asyncio.create_task(storage.reader.page(DEFAULT_TENANT, MessageFilter(), limit=1, before=None))
    callbacks = asyncio.create_task(storage.reader.callbacks(None, GUID, notify_type=None, limit=1, before=None))
    try:
        message = a_due_message()
        async with storage.units() as unit:
            await unit.messages.add([message])
            await unit.commit()
        assert message.id in await storage.reader.messages(DEFAULT_TENANT, [message.id])
        await storage.reader.ping()
        assert not listed.done()
        assert not callbacks.done()
    finally:
        gate.set()
    await asyncio.gather(*hanging)
    assert [view.message.id for view in (await listed).messages] == [message.id]
    assert await callbacks == ()


async def test_a_list_that_takes_too_long_is_refused_and_its_query_ends(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "x.db", search_s=0.2)
    await migrate(store)
    endless = [store.search(_search_endlessly) for _ in range(2 * SEARCHES)]
    refused = await asyncio.gather(*endless, return_exceptions=True)
    assert {str(error) for error in refused} == {"database: the list took longer than 0.2 s; ask again, or for less"}
    assert {type(error) for error in refused} == {UnavailableError}
    await store.close()  # waits for the threads


async def test_a_list_that_fails_says_why(store: SqliteStore) -> None:
    with pytest.raises(UnavailableError, match="OperationalError"):
        await store.search(lambda connection: connection.exec_driver_sql("SELECT * FROM nowhere").all())


async def test_the_pools_show_who_works_and_count_every_wait(store: SqliteStore) -> None:
    waits: dict[str, list[float]] = {}
    for pool in store.pools:
        pool.waited = waits.setdefault(pool.name, []).append
    read = next(pool for pool in store.pools if pool.name == "read")
    entered, gate = threading.Event(), threading.Event()

    def slow(_connection: Connection) -> None:
        entered.set()
        gate.wait(10)

    assert (read.used, read.idle, read.limit) == (0, 0, 2)
    reading = asyncio.create_task(store.read(slow))
    assert await asyncio.to_thread(entered.wait, 10)
    assert (read.used, read.idle) == (1, 0)
    gate.set()
    await reading
    assert (read.used, read.idle) == (0, 1)
    await store.search(_names)
    async with SqlUnitOfWorkFactory(store, SqliteDialect(), SettableClock(NOW), store.turn)():
        assert store.turn.used == 1
    assert {name: len(times) for name, times in waits.items()} == {"write": 1, "read": 1, "search": 1}
