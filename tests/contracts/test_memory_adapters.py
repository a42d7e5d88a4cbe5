import pytest
from tests.contracts.message_journal_contract import MessageJournalContract
from tests.support.builders import NOW

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.domain.ports.persistence import UnitOfWorkFactory
from wework_message.domain.ports.reading import MessageReader


class OnMemory:
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW)

    @pytest.fixture
    def database(self) -> MemoryDatabase:
        return MemoryDatabase()

    @pytest.fixture
    def units(self, database: MemoryDatabase, clock: SettableClock) -> UnitOfWorkFactory:
        return MemoryUnitOfWorkFactory(database, clock)

    @pytest.fixture
    def other_units(self, database: MemoryDatabase, clock: SettableClock) -> UnitOfWorkFactory:
        return MemoryUnitOfWorkFactory(database, clock)

    @pytest.fixture
    def reader(self, database: MemoryDatabase) -> MessageReader:
        return MemoryMessageReader(database)


class TestMemoryMessageJournal(OnMemory, MessageJournalContract):
    pass
