import importlib
import logging
import pkgutil
import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, inspect
from tests.support.builders.old_rows import write_message

from wework_message.adapters.sql import mapping
from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.core import schema
from wework_message.adapters.sql.core.migrating import config, upgrade_to_head
from wework_message.adapters.sql.core.schema import VERSION_TABLE, SchemaState, revisions, schema_state
from wework_message.adapters.sql.mapping import tables
from wework_message.adapters.sql.mapping.tables import metadata
from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.domain.ids import DEFAULT_TENANT, BatchId, MessageId
from wework_message.domain.message_filter import MessageFilter


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "deep" / "wm.db")
    yield store
    await store.close()


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return list(compare_metadata(context, metadata))


def _pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


async def test_an_empty_database_gets_the_tables_the_code_uses(store: SqliteStore) -> None:
    assert await store.transact(schema_state) is SchemaState.EMPTY
    assert await migrate(store) is SchemaState.EMPTY
    assert await store.transact(schema_state) is SchemaState.CURRENT
    assert await migrate(store) is SchemaState.CURRENT
    assert await store.transact(_differences) == []


async def test_the_log_says_in_one_line_what_a_start_does_to_the_tables(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "wework_message")
    newest = revisions()[-1]
    await migrate(store)
    assert caplog.messages == [f"the database is new: its tables are made now, version {newest}"]
    caplog.clear()
    await migrate(store)
    assert caplog.messages == []
    await store.transact(lambda connection: command.downgrade(config(connection), "-1"))
    await migrate(store)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("wework_message.")] == [
        f"the database is of an older version: its tables are brought up now, version {newest}"
    ]


def _contents(connection: Connection) -> dict[str, object]:
    """What a new database consists of, whatever the order of its columns: the texts of its schema, and its rows."""
    texts = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    tables = inspect(connection).get_table_names()
    rows = {name: connection.exec_driver_sql(f"SELECT * FROM {name}").mappings().all() for name in tables}  # noqa: S608
    parts = {name: sorted(re.split(r"[\s,]*,[\s,]*|[\s]*[()]\s*", sql)) for name, sql in texts}
    return parts | {f"rows of {name}": [dict(row) for row in of_table] for name, of_table in rows.items()}


async def test_what_an_empty_database_gets_at_once_is_what_the_migrations_lead_to(
    store: SqliteStore, tmp_path: Path
) -> None:
    await migrate(store)
    migrated = SqliteStore(tmp_path / "migrated.db")
    await migrated.transact(upgrade_to_head)
    assert await store.read(_contents) == await migrated.read(_contents)
    await migrated.close()


async def test_a_schema_that_was_taken_back_is_made_again(store: SqliteStore) -> None:
    await migrate(store)
    before = await store.read(_contents)
    await store.transact(lambda connection: command.downgrade(config(connection), "base"))
    assert await migrate(store) is SchemaState.EMPTY
    assert await store.read(_contents) == before


def test_the_revisions_that_are_read_without_alembic_are_alembic_s() -> None:
    script = ScriptDirectory.from_config(config())
    assert revisions() == [revision.revision for revision in script.walk_revisions()][::-1]
    assert revisions()[-1] == script.get_current_head()


async def test_an_older_schema_is_recognised(store: SqliteStore) -> None:
    await store.transact(lambda connection: command.upgrade(config(connection), revisions()[-2]))
    assert await store.transact(schema_state) is SchemaState.BEHIND
    await store.transact(lambda connection: command.downgrade(config(connection), "base"))
    assert await store.transact(schema_state) is SchemaState.EMPTY


async def test_a_database_of_a_newer_version_is_recognised(store: SqliteStore) -> None:
    await migrate(store)
    await store.transact(
        lambda connection: connection.exec_driver_sql("UPDATE wm_schema_version SET version_num = 'x'")
    )
    assert await store.transact(schema_state) is SchemaState.AHEAD


@pytest.mark.parametrize("table", ["wm_due", "wm_note", "wm_callback"])
async def test_serial_numbers_are_never_used_again(store: SqliteStore, table: str) -> None:
    await migrate(store)
    query = "SELECT sql FROM sqlite_master WHERE name = ?"
    sql = await store.read(lambda connection: connection.exec_driver_sql(query, (table,)).scalar())
    assert "AUTOINCREMENT" in str(sql)


async def test_a_default_tenant_exists_from_the_first_migration(store: SqliteStore) -> None:
    await migrate(store)
    query = "SELECT tenant_id FROM wm_tenant"
    assert await store.read(lambda connection: connection.exec_driver_sql(query).scalars().all()) == ["default"]


async def test_commits_are_synced_to_the_disk(store: SqliteStore) -> None:
    assert await store.transact(_pragma, "journal_mode") == "wal"
    assert await store.transact(_pragma, "synchronous") == 2


async def test_the_writer_keeps_more_pages_than_a_large_batch_changes(store: SqliteStore) -> None:
    assert await store.transact(_pragma, "cache_size") == -8192  # KiB


async def test_readers_cannot_write(store: SqliteStore) -> None:
    await migrate(store)
    with pytest.raises(Exception, match="SQLITE_READONLY"):
        await store.read(lambda connection: connection.exec_driver_sql("DELETE FROM wm_tenant"))


async def test_a_closed_store_leaves_one_file_that_another_program_can_read(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "wm.db")
    await migrate(store)
    await store.close()
    assert _names(tmp_path) == ["wm.db"]
    database = sqlite3.connect(tmp_path / "wm.db")
    assert database.execute("SELECT count(*) FROM wm_message").fetchone() == (0,)
    database.close()


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _write_as_0001(connection: Connection) -> None:
    command.upgrade(config(connection), "0001")
    insert = (
        "INSERT INTO wm_due (message_id, lane, urgency, place, parked, paced, due_at) VALUES (?, 'lane', 1, 2, 0, 1, 3)"
    )
    for message_id in ("a", "b", "c"):
        connection.exec_driver_sql(insert, (message_id,))
    connection.exec_driver_sql("DELETE FROM wm_due WHERE message_id = 'c'")


async def test_messages_of_the_version_before_come_back_and_have_no_campaign(store: SqliteStore) -> None:
    await store.transact(lambda connection: command.upgrade(config(connection), "0002"))
    await store.transact(write_message, "before")
    assert await migrate(store) is SchemaState.BEHIND
    await store.transact(write_message, "after")  # by a process of the version before
    reader = SqlMessageReader(store.read, store.search)
    views = await reader.messages(DEFAULT_TENANT, [MessageId("before"), MessageId("after")])
    assert [view.message.options.campaign_id for view in views.values()] == [None, None]
    assert (await reader.page(DEFAULT_TENANT, MessageFilter(campaign_id=""), limit=10, before=None)).messages == ()
    assert await store.transact(_differences) == []


def _names_of_schema(connection: Connection) -> set[tuple[str, str]]:
    inspector = inspect(connection)
    return {
        (table, str(part["name"]))
        for table in inspector.get_table_names()
        for part in (*inspector.get_columns(table), *inspector.get_indexes(table))
    }


def _message_ids(connection: Connection) -> list[str]:
    return list(connection.exec_driver_sql("SELECT id FROM wm_message").scalars())


def _due(connection: Connection) -> list[tuple[object, ...]]:
    columns = "seq, tenant_id, message_id, lane, urgency, place, parked, paced, due_at"
    return [tuple(row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM wm_due")]  # noqa: S608 -- our own


async def test_a_database_of_the_first_version_is_upgraded_with_its_rows(store: SqliteStore) -> None:
    await store.transact(_write_as_0001)
    before = await store.read(_due)
    assert len(before) == 2
    assert await migrate(store) is SchemaState.BEHIND
    assert await store.transact(_differences) == []
    assert await store.read(_due) == before
    await store.transact(
        lambda connection: connection.exec_driver_sql(
            "INSERT INTO wm_due (message_id, lane, urgency, place, parked, paced, due_at) VALUES ('d', '', 0, 0, 0, 0, 0)"
        )
    )
    assert [row[0] for row in await store.read(_due)] == [1, 2, 4]  # 3 was given once, and is never given again


async def test_every_migration_has_a_way_back(store: SqliteStore) -> None:
    await store.transact(_write_as_0001)
    await store.transact(write_message, "before")
    before, names = await store.read(_due), await store.read(_names_of_schema)
    await migrate(store)
    await store.transact(lambda connection: command.downgrade(config(connection), "0001"))
    assert await store.read(_due) == before
    assert await store.read(_names_of_schema) == names
    assert await store.read(_message_ids) == ["before"]
    await store.transact(write_message, "after")
    await store.transact(lambda connection: command.downgrade(config(connection), "base"))
    assert await store.transact(schema_state) is SchemaState.EMPTY


async def test_a_migration_that_was_interrupted_after_its_index_goes_on(store: SqliteStore) -> None:
    await store.transact(lambda connection: command.upgrade(config(connection), "0005"))
    index = "CREATE INDEX ix_wm_callback_type ON wm_callback (guid, notify_type, id)"
    await store.transact(lambda connection: connection.exec_driver_sql(index).close())
    assert await migrate(store) is SchemaState.BEHIND
    assert await store.transact(schema_state) is SchemaState.CURRENT
    assert await store.transact(_differences) == []


def _partial_indexes(connection: Connection) -> set[str]:
    indexes = connection.exec_driver_sql("PRAGMA index_list(wm_message)").mappings()
    return {index["name"] for index in indexes if index["partial"]}


async def test_a_message_of_no_batch_group_and_campaign_has_no_entry_in_their_indexes(store: SqliteStore) -> None:
    await migrate(store)
    indexes = {f"ix_wm_message_{name}" for name in ("batch", "group", "campaign", "tenant")}
    assert await store.read(_partial_indexes) == indexes
    await store.transact(lambda connection: command.downgrade(config(connection), "0008"))
    assert await store.read(_partial_indexes) == set()


async def test_members_of_the_version_before_are_found_by_the_new_indexes(store: SqliteStore) -> None:
    await store.transact(lambda connection: command.upgrade(config(connection), "0008"))
    batch, group = BatchId("batch"), BatchId("group")
    for message_id in ("alone", "of batch", "of group"):
        await store.transact(write_message, message_id)
    for change in (
        "batch_id = 'batch', item_index = 0, campaign_id = 'spring' WHERE id = 'of batch'",
        "group_id = 'group', item_index = 0 WHERE id = 'of group'",
    ):
        sql = f"UPDATE wm_message SET {change}"  # noqa: S608 -- our own
        await store.transact(lambda connection, sql=sql: connection.exec_driver_sql(sql).close())
    assert await migrate(store) is SchemaState.BEHIND
    assert await store.transact(_differences) == []
    reader = SqlMessageReader(store.read, store.search)
    for owner, member in ((batch, "of batch"), (group, "of group")):
        views = await reader.batch_items(None, owner, limit=10, after=-1)
        assert [view.message.id for view in views] == [member]
    for filters in (MessageFilter(batch_id=batch), MessageFilter(campaign_id="spring")):
        page = await reader.page(DEFAULT_TENANT, filters, limit=10, before=None)
        assert [view.message.id for view in page.messages] == ["of batch"]


def test_the_schema_knows_the_tables_of_every_module() -> None:
    names = [f"{mapping.__name__}.{module.name}" for module in pkgutil.iter_modules(mapping.__path__)]
    modules = [importlib.import_module(name) for name in names]
    known = [tables, *schema._OTHER_TABLES]
    defined = {module: {table for table in vars(module).values() if isinstance(table, Table)} for module in modules}
    of_known = set[Table]().union(*(defined[module] for module in known))
    assert [module.__name__ for module in modules if not defined[module] <= of_known] == []
