"""The contract suites on SQLite files, with a second process's engine on the same file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contracts.message_journal_contract import MessageJournalContract
from tests.support.builders import NOW

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.dialect import SqliteDialect
from wework_message.adapters.sql.reader import SqlMessageReader
from wework_message.adapters.sql.schema import upgrade
from wework_message.adapters.sql.sqlite_engine import reading_engine, writing_engine
from wework_message.adapters.sql.unit_of_work import ReadingRun, SqlUnitOfWorkFactory, closing_engine
from wework_message.domain.ports.persistence import UnitOfWorkFactory
from wework_message.domain.ports.reading import MessageReader


class OnSqlite:
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    def database(self, tmp_path: Path) -> Path:
        return tmp_path / "wework-message.db"

    @pytest.fixture
    async def units(self, database: Path, clock: SettableClock) -> AsyncIterator[UnitOfWorkFactory]:
        async with closing_engine(writing_engine(database)) as engine:
            await upgrade(engine)
            yield SqlUnitOfWorkFactory(engine, SqliteDialect(), clock)
            assert "Checked out connections: 0" in engine.pool.status()

    @pytest.fixture
    async def other_units(
        self, units: UnitOfWorkFactory, database: Path, clock: SettableClock
    ) -> AsyncIterator[UnitOfWorkFactory]:
        assert units is not None
        async with closing_engine(writing_engine(database)) as engine:
            yield SqlUnitOfWorkFactory(engine, SqliteDialect(), clock)

    @pytest.fixture
    async def reader(self, units: UnitOfWorkFactory, database: Path) -> AsyncIterator[MessageReader]:
        assert units is not None
        async with closing_engine(reading_engine(database)) as engine:
            yield SqlMessageReader(ReadingRun(engine))


class TestSqliteMessageJournal(OnSqlite, MessageJournalContract):
    pass
