"""An echo that is stored or projected while another process records the answer it waits for: they match, whichever commits first.

The first parks the record and then looks for what was written; the second writes and then looks for parked records.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.support.builders.messages import (
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_due_message,
    a_receipt,
    a_stream_record,
    an_item,
    an_outcome,
    begin_call,
    settle,
)
from tests.support.mysql import EmptyDatabase, opened_store

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.application.callbacks.early_echoes import reopen
from wework_message.application.callbacks.foreign import ForeignAtOnce
from wework_message.application.callbacks.ingest import Arrival, StoreCallbacks
from wework_message.application.callbacks.notices import InstanceNotices
from wework_message.application.callbacks.project import ProjectCallbacks
from wework_message.application.commit.scope import CommitScope
from wework_message.application.policy import Policy
from wework_message.domain.ids import DEFAULT_TENANT, ProviderMessageId
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.echo_keys import echo_key
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import MAX_CALLBACK_RECORDS, CallbackItem
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.retry import RetryPolicy

PROVIDER_MESSAGE_ID = ProviderMessageId("4711")
OUTCOMES = {
    "by id": an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(PROVIDER_MESSAGE_ID)),
    "by content": an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE),
}


class OneEcho:
    """Reads every callback as the echo of the one message."""

    def read(self, body: bytes, *, max_records: int = MAX_CALLBACK_RECORDS) -> tuple[CallbackItem, ...]:
        return (self.reread(11010, body.decode()),)

    def reread(self, notify_type: int, raw: str) -> CallbackItem:
        return an_item(stream_record=a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID))


@pytest.fixture
async def store(migrated: EmptyDatabase) -> AsyncIterator[MysqlStore]:
    async with opened_store(migrated.target) as store:
        yield store


@pytest.fixture
def units(store: MysqlStore) -> SqlUnitOfWorkFactory:
    return SqlUnitOfWorkFactory(store, store.dialect, SettableClock(NOW), store.turn)


@pytest.fixture(params=["projected", "stored"])
def project(request: pytest.FixtureRequest) -> Callable[[UnitOfWork], Awaitable[object]]:
    """Parks the echo, which has been stored already or is stored by the same transaction."""
    clock, policy = SettableClock(NOW), Policy({}, RetryPolicy(), horizon_ms=HORIZON_MS)
    if request.param == "stored":
        storing = StoreCallbacks(clock, policy.inbox, policy.max_foreign_ids, None, ForeignAtOnce(policy))
        arrival = Arrival(PROVIDER, (OneEcho().reread(11010, ""),))
        return lambda unit: storing(CommitScope(unit), [arrival])
    operation = ProjectCallbacks(
        {PROVIDER: OneEcho()},
        InstanceNotices(MemoryHealthBoard(clock, FixedRandom(0.5)), clock, lambda: None),
        policy,
        clock,
    )
    return lambda unit: operation(CommitScope(unit), [10])


@pytest.fixture
async def sending(units: SqlUnitOfWorkFactory) -> Message:
    """A message whose call is open, and its echo in the inbox.

    An answer that looks for parked records also locks the other entry, which is the end of its range.
    """
    message = a_due_message()
    async with units() as unit:
        await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
        await unit.messages.add([message])
        await unit.inbox.store(PROVIDER, [an_item()], NOW - 1)
        await unit.inbox.store(PROVIDER, [an_item()], NOW)
        await unit.commit()
    async with units() as unit:
        known = (await unit.messages.get([message.id]))[message.id]
        begin_call(known, content_key=echo_key(known.content))
        await unit.messages.save([known])
        await unit.commit()
    known.written()
    return known


async def _answer(unit: UnitOfWork, message: Message, outcome: AttemptOutcome) -> None:
    """Do what `SettleCalls` does: write, then look for parked records."""
    settle(message, outcome)
    scope = CommitScope(unit)
    await scope.save([message])
    named = [(PROVIDER, GUID, PROVIDER_MESSAGE_ID)] if outcome.receipt is not None else []
    await reopen(scope, named=named, ended=[message.attempts.numbered(1)] if outcome.unproven else [])


async def _is_pending(store: MysqlStore) -> bool:
    views = await SqlMessageReader(store.read, store.search).callbacks(
        None, GUID, notify_type=None, limit=10, before=None
    )
    return {view.state for view in views} == {"PENDING"}


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
async def test_an_echo_that_is_parked_before_the_answer_is_committed_finds_it_all_the_same(
    outcome: AttemptOutcome,
    sending: Message,
    units: SqlUnitOfWorkFactory,
    store: MysqlStore,
    migrated: EmptyDatabase,
    project: Callable[[UnitOfWork], Awaitable[object]],
) -> None:
    async def projected() -> None:
        async with units() as unit:
            await project(unit)
            await unit.commit()

    async with units() as answering:
        await _answer(answering, sending, outcome)
        projecting = asyncio.create_task(projected())
        await migrated.transaction_waits()
        await answering.commit()
    await projecting
    assert await _is_pending(store)


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
async def test_an_answer_that_comes_while_its_echo_is_being_parked_waits_for_it_and_reopens_it(
    outcome: AttemptOutcome,
    sending: Message,
    units: SqlUnitOfWorkFactory,
    store: MysqlStore,
    migrated: EmptyDatabase,
    project: Callable[[UnitOfWork], Awaitable[object]],
) -> None:
    async def answered() -> None:
        async with units() as unit:
            await _answer(unit, sending, outcome)
            await unit.commit()

    async with units() as projecting:
        await project(projecting)
        answering = asyncio.create_task(answered())
        await migrated.transaction_waits()
        await projecting.commit()
    await answering
    assert await _is_pending(store)


async def test_a_message_that_another_unit_of_work_is_changing_is_not_waited_for(
    sending: Message, units: SqlUnitOfWorkFactory
) -> None:
    async with units() as answering:
        await _answer(answering, sending, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(PROVIDER_MESSAGE_ID)))
        await answering.commit()
    key = (PROVIDER, GUID, PROVIDER_MESSAGE_ID)
    async with units() as answering, units() as storing:
        assert set(await answering.messages.get([sending.id])) == {sending.id}
        assert await storing.echoes.sent([key]) == {}
    async with units() as storing:
        assert set(await storing.echoes.sent([key])) == {key}
