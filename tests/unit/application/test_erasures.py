"""Erasures of what is held of a person: in small steps, resumed after a kill, and patient with what does not rest."""

import asyncio
import logging

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import GUID, a_stream_record, an_outcome

from wework_message.adapters.memory.erasures import MemoryErasures
from wework_message.application.actions.change import RecallMessage
from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.erasures import runner
from wework_message.application.erasures.runner import IDLE_S, LEASE_MS, LEASE_NAME, PAUSE_S, ErasureRunner
from wework_message.application.erasures.start import StartErasure
from wework_message.domain.conversation import ERASED_CONVERSATION
from wework_message.domain.erasure import RECHECK_MS, ErasedRows, Erasure, ErasureState, ErasureStep, Part, Subject
from wework_message.domain.errors import ContentErasedError
from wework_message.domain.ids import DEFAULT_TENANT, ErasureId, MessageId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass

PERSON = "S:7881300000000001"


async def started(app: InMemoryApp, conversation: str = PERSON, *, dry_run: bool = False) -> ErasureId:
    app.clock.advance(1)
    command = StartErasure(DEFAULT_TENANT, Subject(conversation), dry_run, "ticket 4711")
    return (await app.application.start_erasure(command)).id


async def stored(app: InMemoryApp, erasure_id: ErasureId) -> Erasure:
    erasure = await app.application.erasures.erasure(DEFAULT_TENANT, erasure_id)
    assert erasure is not None
    return erasure


async def through(app: InMemoryApp) -> None:
    """Until no step is due any more."""
    while await app.erasure_runner.round() == PAUSE_S:
        pass


async def sent(app: InMemoryApp, to: str = PERSON) -> MessageId:
    message_id = await app.accept_text(to=to)
    await app.dispatch()
    assert (await app.message(message_id)).status is MessageStatus.SENT
    return message_id


def another(app: InMemoryApp, *, messages: int = 20, holder: str = "there") -> ErasureRunner:
    lease = ClusterLease(LEASE_NAME, holder, LEASE_MS, app.units)
    return ErasureRunner(app.application.erasures, app.units, lease, app.clock, messages)


async def test_what_is_held_of_a_person_is_erased_and_the_erasure_forgets_them_too() -> None:
    async with InMemoryApp() as app:
        own, other = await sent(app), await sent(app, "S:7881300000000002")
        erasure_id = await started(app)
        await through(app)
        erasure = await stored(app, erasure_id)
        assert (erasure.state, erasure.erased[Part.MESSAGES], erasure.left) == (ErasureState.DONE, 1, 0)
        assert (erasure.subject, erasure.note) == (None, "ticket 4711")
        erased, kept = await app.message(own), await app.message(other)
        assert (erased.conversation_id, erased.content) == (ERASED_CONVERSATION, None)
        assert kept.conversation_id == "S:7881300000000002"
        with pytest.raises(ContentErasedError):
            await app.recalling(RecallMessage(DEFAULT_TENANT, GUID, own))
        assert await app.erasure_runner.round() == IDLE_S


async def test_a_repeated_request_of_an_erased_message_sends_nothing() -> None:
    async with InMemoryApp() as app:
        first = await app.accept_text(to=PERSON, key="order-1")
        await app.dispatch()
        await started(app)
        await through(app)
        assert await app.accept_text("something else", to=PERSON, key="order-1") == first
        await app.dispatch()
        assert len(app.gateway.calls) == 1


async def test_after_a_kill_it_goes_on_behind_the_last_step() -> None:
    async with InMemoryApp() as app:
        message_ids = [await sent(app) for _ in range(5)]
        erasure_id = await started(app)
        await another(app, messages=2).round()
        assert (await stored(app, erasure_id)).erased[Part.MESSAGES] == 2
        await app.restart()
        app.clock.advance(LEASE_MS)
        await through(app)
        erasure = await stored(app, erasure_id)
        assert (erasure.state, erasure.erased[Part.MESSAGES]) == (ErasureState.DONE, 5)
        assert [(await app.message(message_id)).is_erased for message_id in message_ids] == [True] * 5


async def test_it_waits_for_what_does_not_rest_and_erases_the_rest_at_once() -> None:
    async with InMemoryApp() as app:
        resting = await sent(app)
        app.gateway.script(an_outcome(OutcomeClass.UNCERTAIN))
        unknown = await app.accept_text(to=PERSON)
        await app.dispatch()
        erasure_id = await started(app)
        await through(app)
        erasure = await stored(app, erasure_id)
        assert (erasure.state, erasure.left) == (ErasureState.WAITING, 1)
        assert (await app.message(resting)).is_erased
        assert not (await app.message(unknown)).is_erased
        app.clock.advance(RECHECK_MS)
        await through(app)
        assert (await stored(app, erasure_id)).state is ErasureState.WAITING
        async with app.units() as unit:
            (message,) = (await unit.messages.get([unknown])).values()
            message.give_up_unknown(now=app.clock.now())
            await unit.messages.save([message])
            await unit.commit()
        app.clock.advance(RECHECK_MS)
        await through(app)
        erasure = await stored(app, erasure_id)
        assert (erasure.state, erasure.left, erasure.erased[Part.MESSAGES]) == (ErasureState.DONE, 0, 2)
        assert (await app.message(unknown)).is_erased


async def test_an_echo_that_came_before_the_end_of_its_call_is_not_erased_before_it_is_applied() -> None:
    """Else the message would stay UNKNOWN, and with `onUnknown: RESEND` it would be sent twice."""
    async with InMemoryApp() as app:
        answer = app.hold_next_send()
        message_id = await app.accept_text(to=PERSON)
        await app.dispatcher.dispatch_due()
        await app.receive_callback(stream_record=a_stream_record(conversations=(PERSON,)))
        assert await app.inbox() == [InboxState.PARKED]
        erasure_id = await started(app)
        await through(app)
        erasure = await stored(app, erasure_id)
        assert (erasure.state, erasure.left, erasure.erased[Part.CALLBACKS]) == (ErasureState.WAITING, 2, 0)
        answer.set_result(an_outcome(OutcomeClass.UNCERTAIN))
        await app.quiet()
        await app.projector.project_pending()
        assert (await app.message(message_id)).status is MessageStatus.DELIVERED
        app.clock.advance(RECHECK_MS)
        await through(app)
        assert (await stored(app, erasure_id)).done
        assert await app.inbox() == []


async def test_a_dry_run_counts_and_erases_nothing() -> None:
    async with InMemoryApp() as app:
        message_id = await sent(app)
        erasure_id = await started(app, dry_run=True)
        await through(app)
        erasure = await stored(app, erasure_id)
        assert (erasure.done, erasure.erased[Part.MESSAGES], erasure.subject) == (True, 1, None)
        assert not (await app.message(message_id)).is_erased


async def test_one_process_at_a_time_does_them() -> None:
    async with InMemoryApp() as app:
        await sent(app)
        erasure_id = await started(app)
        assert await app.erasure_runner.round() == PAUSE_S
        other = another(app)
        assert await other.round() == IDLE_S
        assert (await stored(app, erasure_id)).part is Part.KEYS
        app.clock.advance(LEASE_MS)
        assert await other.round() == PAUSE_S
        assert (await stored(app, erasure_id)).part is Part.CALLBACKS


async def test_a_step_that_another_process_has_made_meanwhile_is_not_made_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with InMemoryApp() as app:
        await sent(app)
        erasure_id = await started(app)
        begun = await stored(app, erasure_id)
        await through(app)

        async def as_it_was() -> Erasure:
            return begun

        monkeypatch.setattr(app.application.erasures, "next", as_it_was)
        assert await app.erasure_runner.round() == IDLE_S


async def test_a_defect_that_one_erasure_meets_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:
        broken, other = await started(app), await started(app, "S:7881300000000002")
        erases = MemoryErasures.erase

        async def erase(self: MemoryErasures, step: ErasureStep, *, limit: int) -> ErasedRows:
            if step.until == broken:
                raise ValueError("a defect")
            return await erases(self, step, limit=limit)

        monkeypatch.setattr(MemoryErasures, "erase", erase)
        with caplog.at_level(logging.ERROR):
            await through(app)
        assert (await stored(app, other)).done
        assert not (await stored(app, broken)).done
        assert [record.getMessage() for record in caplog.records] == [f"erasure {broken} failed"]
        monkeypatch.setattr(MemoryErasures, "erase", erases)
        app.clock.advance(RECHECK_MS)
        await through(app)
        assert (await stored(app, broken)).done


async def test_while_the_database_is_away_it_waits_and_gives_the_lease_back_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with InMemoryApp() as app:
        await sent(app)
        erasure_id = await started(app)
        app.database.away = True
        loop, waits = another(app), list[float]()

        async def waited(_: asyncio.Event, seconds: float) -> None:
            waits.append(seconds)
            app.database.away = False
            if len(waits) == 3:
                await loop.stop()

        monkeypatch.setattr(runner, "set_within", waited)
        await loop.run()
        assert waits == [IDLE_S, PAUSE_S, PAUSE_S]
        assert (await stored(app, erasure_id)).part is Part.CALLBACKS
        assert await app.erasure_runner.round() == PAUSE_S


async def test_a_defect_outside_of_any_erasure_only_pauses_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with InMemoryApp() as app:
        loop, waits = another(app), list[float]()

        async def unreadable() -> Erasure:
            raise ValueError("a state of a later version")

        async def waited(_: asyncio.Event, seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                await loop.stop()

        monkeypatch.setattr(runner, "set_within", waited)
        monkeypatch.setattr(app.application.erasures, "next", unreadable)
        await loop.run()
        assert waits == [IDLE_S, IDLE_S]
        assert [record.getMessage() for record in caplog.records] == ["erasures failed"] * 2
