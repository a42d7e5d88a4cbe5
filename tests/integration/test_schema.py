import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from wework_message.adapters.sql.schema import SchemaState, schema_state, upgrade
from wework_message.adapters.sql.sqlite_engine import writing_engine
from wework_message.adapters.sql.tables import metadata
from wework_message.adapters.sql.unit_of_work import closing_engine


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"version_table": "wm_schema_version"})
    return list(compare_metadata(context, metadata))


async def test_migrations_lead_to_the_tables_the_code_uses(tmp_path: Path) -> None:
    async with closing_engine(writing_engine(tmp_path / "wm.db")) as engine:
        assert await schema_state(engine) is SchemaState.EMPTY
        assert await upgrade(engine) is SchemaState.EMPTY
        assert await schema_state(engine) is SchemaState.CURRENT
        assert await upgrade(engine) is SchemaState.CURRENT
        async with engine.connect() as connection:
            assert await connection.run_sync(_differences) == []


async def test_a_database_of_a_newer_version_is_recognised(tmp_path: Path) -> None:
    async with closing_engine(writing_engine(tmp_path / "wm.db")) as engine:
        await upgrade(engine)
        async with engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE wm_schema_version SET version_num = '9999'")
        assert await schema_state(engine) is SchemaState.AHEAD


@pytest.mark.parametrize("table", ["wm_due", "wm_note", "wm_callback"])
async def test_serial_numbers_are_never_used_again(tmp_path: Path, table: str) -> None:
    async with closing_engine(writing_engine(tmp_path / "wm.db")) as engine:
        await upgrade(engine)
    with sqlite3.connect(tmp_path / "wm.db") as database:
        (sql,) = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    database.close()
    assert "AUTOINCREMENT" in sql


async def test_commits_are_synced_to_the_disk(tmp_path: Path) -> None:
    async with closing_engine(writing_engine(tmp_path / "wm.db")) as engine, engine.connect() as connection:
        journal = (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar()
        synchronous = (await connection.exec_driver_sql("PRAGMA synchronous")).scalar()
    assert (journal, synchronous) == ("wal", 2)
