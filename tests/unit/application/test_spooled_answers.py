"""The database is away when an answer comes, and the process is killed: the next one records what was answered."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import LEASE_MS, a_receipt, an_outcome
from tests.support.polling import until
from tests.unit.application.test_lost_and_late import begun

from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.adapters.memory.spool import MemoryAnswerSpool
from wework_message.application.dispatch import record_answers, spooled
from wework_message.application.dispatch.settle import SettleCalls
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason

ACCEPTED = an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711"))
REFUSED = an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE, error_code=-5)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_answers, "RECORD_RETRY_S", 0.0)


async def answered_while_away(app: InMemoryApp, outcome: AttemptOutcome) -> MessageId:
    """The answer comes while the store is away, and the process ends before it is back."""
    message_id, call = await begun(app)
    app._connection.cut()
    call.answer.set_result(outcome)
    for _ in range(20):
        await asyncio.sleep(0)
    await app.restart()
    return message_id


async def record_spooled(app: InMemoryApp) -> None:
    await app.use_cases.record_spooled().round()


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("outcome", "status"),
    [(ACCEPTED, MessageStatus.SENT), (REFUSED, MessageStatus.FAILED)],
    ids=["accepted", "refused"],
)
async def test_what_was_answered_is_recorded_by_the_next_process(
    outcome: AttemptOutcome, status: MessageStatus, *, late: bool
) -> None:
    async with InMemoryApp() as app:
        message_id = await answered_while_away(app, outcome)
        if late:
            app.clock.advance(LEASE_MS)
            await app.dispatcher.dispatch_due()
            assert (await app.message(message_id)).status is MessageStatus.UNKNOWN
        await record_spooled(app)
        message = await app.message(message_id)
        assert (message.status, len(message.attempts), app.spool.waiting) == (status, 1, 0)
        assert len(app.gateway.calls) == 1


async def test_a_second_replay_changes_nothing() -> None:
    async with InMemoryApp() as app:
        message_id = await answered_while_away(app, ACCEPTED)
        left = list(app.spool_folder.left)
        assert len(left) == 1
        await record_spooled(app)
        once = await app.message(message_id)
        app.spool_folder.left = left
        await record_spooled(app)
        again = await app.message(message_id)
        assert (again.version, again.status, app.spool.waiting) == (once.version, once.status, 0)


async def test_an_answer_to_a_call_that_is_not_stored_is_dropped() -> None:
    async with InMemoryApp() as app:
        message_id = await answered_while_away(app, ACCEPTED)
        (answer,) = app.spool_folder.left
        app.spool_folder.left = [
            dataclasses.replace(answer, started_at=answer.started_at + 1),
            dataclasses.replace(answer, message_id=MessageId("gone")),
        ]
        await record_spooled(app)
        assert (await app.message(message_id)).status is MessageStatus.SENDING
        assert app.spool.waiting == 0


async def test_while_the_store_answers_nothing_is_spooled() -> None:
    async with InMemoryApp() as app:
        await app.accept_text()
        await app.dispatch()
        assert (app.observer.spooled_answers, app.observer.unspooled_answers) == ([], [])


@pytest.mark.parametrize("room", [0, 1])
async def test_a_store_that_comes_back_empties_the_spool_and_a_full_one_keeps_it_in_memory(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with InMemoryApp() as app:
        app.spool_folder.room = room
        message_id, call = await begun(app)
        save, tries = MemoryMessageRepository.save, []

        async def fail_often(self: MemoryMessageRepository, messages: object) -> object:
            tries.append(1)
            if len(tries) < 12:
                raise UnavailableError("database")
            return await save(self, messages)  # type: ignore[arg-type]  # passed on as it came

        monkeypatch.setattr(MemoryMessageRepository, "save", fail_often)
        call.answer.set_result(ACCEPTED)
        await app.quiet()
        assert (await app.message(message_id)).status is MessageStatus.SENT
        assert (max(app.observer.spooled_answers), max(app.observer.unspooled_answers)) == (room, 1 - room)
        assert (app.spool.waiting, app.observer.unspooled_answers[-1]) == (0, 0)


async def test_what_the_store_does_not_take_waits_for_the_next_round() -> None:
    async with InMemoryApp() as app:
        message_id = await answered_while_away(app, ACCEPTED)
        app._connection.cut()
        await record_spooled(app)
        assert app.spool.waiting == 1
        await app.restart()
        await record_spooled(app)
        assert (await app.message(message_id)).status is MessageStatus.SENT


async def test_an_answer_on_which_our_rules_raise_does_not_come_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:
        await answered_while_away(app, ACCEPTED)

        async def raises(*_: object) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(SettleCalls, "__call__", raises)
        await record_spooled(app)
        assert app.spool.waiting == 0
        assert "a spooled answer could not be settled" in caplog.text


async def test_two_answers_to_one_message_are_recorded_one_after_the_other() -> None:
    async with InMemoryApp() as app:
        message_id = await answered_while_away(app, ACCEPTED)
        app.spool_folder.left += [dataclasses.replace(app.spool_folder.left[0], attempt=2)]
        await record_spooled(app)
        assert ((await app.message(message_id)).status, app.spool.waiting) == (MessageStatus.SENT, 0)


async def test_the_loop_records_what_a_process_leaves_that_ends_later_and_survives_a_defect(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spooled, "POLL_S", 0.0)
    async with InMemoryApp() as app:
        message_id = await answered_while_away(app, ACCEPTED)
        take_over, failed = MemoryAnswerSpool.take_over, asyncio.Event()

        async def fails_once(self: MemoryAnswerSpool) -> object:
            if not failed.is_set():
                failed.set()
                raise RuntimeError("a defect")
            return await take_over(self)

        monkeypatch.setattr(MemoryAnswerSpool, "take_over", fails_once)
        loop = app.use_cases.record_spooled()
        task = asyncio.create_task(loop.run())

        async def recorded() -> bool:
            return (await app.message(message_id)).status is MessageStatus.SENT

        await until(recorded)
        await loop.stop()
        await task
        assert "spooled answers could not be recorded" in caplog.text


async def test_an_answer_on_which_our_rules_raise_at_a_second_try_leaves_the_spool(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with InMemoryApp() as app:
        message_id, call = await begun(app)
        settle, tries = SettleCalls.__call__, []

        async def raises(self: SettleCalls, scope: object, items: object) -> object:
            tries.append(1)
            if len(tries) == 1:
                raise UnavailableError("database")
            if len(tries) == 2:
                raise RuntimeError("a defect")
            return await settle(self, scope, items)  # type: ignore[arg-type]  # passed on as they came

        monkeypatch.setattr(SettleCalls, "__call__", raises)
        call.answer.set_result(ACCEPTED)
        await app.quiet()
        assert app.spool.waiting == 0
        assert (await app.message(message_id)).status is MessageStatus.UNKNOWN


def hang(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The disk of the spool does nothing until this event, and then everything in its order."""
    monkeypatch.setattr(record_answers, "DISK_S", 0.0)
    monkeypatch.setattr(spooled, "DISK_S", 0.0)
    back = asyncio.Event()
    for name in ("keep", "forget", "take_over"):
        work = getattr(MemoryAnswerSpool, name)

        async def wait(*arguments: object, work: Callable[..., Awaitable[object]] = work) -> object:
            await back.wait()
            return await work(*arguments)

        monkeypatch.setattr(MemoryAnswerSpool, name, wait)
    return back


async def test_a_disk_that_hangs_does_not_hold_an_answer_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        message_id, call = await begun(app)
        back = hang(monkeypatch)
        app.database.failing_commits = 6
        call.answer.set_result(ACCEPTED)
        await app.quiet()
        assert (await app.message(message_id)).status is MessageStatus.SENT
        assert (max(app.observer.unspooled_answers), app.observer.unspooled_answers[-1]) == (1, 0)
        back.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert app.spool.waiting == 0


async def test_a_disk_that_hangs_does_not_keep_a_process_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        message_id = await answered_while_away(app, ACCEPTED)
        back = hang(monkeypatch)
        for _ in range(2):
            await record_spooled(app)
        assert (await app.message(message_id)).status is MessageStatus.SENDING
        back.set()
        for _ in range(10):
            await asyncio.sleep(0)
        await record_spooled(app)
        assert (await app.message(message_id)).status is MessageStatus.SENT
