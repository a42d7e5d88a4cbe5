import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Row, event
from tests.support.builders.old_rows import write_message
from tests.support.mysql import opened_store, target_of
from tests.support.polling import until
from tests.support.servers.mariadb import Database, MariaDb

from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.core.migrating import config
from wework_message.adapters.sql.core.schema import VERSION_TABLE, SchemaState, schema_state, upgrade
from wework_message.adapters.sql.mapping.tables import metadata
from wework_message.adapters.sql.mysql import server as mysql_server
from wework_message.adapters.sql.mysql.backend import MysqlBackend
from wework_message.adapters.sql.mysql.server import objections
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.bootstrap.databases import UnsafeDatabaseError, bring_up
from wework_message.bootstrap.settings.model import DatasourceSettings


@pytest.fixture
async def store(mariadb_database: Database) -> AsyncIterator[MysqlStore]:
    async with opened_store(target_of(mariadb_database)) as store:
        yield store


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return list(compare_metadata(context, metadata))


async def test_migrations_lead_to_the_tables_the_code_uses(store: MysqlStore) -> None:
    assert await store.transact(schema_state) is SchemaState.EMPTY
    assert await migrate(store) is SchemaState.EMPTY
    assert await store.transact(schema_state) is SchemaState.CURRENT
    assert await migrate(store) is SchemaState.CURRENT
    assert await store.transact(_differences) == []


async def test_of_processes_that_start_at_once_one_migrates_and_the_others_wait(mariadb_database: Database) -> None:
    async def start() -> SchemaState:
        async with opened_store(target_of(mariadb_database)) as store:
            return await migrate(store)

    states = await asyncio.gather(*(start() for _ in range(4)))
    assert sorted(states) == [SchemaState.CURRENT, SchemaState.CURRENT, SchemaState.CURRENT, SchemaState.EMPTY]


async def test_the_next_one_that_migrates_sees_all_of_it(
    mariadb: MariaDb, mariadb_database: Database, store: MysqlStore
) -> None:
    def upgrade_and_read(connection: Connection) -> str:
        # After it the lock is free again, and the caller's transaction is still open.
        upgrade(connection, MysqlBackend().migration_lock)
        return mariadb.sql(f"SELECT version_num FROM {mariadb_database.name}.{VERSION_TABLE}")  # noqa: S608 -- our own names

    head = ScriptDirectory.from_config(config()).get_current_head()
    assert await store.transact(upgrade_and_read) == f"{head}\n"


INSERT = (
    "INSERT INTO wm_due (message_id, lane, urgency, place, parked, paced, due_at) VALUES (%s, 'lane', 1, 2, 0, 1, 3)"
)


def _write_due(connection: Connection, message_id: str) -> None:
    connection.exec_driver_sql(INSERT, (message_id,))


def _due(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql("SELECT message_id FROM wm_due ORDER BY seq").scalars())


def _messages(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql("SELECT id FROM wm_message ORDER BY id DESC").scalars())


@pytest.mark.parametrize(
    ("version", "write", "read"),
    [("0001", _write_due, _due), ("0007", write_message, _messages)],
    ids=["0001", "0007"],
)
async def test_a_process_of_the_previous_version_goes_on_while_the_schema_is_upgraded(
    mariadb: MariaDb,
    mariadb_database: Database,
    store: MysqlStore,
    version: str,
    write: Callable[[Connection, str], None],
    read: Callable[[Connection], list[str]],
) -> None:
    await store.transact(lambda connection: command.upgrade(config(connection), version))
    session = await store.begin()
    await session.run(write, "under way")

    async def waiting() -> bool:
        query = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'Waiting for table metadata lock'"
        return await asyncio.to_thread(mariadb.sql, query) != "0\n"

    async with opened_store(target_of(mariadb_database)) as newer:
        upgrading = asyncio.create_task(migrate(newer))
        await until(waiting)
        await session.commit([])
        await session.close()
        assert await upgrading is SchemaState.BEHIND
    await store.transact(write, "afterwards")
    assert await store.read(read) == ["under way", "afterwards"]
    assert await store.transact(_differences) == []


@pytest.mark.parametrize("done", range(3))
async def test_a_migration_that_was_interrupted_goes_on_where_it_ended(store: MysqlStore, done: int) -> None:
    def interrupted(connection: Connection) -> None:
        command.upgrade(config(connection), "0002")
        write_message(connection, "before")
        changes = (
            "ALTER TABLE wm_message ADD COLUMN campaign_id VARCHAR(64)",
            "CREATE INDEX ix_wm_message_campaign ON wm_message (campaign_id, id)",
        )
        for change in changes[:done]:
            connection.exec_driver_sql(change)

    await store.transact(interrupted)
    assert await migrate(store) is SchemaState.BEHIND
    assert await store.transact(_differences) == []
    assert await store.read(_messages) == ["before"]


async def test_every_table_compares_exactly_and_takes_any_character(store: MysqlStore) -> None:
    await migrate(store)
    tables = await store.read(_tables)
    assert {tuple(row)[1:] for row in tables} == {("InnoDB", "Dynamic", "utf8mb4_nopad_bin")}
    assert len(tables) == len(metadata.tables) + 1


def _tables(connection: Connection) -> Sequence[Row[Any]]:
    columns = "table_name, engine, row_format, table_collation"
    query = f"SELECT {columns} FROM information_schema.tables WHERE table_schema = DATABASE()"  # noqa: S608 -- constants
    return connection.exec_driver_sql(query).all()


@pytest.fixture
def other_defaults(mariadb: MariaDb) -> Iterator[None]:
    mariadb.sql("SET GLOBAL default_storage_engine = Aria; SET GLOBAL innodb_default_row_format = compact")
    yield
    mariadb.sql("SET GLOBAL default_storage_engine = InnoDB; SET GLOBAL innodb_default_row_format = dynamic")


@pytest.mark.usefixtures("other_defaults")
async def test_the_defaults_of_a_server_change_no_table(store: MysqlStore) -> None:
    await migrate(store)
    assert {tuple(row)[1:] for row in await store.read(_tables)} == {("InnoDB", "Dynamic", "utf8mb4_nopad_bin")}


class CutOffError(Exception):
    """In place of a process that dies, or a server that refuses a change."""


@pytest.mark.parametrize("done", [1, 2, 3, 7, 20, 28, 31, 33, 34, 36, 37])
async def test_a_first_migration_that_failed_after_any_change_goes_on(store: MysqlStore, done: int) -> None:
    def interrupted(connection: Connection) -> None:
        changes = itertools.count()

        def interrupt(*arguments: Any) -> None:
            if arguments[2].startswith(("CREATE", "ALTER", "\nCREATE", "DROP")) and next(changes) == done:
                raise CutOffError

        event.listen(connection, "before_cursor_execute", interrupt)
        upgrade(connection, MysqlBackend().migration_lock)

    with contextlib.suppress(CutOffError):
        await store.transact(interrupted)
    await migrate(store)
    assert await store.transact(schema_state) is SchemaState.CURRENT
    assert await store.transact(_differences) == []
    assert {tuple(row)[1:] for row in await store.read(_tables)} == {("InnoDB", "Dynamic", "utf8mb4_nopad_bin")}


async def test_half_a_schema_in_a_format_of_short_indexes_is_completed(store: MysqlStore) -> None:
    def half(connection: Connection) -> None:
        columns = (
            "account_id VARCHAR(136) NOT NULL, tenant_id VARCHAR(64) NOT NULL DEFAULT 'default', name VARCHAR(255),"
        )
        more = "corp_id VARCHAR(64), vid VARCHAR(64), enabled BOOL NOT NULL, CONSTRAINT pk_wm_account PRIMARY KEY (account_id)"
        options = "ENGINE=InnoDB CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin ROW_FORMAT=COMPACT"
        connection.exec_driver_sql(f"CREATE TABLE wm_account ({columns} {more}) {options}")

    await store.transact(half)
    assert await migrate(store) is SchemaState.EMPTY
    assert await store.transact(_differences) == []
    assert {tuple(row)[1:] for row in await store.read(_tables)} == {("InnoDB", "Dynamic", "utf8mb4_nopad_bin")}


async def test_the_server_of_the_tests_is_safe(store: MysqlStore) -> None:
    assert await store.read(objections) == ()


@pytest.fixture
def careless(mariadb: MariaDb) -> Iterator[MariaDb]:
    mariadb.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    yield mariadb
    mariadb.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")


async def test_a_server_that_would_lose_commits_is_refused_by_name(careless: MariaDb, store: MysqlStore) -> None:
    assert careless.running
    with pytest.raises(UnsafeDatabaseError, match=r"innodb_flush_log_at_trx_commit: it is 2;.*accept-data-loss: true"):
        await bring_up(store, DatasourceSettings())
    assert await store.transact(schema_state) is SchemaState.EMPTY
    assert await bring_up(store, DatasourceSettings(accept_data_loss=True)) is SchemaState.EMPTY


SAFE = {"flush": 1, "log_bin": False, "sync_binlog": 0, "binlog_format": "MIXED", "max_allowed_packet": 2**24}


@pytest.mark.parametrize(
    ("version", "changes", "variables"),
    [
        ("10.11.6-MariaDB-log", {}, []),
        ("5.5.5-10.6.1-MariaDB", {}, []),
        ("10.5.20-MariaDB", {}, ["version"]),
        ("8.0.36", {}, []),
        ("8.4.0-commercial", {}, []),
        ("5.7.44", {}, ["version"]),
        ("8.0.36", {"flush": 0}, ["innodb_flush_log_at_trx_commit"]),
        ("8.0.36", {"log_bin": True, "sync_binlog": 1}, []),
        ("8.0.36", {"log_bin": True, "sync_binlog": 0}, ["sync_binlog"]),
        ("8.0.36", {"log_bin": True, "sync_binlog": 1, "binlog_format": "STATEMENT"}, ["binlog_format"]),
        ("8.0.36", {"max_allowed_packet": 2**24 - 1}, ["max_allowed_packet"]),
    ],
)
def test_objections_to_a_server(version: str, changes: dict[str, object], variables: list[str]) -> None:
    raised = mysql_server._objections(version, **SAFE | changes)  # type: ignore[arg-type]  # a row of a table
    assert [objection.variable for objection in raised] == variables


async def test_a_server_that_cannot_work_is_refused_even_if_data_loss_is_accepted(
    store: MysqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mysql_server.MINIMUM_VERSIONS, True, (99, 0))
    with pytest.raises(UnsafeDatabaseError, match="version"):
        await bring_up(store, DatasourceSettings(accept_data_loss=True))
