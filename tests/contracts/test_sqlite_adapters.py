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
from wework_message.adapters.sql.sqlite import SqliteStore
from wework_message.adapters.sql.unit_of_work import SqlUnitOfWorkFactory
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
    async def store(self, database: Path) -> AsyncIterator[SqliteStore]:
        store = SqliteStore(database)
        await store.transact(upgrade)
        yield store
        await store.close()

    @pytest.fixture
    def units(self, store: SqliteStore, clock: SettableClock) -> UnitOfWorkFactory:
        return SqlUnitOfWorkFactory(store, SqliteDialect(), clock)

    @pytest.fixture
    async def other_units(
        self, store: SqliteStore, database: Path, clock: SettableClock
    ) -> AsyncIterator[UnitOfWorkFactory]:
        assert store is not None
        other = SqliteStore(database)
        yield SqlUnitOfWorkFactory(other, SqliteDialect(), clock)
        await other.close()

    @pytest.fixture
    def reader(self, store: SqliteStore) -> MessageReader:
        return SqlMessageReader(store.read)


class TestSqliteMessageJournal(OnSqlite, MessageJournalContract):
    pass
