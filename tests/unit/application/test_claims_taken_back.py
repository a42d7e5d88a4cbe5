"""A claim without an answer to its COMMIT: its process makes no call, and proves that, however long the database is away."""

import asyncio
from collections.abc import Callable

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, LEASE_MS, a_receipt, an_outcome

from wework_message.application.actions.change import RecallMessage
from wework_message.application.dispatch import record_answers
from wework_message.application.dispatch.settle import SettleCalls
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass, Reason

LOST = UnavailableError("database", "the answer to COMMIT was lost")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_answers, "RECORD_RETRY_S", 0.0)


def beside(app: InMemoryApp) -> InMemoryApp:
    """Another process on the same database, with the same providers."""
    other = InMemoryApp(policy=app.policy)
    other.clock, other.database, other.units, other.reader = app.clock, app.database, app.units, app.reader
    other.gateways, other.gateway = app.gateways, app.gateway
    other._open(app.policy)
    return other


def lose_next_answer(
    app: InMemoryApp,
    *,
    stored: bool = True,
    then: Callable[[], None] = lambda: None,
    error: Exception = LOST,
) -> None:
    """The next COMMIT is not answered, and `then` happens at once."""
    commit = app.database.commit

    def lose() -> None:
        app.database.commit = commit  # type: ignore[method-assign]  # as it was
        if stored:
            commit()
        then()
        raise error

    app.database.commit = lose  # type: ignore[method-assign]  # for one commit


async def claim_in_vain(app: InMemoryApp) -> None:
    with pytest.raises((UnavailableError, RuntimeError)):
        await app.dispatcher.dispatch_due()


async def away(app: InMemoryApp, *, stored: bool = True) -> MessageId:
    """A message whose claim was lost by a process that has no database since, and knows that."""
    message_id = await app.accept_text()
    lose_next_answer(app, stored=stored, then=app._connection.cut)
    await claim_in_vain(app)
    for _ in range(20):
        await asyncio.sleep(0)
    return message_id


async def statuses(app: InMemoryApp, *message_ids: MessageId) -> list[MessageStatus]:
    return [(await app.message(message_id)).status for message_id in message_ids]


@pytest.mark.parametrize("error", [LOST, RuntimeError("nobody knows this error")])
async def test_every_message_of_a_lost_claim_is_due_again_and_sent_once(error: Exception) -> None:
    async with InMemoryApp() as app:
        sent = [await app.accept_text(to=f"S:{number}", retry_count=1) for number in range(3)]
        lose_next_answer(app, error=error)
        await claim_in_vain(app)
        assert await statuses(app, *sent) == [MessageStatus.SENDING] * 3
        await app.quiet()
        for message_id in sent:
            message = await app.message(message_id)
            assert (message.status, message.reason, message.tries) == (MessageStatus.RETRY_WAIT, Reason.COMMIT_LOST, 0)
        assert app.gateway.calls == []
        await app.pass_time(1)
        assert await statuses(app, *sent) == [MessageStatus.SENT] * 3
        assert len(app.gateway.calls) == 3


async def test_it_costs_no_try_of_its_provider() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        for _ in range(5):
            lose_next_answer(app)
            await claim_in_vain(app)
            await app.quiet()
            app.clock.advance(1)
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.tries, len(message.attempts)) == (MessageStatus.SENT, 1, 6)
        assert {attempt.provider_code for attempt in message.attempts} == {message.attempts[0].provider_code}


async def test_a_claim_that_was_not_stored_is_not_the_one_that_another_process_made_at_that_instant() -> None:
    async with InMemoryApp() as app:
        message_id = await away(app, stored=False)
        async with beside(app) as other:
            answer = other.hold_next_send()
            await other.dispatcher.dispatch_due()
            app._connection.restore()
            await app.quiet()
            assert await statuses(app, message_id) == [MessageStatus.SENDING]
            answer.set_result(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("4711")))
            await other.quiet()
            assert await statuses(app, message_id) == [MessageStatus.SENT]
            assert len(app.gateway.calls) == 1


async def test_it_is_proven_after_the_end_of_its_lease_too() -> None:
    async with InMemoryApp() as app, beside(app) as other:
        message_id = await away(app)
        await other.pass_time(LEASE_MS)
        assert await statuses(app, message_id) == [MessageStatus.UNKNOWN]
        app._connection.restore()
        await app.quiet()
        assert await statuses(app, message_id) == [MessageStatus.RETRY_WAIT]
        await other.pass_time(1)
        assert await statuses(app, message_id) == [MessageStatus.SENT]
        assert len(app.gateway.calls) == 1


@pytest.mark.parametrize(("room", "status"), [(1, MessageStatus.RETRY_WAIT), (0, MessageStatus.UNKNOWN)])
async def test_a_process_that_is_killed_leaves_the_proof_in_its_spool_or_nobody_has_it(
    room: int, status: MessageStatus
) -> None:
    async with InMemoryApp() as app:
        app.spool_folder.room = room
        message_id = await away(app)
        assert app.spool.waiting == room
        await app.restart()
        await app.pass_time(LEASE_MS)
        await app.use_cases.record_spooled().round()
        assert await statuses(app, message_id) == [status]
        assert app.gateway.calls == []


async def test_a_recall_is_not_taken_back() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        await app.dispatch()
        await app.recalling(RecallMessage(DEFAULT_TENANT, GUID, message_id))
        lose_next_answer(app)
        await claim_in_vain(app)
        assert app.dispatcher.in_flight == 0
        message = await app.message(message_id)
        assert (message.status, message.attempts[0].was_not_made) == (MessageStatus.RECALLING, False)


async def test_a_defect_in_taking_back_is_logged_and_the_lease_ends(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def raises(*_: object) -> None:
        raise RuntimeError("a defect")

    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        lose_next_answer(app)
        await claim_in_vain(app)
        with monkeypatch.context() as broken:
            broken.setattr(SettleCalls, "__call__", raises)
            await app.quiet()
        assert "claim is not taken back" in caplog.text
        await app.pass_time(LEASE_MS)
        assert await statuses(app, message_id) == [MessageStatus.UNKNOWN]
