"""Mass sends beside what happens at the same moment: a trial, a pause, a stop, a defect, a lost COMMIT, another call."""

import asyncio
import dataclasses

import pytest
from tests.contracts.health_board_contract import a_report
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.messages import BACKUP, GUID, NOW, PROVIDER, an_outcome
from tests.unit.application.test_claims_taken_back import lose_next_answer
from tests.unit.application.test_dispatch import register_at_two_providers
from tests.unit.application.test_mass_sends import (
    LOST,
    ONE_PROVIDER,
    QUEUED,
    REFUSED,
    RETRY_WAIT,
    SENDING,
    SENT,
    UNKNOWN,
    UNSENT,
    accept,
    an_echo,
    check,
    messages,
    people,
    rooms,
    sizes,
    statuses,
)

from wework_message.application.actions.change import RetryMessage
from wework_message.application.control.change_pauses import PausePlace, ResumePlace
from wework_message.application.control.pause_board import PauseBoard
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.application.dispatch.record_answers import RecordAnswers
from wework_message.application.dispatch.routing import Router
from wework_message.application.dispatch.settle import SettleCalls
from wework_message.application.mass.check import RECHECK_MS
from wework_message.domain.control import PauseScope
from wework_message.domain.errors import TryAgainError
from wework_message.domain.ids import DEFAULT_TENANT, BindingId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.fitting import SKEW_MS
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.mass_gateway import MassCall, MassOutcome, MassResult

DELIVERED, FAILED = MessageStatus.DELIVERED, MessageStatus.FAILED


async def test_its_call_is_the_only_trial_of_a_provider_that_was_away() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        answer: asyncio.Future[MassOutcome] = asyncio.get_running_loop().create_future()

        async def slow(_: MassCall) -> MassOutcome:
            return await answer

        for _ in range(5):
            app.board.report(
                a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT, binding_id=BindingId(f"bind:{PROVIDER}:{GUID}"))
            )
        app.clock.advance(60_000)
        await app.pauses.refresh()
        app.board.probed(PROVIDER, True, app.clock.now())
        app.mass_gateway.script(slow)
        await accept(app, people(1))
        await app.mass_sender.round()
        text = await app.accept_text(to="S:9")
        await app.dispatch()
        assert (await app.message(text)).attempts == []
        answer.set_result(MassOutcome(an_outcome(OutcomeClass.ACCEPTED)))
        await app.mass_sender.settled()
        assert len(app.mass_gateway.calls) == 1


async def test_the_route_is_that_of_the_recipient_which_was_tried_most_in_its_round() -> None:
    """Else one that was retried by hand would send the others to the provider that has just failed them."""
    few = {code: dataclasses.replace(provider, retry_count=1) for code, provider in a_policy().providers.items()}
    async with InMemoryApp(providers=few) as app:
        account_id = register_at_two_providers(app)
        first, second = people(2)
        app.mass_gateway.blocked = {first}
        app.mass_gateway.script(UNSENT)
        batch = await accept(app, [first, second], guid=None, account_id=account_id)
        await app.send_mass()
        assert await statuses(app, batch) == {(FAILED, "REFUSED_PERMANENT"): 1, (RETRY_WAIT, "CONNECT"): 1}
        left_out = next(message for message in await messages(app, batch) if message.status is FAILED)
        app.clock.advance(60_000)
        await app.pauses.refresh()
        await app.retrying(RetryMessage(DEFAULT_TENANT, left_out.id))
        await app.send_mass()
        assert [call.recipients for call in app.mass_gateway.calls] == [(second,)]
        assert [sorted(call.recipients) for call in app.mass_gateways[BACKUP].calls] == [[first, second]]


async def test_while_everything_is_paused_no_chunk_is_claimed_and_afterwards_it_is_called_at_once() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        batch = await accept(app, people(2))
        await app.application.pause(PausePlace(DEFAULT_TENANT, PauseScope.SERVICE, ""))
        assert not await app.mass_sender.round()
        assert await statuses(app, batch) == {(QUEUED, None): 2}
        await app.application.resume(ResumePlace(DEFAULT_TENANT, PauseScope.SERVICE, ""))
        await app.send_mass()
        assert await statuses(app, batch) == {(SENT, None): 2}


async def test_a_stop_while_the_pauses_are_read_lets_no_call_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        batch = await accept(app, people(2))
        refresh = PauseBoard.refresh

        async def stopped_meanwhile(board: PauseBoard) -> None:
            await refresh(board)
            await app.mass_sender.stop(0)

        monkeypatch.setattr(PauseBoard, "refresh", stopped_meanwhile)
        assert not await app.mass_sender.round()
        assert await statuses(app, batch) == {(QUEUED, None): 2}
        assert app.mass_gateway.calls == []


async def test_a_call_that_sent_nothing_is_not_asked_about_in_the_place_of_one_that_did() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        first, second = people(2)
        app.mass_gateway.script(
            MassOutcome(an_outcome(OutcomeClass.ACCEPTED), "task-1", {first: -3021}),
            MassOutcome(REFUSED.outcome, "task-2"),
        )
        batch = await accept(app, [first, second])
        await app.send_mass()
        left_out = next(message for message in await messages(app, batch) if message.conversation_id == first)
        await app.retrying(RetryMessage(DEFAULT_TENANT, left_out.id))
        await app.send_mass()
        assert sizes(app) == [(2, False), (1, False)]
        assert [row.task and row.task.task_id for row in app.database.mass_chunks.committed_rows()] == ["task-1"]


async def test_handling_that_raises_counts_only_on_those_that_still_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        await accept(app, people(1))
        await app.send_mass()

        def defect(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(Router, "admit", defect)  # after those that had one today are decided on
        batch = await accept(app, people(2))
        for _ in range(3):
            await app.send_mass()
            app.clock.advance(1_000)
        assert await statuses(app, batch) == {(FAILED, "ONCE_A_DAY"): 1, (FAILED, "POISON"): 1}


@pytest.mark.parametrize("stored", [True, False])
async def test_a_claim_whose_commit_has_no_answer_calls_nobody_and_is_taken_back(stored: bool) -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        batch = await accept(app, people(3))
        lose_next_answer(app, stored=stored, error=RuntimeError("the answer to COMMIT was lost"))
        with pytest.raises(RuntimeError):
            await app.mass_sender.round()
        await app.mass_sender.settled()
        assert app.mass_gateway.calls == []
        expected = (RETRY_WAIT, "COMMIT_LOST") if stored else (QUEUED, None)
        assert await statuses(app, batch) == {expected: 3}
        app.clock.advance(60_000)
        await app.pauses.refresh()
        await app.send_mass()
        assert sizes(app) == [(3, False)]


async def test_a_claim_that_is_certainly_not_stored_is_decided_on_anew_and_nothing_is_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        taken_back: list[StartedCall] = []

        async def unmade(_: RecordAnswers, call: StartedCall) -> None:
            taken_back.append(call)

        monkeypatch.setattr(RecordAnswers, "unmade", unmade)
        batch = await accept(app, people(2))
        lose_next_answer(app, stored=False, error=TryAgainError("database", "a deadlock"))
        await app.send_mass()
        assert await statuses(app, batch) == {(SENT, None): 2}
        assert (sizes(app), taken_back) == ([(2, False)], [])


async def test_nothing_is_said_of_a_call_whose_answer_could_not_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is uncertain at the end of its lease, and only then can evidence settle it."""

    async def defect(*_: object) -> None:
        raise ZeroDivisionError

    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        [recipient] = people(1)
        app.mass_gateway.script(MassOutcome(LOST.outcome, "task-1"))
        batch = await accept(app, [recipient])
        with monkeypatch.context() as broken:
            broken.setattr(SettleCalls, "__call__", defect)
            await app.send_mass()
        assert await statuses(app, batch) == {(SENDING, None): 1}
        app.mass_gateway.results["task-1"] = {recipient: MassResult(sent=False)}
        await check(app)
        assert await statuses(app, batch) == {(SENDING, None): 1}
        await app.pass_time(app.policy.lease_ms(PROVIDER))
        assert await statuses(app, batch) == {(UNKNOWN, "LEASE_EXPIRED"): 1}
        await check(app, RECHECK_MS)
        assert await statuses(app, batch) == {(FAILED, "REFUSED_PERMANENT"): 1}


async def test_of_two_echoes_that_come_together_each_shows_another_mass_send() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        [room] = rooms(1)
        first = await accept(app, [room])
        await app.send_mass()
        app.clock.advance(SKEW_MS + 1_000)
        second = await accept(app, [room])
        await app.send_mass()
        for number, sent_at in ((1, NOW), (2, app.clock.now())):
            record = dataclasses.replace(an_echo(room, number), sent_at=sent_at)
            await app.ingesting(app.callbacks.body(stream_record=record))
        await app.projector.project_pending()
        assert [await statuses(app, batch) for batch in (first, second)] == [{(DELIVERED, None): 1}] * 2
