"""A call that ends and its echo, in two units of work at the same time on MariaDB."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.builders import (
    GUID,
    NOW,
    PROVIDER,
    a_due_message,
    a_receipt,
    a_sighting,
    an_outcome,
    depart,
    settle,
)
from tests.support.mysql import EmptyDatabase, opened_store
from tests.support.polling import until
from tests.support.world import ScriptedReader, a_policy

from wework_message.adapters.memory.health import MemoryHealthBoard
from wework_message.adapters.memory.system import FixedDice, SettableClock
from wework_message.adapters.sql.mysql import MysqlStore
from wework_message.adapters.sql.reader import SqlMessageReader
from wework_message.adapters.sql.unit_of_work import SqlUnitOfWorkFactory
from wework_message.application.commands.project_callbacks import ProjectCallbacks
from wework_message.application.group_commit import Flush
from wework_message.domain.ids import DEFAULT_TENANT, ProviderMessageId
from wework_message.domain.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.persistence import InboxState

NAME = ProviderMessageId("4711")


@pytest.fixture
async def store(migrated: EmptyDatabase) -> AsyncIterator[MysqlStore]:
    async with opened_store(migrated.target) as store:
        yield store


@pytest.fixture
def units(store: MysqlStore) -> SqlUnitOfWorkFactory:
    return SqlUnitOfWorkFactory(store, store.dialect, SettableClock(NOW), store.turn)


async def in_flight(units: SqlUnitOfWorkFactory, echo: CallbackItem) -> Message:
    """A message whose call is open, with its echo already in the inbox."""
    message = a_due_message()
    async with units() as unit:
        await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
        await unit.messages.add([message])
        await unit.commit()
    async with units() as unit:
        depart(message)
        await unit.messages.save([message])
        await unit.inbox.store(PROVIDER, [echo], NOW)
        await unit.commit()
    return message


async def test_an_echo_that_is_parked_while_its_call_is_being_recorded_is_looked_at_again(
    migrated: EmptyDatabase, store: MysqlStore, units: SqlUnitOfWorkFactory
) -> None:
    clock, reader = SettableClock(NOW), ScriptedReader()
    (item,) = reader.read(reader.body(sighting=a_sighting(provider_message_id=NAME)))
    message = await in_flight(units, item)
    projecting = ProjectCallbacks({PROVIDER: reader}, MemoryHealthBoard(clock, FixedDice()), a_policy(), clock)

    async def project() -> bool:
        async with units() as unit:
            flush = Flush(unit)
            assert await projecting(flush, [10]) == [1]
            await unit.commit()
        return flush.inbox

    async def waits_or_is_done() -> bool:
        waiting = "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        return echo.done() or await asyncio.to_thread(migrated.sql, waiting) != "0\n"

    async with units() as recording:
        settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(NAME)))
        await recording.messages.save([message])
        assert await recording.inbox.reopen([(PROVIDER, GUID, NAME)], [], since=NOW) == 0
        echo = asyncio.create_task(project())
        await until(waits_or_is_done, every_s=0.2)  # the table is made anew only for who has not asked for 0.1 s
        await recording.commit()
    assert await echo, "the projector is told to look again"
    (view,) = await SqlMessageReader(store.read).callbacks(GUID, notify_type=None, limit=1, before=None)
    assert view.state == InboxState.PENDING
