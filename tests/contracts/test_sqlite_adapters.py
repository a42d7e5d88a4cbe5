"""The contract suites on SQLite files, with a second process's engine on the same file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.contracts.account_book_contract import AccountBookContract
from tests.contracts.callback_inbox_contract import CallbackInboxContract
from tests.contracts.dead_letters_contract import DeadLettersContract
from tests.contracts.message_journal_contract import MessageJournalContract
from tests.contracts.message_reader_contract import MessageReaderContract
from tests.contracts.overview_contract import OverviewContract
from tests.contracts.unit_of_work_contract import UnitOfWorkContract
from tests.contracts.upkeep_contract import DutiesContract, PruningContract
from tests.support.builders import NOW

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.dead_letters import SqlDeadLetterReader
from wework_message.adapters.sql.overview import SqlOverview
from wework_message.adapters.sql.reader import SqlMessageReader
from wework_message.adapters.sql.sqlite import SqliteStore
from wework_message.adapters.sql.sqlite_dialect import SqliteDialect
from wework_message.adapters.sql.unit_of_work import SqlUnitOfWorkFactory
from wework_message.domain.ports.dead_letters import DeadLetterReader
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
    async def opened(self, database: Path) -> AsyncIterator[SqliteStore]:
        store = SqliteStore(database)
        await migrate(store)
        yield store
        await store.close()

    @pytest.fixture
    def units(self, opened: SqliteStore, clock: SettableClock) -> UnitOfWorkFactory:
        return SqlUnitOfWorkFactory(opened, SqliteDialect(), clock)

    @pytest.fixture
    async def other_units(
        self, opened: SqliteStore, database: Path, clock: SettableClock
    ) -> AsyncIterator[UnitOfWorkFactory]:
        assert opened is not None
        other = SqliteStore(database)
        yield SqlUnitOfWorkFactory(other, SqliteDialect(), clock)
        await other.close()

    @pytest.fixture
    def reader(self, opened: SqliteStore) -> MessageReader:
        return SqlMessageReader(opened.read)

    @pytest.fixture
    def dead_letters(self, opened: SqliteStore) -> DeadLetterReader:
        return SqlDeadLetterReader(opened.read)


class TestSqliteMessageJournal(OnSqlite, MessageJournalContract):
    pass


class TestSqliteUnitOfWork(OnSqlite, UnitOfWorkContract):
    pass


class TestSqliteCallbackInbox(OnSqlite, CallbackInboxContract):
    pass


class TestSqliteDeadLetters(OnSqlite, DeadLettersContract):
    pass


class TestSqliteAccountBook(OnSqlite, AccountBookContract):
    pass


class TestSqliteMessageReader(OnSqlite, MessageReaderContract):
    pass


class TestSqliteDuties(OnSqlite, DutiesContract):
    pass


class TestSqlitePruning(OnSqlite, PruningContract):
    pass


class TestSqliteOverview(OnSqlite, OverviewContract):
    @pytest.fixture
    def overview(self, opened: SqliteStore, clock: SettableClock) -> SqlOverview:
        return SqlOverview(opened.read, opened.dialect, clock)
