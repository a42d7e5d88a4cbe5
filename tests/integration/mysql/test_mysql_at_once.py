"""Messages that are called with their acceptance on MariaDB, and claims: two processes in one lane, and a COMMIT without an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.integration.mysql.test_mysql_lost_answers import Wire
from tests.support.apps.doubles import RecordingObserver
from tests.support.apps.in_memory_app import a_policy
from tests.support.builders.messages import NOW, PROVIDER, a_due_message, begin_call
from tests.support.mysql import EmptyDatabase, opened_store
from tests.support.polling import until

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.local.notifier import LocalNotifier
from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.spool import MemoryAnswerSpool
from wework_message.adapters.memory.system import CountingIds, FixedRandom, SettableClock
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.application.accept.accept import Accepted, Entry, StoreMessages
from wework_message.application.callbacks.projector import LocalInboxNotifier
from wework_message.bootstrap.container import UseCases
from wework_message.bootstrap.gateways import Gateways
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.ports.gateway import Dispatch


class Process:
    """One process whose dispatcher has caught up."""

    def __init__(self, store: MysqlStore) -> None:
        clock = SettableClock(NOW)
        self.gateway = MemoryGateway(clock)
        self.store = store
        self.use_cases = UseCases(
            clock=clock, ids=CountingIds(), random_source=FixedRandom(), storage=sql_storage(store, clock), observer=RecordingObserver(),
            shared=Shared(MemoryHealthBoard(clock, FixedRandom()), MemoryRateLimiter(clock)), notifier=LocalNotifier(),
            inbox_notifier=LocalInboxNotifier(), policy=a_policy(), spool=MemoryAnswerSpool(), gateways=Gateways({PROVIDER: self.gateway}, {}),
        )  # fmt: skip
        self.use_cases.prober.override(self)  # nothing is probed
        self.use_cases.gate().caught_up = True
        self._intake = self.use_cases.intake()
        self._operation = StoreMessages(clock, self.use_cases.begin_at_once())

    def ask_now(self) -> None:
        """As a prober."""

    async def quiet(self) -> None:
        """Until every call is settled."""

        async def settled() -> bool:
            return self.use_cases.dispatcher().in_flight == 0

        await until(settled)

    async def accept(self, message: Message, *, waits: bool = False) -> Accepted:
        entry = Entry((message,), message.id, grouped=False, key=None, waits=waits)
        accepted = await self._intake.submit(self._operation, entry)
        assert isinstance(accepted, Accepted)
        return accepted


@asynccontextmanager
async def a_process(target: MysqlTarget) -> AsyncIterator[Process]:
    async with opened_store(target) as store:
        process = Process(store)
        await process.use_cases.commits().start()
        await process.use_cases.pauses().refresh()
        try:
            yield process
        finally:
            await process.use_cases.dispatcher().stop(5)
            await process.use_cases.commits().close()


async def test_of_two_processes_in_one_lane_the_slower_one_is_refused_and_waits(migrated: EmptyDatabase) -> None:
    async with a_process(migrated.target) as slower, opened_store(migrated.target) as other:
        first, second = a_due_message(), a_due_message()
        begin_call(first)
        async with sql_storage(other, SettableClock(NOW)).units() as faster:
            await faster.messages.add([first])
            await faster.messages.busy_lanes([(first.account_id, "S:1")])  # sends what was put off
            accepting = asyncio.create_task(slower.accept(second))
            await migrated.transaction_waits()
            await faster.commit()
        with pytest.raises(ConflictError):
            await accepting
        await slower.accept(second, waits=True)
        assert migrated.sql("SELECT id, status FROM wm_message ORDER BY status") == (
            f"{second.id}\tQUEUED\n{first.id}\tSENDING\n"
        )
        assert slower.gateway.calls == []


@pytest.mark.parametrize("happened", [True, False])
async def test_a_call_whose_commit_has_no_answer_is_not_made(migrated: EmptyDatabase, *, happened: bool) -> None:
    wire = Wire(migrated.target)
    async with wire.laid() as target, a_process(target) as process:
        await process.accept(a_due_message(conversation_id="S:1"))
        await process.quiet()
        wire.cut_at, wire.answered = b"COMMIT", happened
        lost = a_due_message(conversation_id="S:2")
        with pytest.raises(UnavailableError, match="the answer to COMMIT was lost"):
            await process.accept(lost)
        await process.quiet()
        stored = migrated.sql(
            "SELECT m.status, a.outcome, a.reason FROM wm_message m JOIN wm_attempt a ON message_id = id"
            " WHERE m.conversation_id = 'S:2'"
        )
        assert stored == ("RETRY_WAIT\tNOT_SENT\tCOMMIT_LOST\n" if happened else "")
        assert [call.message_id for call in process.gateway.calls] != [lost.id]
        assert len(process.gateway.calls) == 1


async def stored_of(migrated: EmptyDatabase) -> str:
    query = "SELECT m.status, m.tries, COALESCE(a.reason, '-') FROM wm_message m JOIN wm_attempt a ON message_id = id"
    return await asyncio.to_thread(migrated.sql, query)


async def claim_in_vain(process: Process, wire: Wire, *, answered: bool) -> None:
    """Its COMMIT gets no answer."""
    await process.use_cases.pauses().refresh()
    wire.cut_at, wire.answered = b"COMMIT", answered
    with pytest.raises(UnavailableError, match="the answer to COMMIT was lost"):
        await process.use_cases.dispatcher().dispatch_due()
    assert wire.has_cut()


@pytest.mark.parametrize("late", [False, True], ids=["in-time", "late"])
async def test_a_claim_whose_commit_has_no_answer_is_taken_back(migrated: EmptyDatabase, *, late: bool) -> None:
    """However late the server gets the COMMIT: the look for the claim waits for it."""
    wire = Wire(migrated.target)
    async with wire.laid() as target, a_process(target) as process:
        process.use_cases.gate().caught_up = False
        await process.accept(a_due_message(conversation_id="S:1"))
        wire.delivered = asyncio.Event() if late else None
        await claim_in_vain(process, wire, answered=True)
        if wire.delivered is not None:
            await migrated.transaction_waits()
            wire.delivered.set()
        await process.quiet()
        assert await stored_of(migrated) == "RETRY_WAIT\t0\tCOMMIT_LOST\n"
        assert process.gateway.calls == []


async def test_no_answer_waits_for_the_look_for_a_lost_claim(migrated: EmptyDatabase) -> None:
    """The server keeps the transaction whose COMMIT it did not get, and its locks, for as long as it does not miss the process."""
    wire = Wire(migrated.target)
    async with wire.laid() as target, a_process(target) as process:
        # Opens the account, and is between the two in the index of lanes, where neighbours are locked, too.
        await process.accept(a_due_message(conversation_id="S:2"))
        await process.quiet()
        process.use_cases.gate().caught_up = False
        await process.accept(a_due_message(conversation_id="S:3"))
        wire.delivered = asyncio.Event()
        await claim_in_vain(process, wire, answered=True)
        await migrated.transaction_waits()
        await process.accept(a_due_message(conversation_id="S:1"))
        await process.use_cases.dispatcher().dispatch_due()

        async def settled() -> bool:
            return await stored_of(migrated) == "SENT\t1\t-\n" * 2

        await until(settled)
        assert process.use_cases.dispatcher().in_flight == 1
        wire.delivered.set()
        await process.quiet()
        assert set((await stored_of(migrated)).splitlines()) == {"RETRY_WAIT\t0\tCOMMIT_LOST", "SENT\t1\t-"}


async def test_a_lost_claim_that_another_process_has_made_since_is_left_to_it(migrated: EmptyDatabase) -> None:
    wire = Wire(migrated.target)
    async with wire.laid() as target, a_process(target) as process, a_process(migrated.target) as other:
        process.use_cases.gate().caught_up = False
        await process.accept(a_due_message(conversation_id="S:1"))
        wire.delivered = asyncio.Event()
        wire.reachable = False
        await claim_in_vain(process, wire, answered=False)
        answer: asyncio.Future[AttemptOutcome] = asyncio.get_running_loop().create_future()

        async def wait(_: Dispatch) -> AttemptOutcome:
            return await answer

        other.gateway.script(wait)
        wire.delivered.set()  # that it is cut: the server rolls back

        async def claimed() -> bool:
            return await other.use_cases.dispatcher().dispatch_due() > 0

        await until(claimed)
        wire.reachable = True
        await process.quiet()
        assert await stored_of(migrated) == "SENDING\t1\t-\n"
        answer.set_result(other.gateway.accepted())
        await other.quiet()
        assert await stored_of(migrated) == "SENT\t1\t-\n"
        assert (len(process.gateway.calls), len(other.gateway.calls)) == (0, 1)
