"""What a process says of itself."""

import asyncio

import pytest
from tests.support.builders.messages import NOW, a_due_message

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.adapters.memory.store_metrics import MemoryStoreMetrics
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.queries import service as queries
from wework_message.application.queries.service import Condition, InProcess, Service
from wework_message.application.role import Role
from wework_message.domain.errors import UnavailableError


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


class HangingReader(MemoryMessageReader):
    """Its database takes the question and never answers, until it is released."""

    def __init__(self, database: MemoryDatabase) -> None:
        super().__init__(database)
        self.released = asyncio.Event()
        self.pings = 0

    async def ping(self) -> None:
        self.pings += 1
        await self.released.wait()


class HangingMetrics(MemoryStoreMetrics):
    async def oldest_due_ms(self) -> int:
        await asyncio.Event().wait()
        return 0


async def test_a_database_that_hangs_is_down_at_once_and_asked_once(
    database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PING_S", 0.01)
    reader = HangingReader(database)
    service = Service(reader, HangingMetrics(database, SettableClock(NOW)))
    assert await asyncio.gather(*(service.ready() for _ in range(3))) == [False, False, False]
    assert await service.database_problem() == "database: no answer"
    assert (await service.oldest_due_s(), reader.pings) == (None, 1)
    reader.released.set()
    await asyncio.sleep(0)
    assert await service.ready()


async def test_a_database_that_commits_is_busy_and_not_down(
    database: MemoryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PING_S", 0.01)
    service = Service(HangingReader(database))
    service.writes.succeeded()
    assert await service.ready()


async def test_a_database_that_answers_and_takes_no_writes_is_down(database: MemoryDatabase) -> None:
    service = Service(MemoryMessageReader(database))
    assert await service.ready()
    service.writes.failed(UnavailableError("database", "the disk is full"))
    assert (await service.ready(), await service.database_problem()) == (False, "database: the disk is full")


def test_each_role_says_what_it_does() -> None:
    assert [(role.accepts, role.dispatches, role.split) for role in (Role.ALL, Role.ACCEPTING, Role.CONSUMING)] == [
        (True, True, False),
        (True, False, True),
        (False, True, True),
    ]
