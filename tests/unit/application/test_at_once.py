"""A message that nothing stands in the way of is called with its acceptance; everything else waits for a claim (ADR 40)."""

import asyncio
import dataclasses
from collections.abc import Collection, Sequence

import pytest
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.messages import CONVERSATION, DAY_MS, NOW, PROVIDER, a_draft

from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.application.accept.accept import AcceptMessage
from wework_message.application.dispatch import record_answers
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.application.dispatch.record_answers import RecordAnswers
from wework_message.domain.content import TextContent
from wework_message.domain.errors import TryAgainError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Lane
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import Dispatch
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.routing.provider import Capabilities

ONE_PROVIDER = {PROVIDER: a_policy().providers[PROVIDER]}
SENDING, QUEUED, SENT = MessageStatus.SENDING, MessageStatus.QUEUED, MessageStatus.SENT


def caught_up(app: InMemoryApp) -> InMemoryApp:
    """As when a dispatcher runs and finds nothing that is due."""
    app.use_cases.gate().caught_up = True
    return app


async def status(app: InMemoryApp, message_id: MessageId) -> MessageStatus:
    return (await app.message(message_id)).status


def named_in_wakeups(app: InMemoryApp) -> list[MessageId]:
    return [message_id for wakeup in app.notifier.wakeups for message_id in wakeup]


async def test_a_free_lane_and_a_free_slot_are_taken_with_the_acceptance() -> None:
    async with InMemoryApp() as app:
        stored: list[MessageStatus] = []

        async def look(call: Dispatch) -> AttemptOutcome:
            stored.append(await status(app, call.message_id))
            return app.gateway.accepted()

        app.gateway.script(look)
        message_id = await caught_up(app).accept_text()
        await app.quiet()
        assert stored == [SENDING]
        message = await app.message(message_id)
        assert (message.status, len(message.attempts), message.tries) == (SENT, 1, 1)
        assert app.notifier.wakeups == []
        assert [move.after for _, move in app.observer.moves] == [SENDING, SENT]
        assert app.observer.new == [message_id]
        assert (await app.view(message_id)).next_attempt_at is None


async def test_without_a_dispatcher_that_has_caught_up_a_message_waits_for_a_claim() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        assert await status(app, message_id) is QUEUED
        assert named_in_wakeups(app) == [message_id]


async def test_a_running_dispatcher_opens_the_gate_once_nothing_is_due_and_shuts_it_when_it_stops() -> None:
    async with InMemoryApp() as app:
        waiting = await app.accept_text()
        app.start()
        await app.until(waiting, lambda message: message.status is SENT)
        while not app.use_cases.gate().caught_up:  # noqa: ASYNC110 -- nothing tells
            await asyncio.sleep(0)
        await app.dispatcher.stop(1)
        assert await status(app, await app.accept_text()) is QUEUED
        assert len(app.gateway.calls) == 1


async def test_a_lane_keeps_its_order() -> None:
    async with InMemoryApp() as app:
        answer = app.hold_next_send()
        first = await caught_up(app).accept_text("first")
        second = await app.accept_text("second")
        assert [await status(app, message_id) for message_id in (first, second)] == [SENDING, QUEUED]
        answer.set_result(app.gateway.accepted())
        await app.quiet()
        third = await app.accept_text("third")
        assert [await status(app, message_id) for message_id in (second, third)] == [QUEUED, QUEUED]
        await app.dispatch()
        assert [call.message_id for call in app.gateway.calls] == [first, second, third]


async def test_of_one_transaction_the_first_of_the_most_urgent_class_goes_and_the_others_wait() -> None:
    async with InMemoryApp() as app:
        answer = app.hold_next_send()
        drafts = [a_draft(content=TextContent(content=text), priority=place) for text, place in (("a", 5), ("b", 9))]
        normal, urgent = await asyncio.gather(*(caught_up(app).accept(draft) for draft in drafts))
        assert await status(app, MessageId(urgent.target)) is SENDING
        assert await status(app, MessageId(normal.target)) is QUEUED
        answer.set_result(app.gateway.accepted())
        await app.quiet()


async def test_of_one_transaction_the_urgent_lane_gets_the_slot() -> None:
    async with InMemoryApp(calls_in_flight=1) as app:
        answer = app.hold_next_send()
        drafts = [a_draft(guid=Guid(guid), priority=priority) for guid, priority in (("a", 0), ("b", 9))]
        bulk, urgent = await asyncio.gather(*(caught_up(app).accept(draft) for draft in drafts))
        assert await status(app, MessageId(urgent.target)) is SENDING
        assert await status(app, MessageId(bulk.target)) is QUEUED
        answer.set_result(app.gateway.accepted())
        await app.dispatch()


async def test_parts_of_a_group_and_messages_of_a_batch_keep_their_rules() -> None:
    async with InMemoryApp() as app:
        group = await caught_up(app).accept(a_draft(), a_draft(), grouped=True)
        await app.quiet()
        assert group.grouped
        batch = await app.accept_batch(AcceptMessage(DEFAULT_TENANT, (a_draft(guid=Guid("other")),)))
        (item,) = batch.items
        assert not isinstance(item, Exception)
        assert await status(app, MessageId(item.target)) is QUEUED
        await app.dispatch()
        assert len(app.gateway.calls) == 3


async def test_scheduled_messages_wait_for_their_time() -> None:
    async with InMemoryApp() as app:
        later = await caught_up(app).accept_text(scheduled_at=NOW + 60_000)
        assert await status(app, later) is MessageStatus.SCHEDULED
        assert await status(app, await app.accept_text(expires_at=NOW, to="S:2")) is QUEUED
        assert app.gateway.calls == []


async def test_no_more_calls_begin_than_there_are_slots_for_the_account() -> None:
    async with InMemoryApp(calls_in_flight=4) as app:
        answers = [app.hold_next_send() for _ in range(4)]
        caught_up(app)
        loud = [await app.accept_text(to=f"S:{number}") for number in range(1, 5)]
        quiet = await app.accept_text(guid=Guid("quiet"), to="S:9")
        stored = [await status(app, message_id) for message_id in loud]
        assert stored.count(SENDING) == app.dispatcher.in_flight - 1 < 4
        assert await status(app, quiet) is SENDING
        for answer in answers:
            answer.set_result(app.gateway.accepted())
        await app.dispatch()


async def test_calls_that_are_not_recorded_leave_room_for_as_many_as_the_process_may_lose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record, recorded = RecordAnswers.__call__, asyncio.Event()

    async def held(self: RecordAnswers, started_call: StartedCall, outcome: AttemptOutcome) -> None:
        await recorded.wait()
        await record(self, started_call, outcome)

    monkeypatch.setattr(RecordAnswers, "__call__", held)
    async with InMemoryApp(providers=ONE_PROVIDER, calls_in_flight=2) as app:
        for number in range(3):  # of 4 that may be open or unrecorded
            await caught_up(app).accept_text(guid=Guid(f"g{number}"))
            while app.dispatcher.free < min(2, 3 - number):  # noqa: ASYNC110 -- until its call has ended
                await asyncio.sleep(0)
        accepted = await asyncio.gather(*(app.accept_text(guid=Guid(guid)) for guid in ("x", "y")))
        statuses = [await status(app, message_id) for message_id in accepted]
        assert statuses == [SENDING, QUEUED]
        recorded.set()
        await app.dispatch()


async def test_a_message_over_budget_is_held_with_one_place() -> None:
    async with InMemoryApp(rate_per_minute=1) as app:
        await caught_up(app).accept_text(to="S:1")
        second = await app.accept_text(to="S:2")
        await app.quiet()
        message = await app.message(second)
        assert (message.status, message.reason) == (MessageStatus.HELD, "BUDGET")
        assert [note.kind for note in await app.reader.timeline(None, second)] == ["HELD"]
        await app.pass_time(59_999)
        assert await status(app, second) is MessageStatus.HELD
        await app.pass_time(1)
        assert await status(app, second) is SENT


@pytest.mark.parametrize("together", [True, False])
async def test_an_account_whose_budget_is_used_up_gets_no_more_places(*, together: bool) -> None:
    async with InMemoryApp(rate_per_minute=1) as app:
        await caught_up(app).accept_text(to="S:1")
        if together:
            stored = await asyncio.gather(*(app.accept_text(to=f"S:{number}") for number in (2, 3, 4)))
        else:
            stored = [await app.accept_text(to=f"S:{number}") for number in (2, 3, 4)]
        statuses = [await status(app, message_id) for message_id in stored]
        assert statuses == [MessageStatus.HELD, QUEUED, QUEUED]
        await app.quiet()


async def test_new_messages_take_nothing_of_the_budget_for_which_older_ones_wait() -> None:
    async with InMemoryApp(rate_per_minute=60) as app:
        older = [await app.accept_text(to=f"S:{number}") for number in range(1, 101)]
        await app.dispatch()
        newer = []
        for number in range(120):
            app.clock.advance(500)
            newer.append(await caught_up(app).accept_text(to=f"S:{1_000 + number}"))
            await app.quiet()
            await app.dispatch()
        sent = {call.message_id for call in app.gateway.calls}
        assert (len(sent & {*older}), sent & {*newer}) == (100, sent - {*older})
        assert len(sent) == 120


async def test_what_no_binding_can_take_is_ended_by_a_claim() -> None:
    provider = dataclasses.replace(a_policy().providers[PROVIDER], capabilities=Capabilities(frozenset()))
    async with InMemoryApp(providers={PROVIDER: provider}) as app:
        message_id = await caught_up(app).accept_text()
        assert await status(app, message_id) is QUEUED
        await app.dispatch()
        assert await status(app, message_id) is MessageStatus.FAILED


async def test_a_message_whose_handling_raises_is_accepted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:

        def broken(*_: object, **__: object) -> None:
            raise LookupError("a defect")

        with monkeypatch.context() as patched:
            patched.setattr(app.router, "route", broken)
            message_id = await caught_up(app).accept_text()
        assert await status(app, message_id) is QUEUED
        await app.dispatch()
        assert await status(app, message_id) is SENT


async def test_while_a_claim_is_under_way_nothing_begins_at_once() -> None:
    async with InMemoryApp() as app:
        caught_up(app)
        async with app.use_cases.gate().claiming():
            assert await status(app, await app.accept_text()) is QUEUED


async def test_a_claim_waits_for_the_transaction_that_accepts() -> None:
    async with InMemoryApp() as app:
        gate = caught_up(app).use_cases.gate()
        assert gate.enter()
        assert not gate.enter()
        claiming = asyncio.create_task(app.dispatcher.dispatch_due())
        await asyncio.sleep(0)
        gate.leave()
        assert not gate.enter()
        assert await claiming == 0
        assert gate.enter()
        gate.leave()


async def test_a_call_whose_acceptance_is_committed_during_the_stop_is_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        prepare, inside, stopping = app.router.prepare, asyncio.Event(), asyncio.Event()

        async def wait_for_the_stop(unit: UnitOfWork, messages: Sequence[Message]) -> None:
            inside.set()
            await stopping.wait()
            await prepare(unit, messages)

        monkeypatch.setattr(app.router, "prepare", wait_for_the_stop)
        accepting = asyncio.create_task(caught_up(app).accept_text())
        await inside.wait()
        stop = asyncio.create_task(app.dispatcher.stop(10))
        await asyncio.sleep(0)
        stopping.set()
        await stop
        assert await status(app, await accepting) is SENT


async def test_a_transaction_that_is_tried_again_begins_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        commit, failed = app.database.commit, list[Exception]()

        def fail_once() -> None:
            if not failed:
                failed.append(TryAgainError("database", "a deadlock"))
                raise failed[0]
            commit()

        monkeypatch.setattr(app.database, "commit", fail_once)
        message_id = await caught_up(app).accept_text()
        await app.quiet()
        message = await app.message(message_id)
        assert (message.status, len(message.attempts), message.tries) == (SENT, 1, 1)
        assert len(app.gateway.calls) == 1


async def test_a_commit_that_did_not_happen_leaves_nothing_and_the_next_message_goes() -> None:
    async with InMemoryApp() as app:
        caught_up(app)
        app.database.failing_commits = 1
        with pytest.raises(UnavailableError):
            await app.accept_text()
        await app.quiet()
        assert (app.stored(), app.gateway.calls, await app.reader.counts()) == (0, [], {})
        await app.accept_text()
        await app.quiet()
        assert len(app.gateway.calls) == 1


async def test_a_call_whose_commit_has_no_answer_is_settled_as_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_answers, "RECORD_RETRY_S", 0.0)
    async with InMemoryApp() as app:
        commit, lost = app.database.commit, list[Exception]()

        def lose_once() -> None:
            commit()
            if not lost:
                lost.append(UnavailableError("database", "the answer to COMMIT was lost"))
                raise lost[0]

        monkeypatch.setattr(app.database, "commit", lose_once)
        with pytest.raises(UnavailableError):
            await caught_up(app).accept_text(key="key")
        await app.quiet()
        message_id = MessageId((await app.accept(conversation=a_draft().conversation, key="key")).target)
        message = await app.message(message_id)
        outcome = message.attempts[0].outcome
        assert outcome is not None
        assert (message.status, outcome.kind, outcome.reason) == (
            MessageStatus.RETRY_WAIT, OutcomeClass.NOT_SENT, Reason.COMMIT_LOST,
        )  # fmt: skip
        assert app.gateway.calls == []
        await app.pass_time(DAY_MS // 24)
        assert await status(app, message_id) is SENT
        assert len(app.gateway.calls) == 1


async def test_the_slower_of_two_processes_waits_behind_the_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(_: MemoryMessageRepository, lanes: Collection[Lane]) -> frozenset[Lane]:
        """As before the other process has committed."""
        return frozenset()

    async with InMemoryApp() as app:
        answer = app.hold_next_send()
        faster = await caught_up(app).accept_text("faster")
        monkeypatch.setattr(MemoryMessageRepository, "busy_lanes", none)
        slower, alone = await asyncio.gather(app.accept_text("slower"), app.accept_text(to="S:7"))
        assert [await status(app, message_id) for message_id in (faster, slower)] == [SENDING, QUEUED]
        answer.set_result(app.gateway.accepted())
        await app.dispatch()
        assert [call.message_id for call in app.gateway.calls][-1] == slower
        assert {await status(app, message_id) for message_id in (slower, alone)} == {SENT}
        assert (await app.message(slower)).conversation_id == CONVERSATION
