"""What a process says of itself."""

import pytest
from tests.support.builders.messages import NOW, a_due_message

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.store_metrics import MemoryStoreMetrics
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.queries.service import Condition, InProcess, Service
from wework_message.application.role import Role


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


async def test_it_knows_for_how_long_the_oldest_due_message_has_waited(database: MemoryDatabase) -> None:
    clock = SettableClock(NOW)
    service = Service(MemoryMessageReader(database), MemoryStoreMetrics(database, clock))
    assert await service.oldest_due_s() == 0
    async with MemoryUnitOfWorkFactory(database, clock)() as unit:
        await unit.messages.add([a_due_message()])
        await unit.commit()
    clock.advance(3_000)
    assert await service.oldest_due_s() == 3
    database.away = True
    assert (await service.oldest_due_s(), await service.database_answers()) == (None, False)


async def test_without_store_metrics_the_oldest_due_message_is_unknown(database: MemoryDatabase) -> None:
    service = Service(MemoryMessageReader(database), parts={"queue": InProcess("in-process")})
    assert await service.oldest_due_s() is None
    assert service.parts["queue"].condition() == Condition(healthy=None, reason=None)


def test_each_role_says_what_it_does() -> None:
    assert [(role.accepts, role.dispatches, role.split) for role in (Role.ALL, Role.ACCEPTING, Role.CONSUMING)] == [
        (True, True, False),
        (True, False, True),
        (False, True, True),
    ]
