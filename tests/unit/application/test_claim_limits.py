"""What a claim may start and what it leaves for later, at its limits (ADR 31).

Judged by calls at the provider and by statuses; time passes only by the clock of the test.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest
from tests.support.apps.in_memory_app import FAR_MS, InMemoryApp, a_policy
from tests.support.builders.messages import GUID, PROVIDER, an_outcome
from tests.support.polling import until

from wework_message.application.actions.change import RecallMessage
from wework_message.application.commit.scope import CommitScope
from wework_message.application.dispatch.begin_call import NO_ROOM_MS, StartedCall
from wework_message.application.dispatch.claim import ClaimDue, Claimed, ClaimRequest
from wework_message.application.dispatch.in_flight import MAX_BY_AGE
from wework_message.application.dispatch.record_answers import RecordAnswers
from wework_message.application.dispatch.settle import SettleCalls, Settlement
from wework_message.domain.account import implicit_account_id
from wework_message.domain.errors import ConflictError
from wework_message.domain.ids import DEFAULT_TENANT, BindingId, Guid
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import Dispatch
from wework_message.domain.ports.health import CallReport
from wework_message.domain.ports.notifier import Wakeup
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.trace import TraceContext

ONE_PROVIDER: Final = {PROVIDER: a_policy().providers[PROVIDER]}
LOUD: Final = Guid("loud")
TIMED_OUT: Final = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
BY_ACCOUNT: Final = sorted((Guid(f"g{number}") for number in range(20)), key=implicit_account_id)
"""In the order in which they are claimed."""


def hold(app: InMemoryApp, *guids: Guid) -> "asyncio.Future[AttemptOutcome]":
    """Calls of these guids stay open until the outcome is set."""
    answer: asyncio.Future[AttemptOutcome] = asyncio.get_running_loop().create_future()

    async def send(dispatch: Dispatch) -> AttemptOutcome:
        return await answer if dispatch.guid in guids else app.gateway.accepted()

    app.gateway.script(*[send] * 100)
    return answer


class WatchedNotifier:
    """Tells when a dispatcher waits for it."""

    def __init__(self) -> None:
        self.waited_for = asyncio.Event()
        self.idle = asyncio.Event()
        self._notified = asyncio.Event()

    async def notify(
        self, message_ids: object, urgency: Urgency = Urgency.NORMAL, traces: Sequence[TraceContext] = ()
    ) -> None:
        self._notified.set()

    async def wait(self, timeout_ms: int) -> Wakeup:
        self.waited_for.set()
        if timeout_ms > 0:
            self._notified.clear()
            self.idle.set()
            await self._notified.wait()
        return Wakeup()

    async def answered(self, wakeup: Wakeup) -> None: ...


async def test_recalls_beyond_their_room_wait_for_a_second() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, calls_in_flight=4) as app:
        sent = [await app.accept_text(to=f"S:{number}") for number in range(1, 4)]
        await app.dispatch()
        for message_id in sent:
            await app.recalling(RecallMessage(DEFAULT_TENANT, GUID, message_id))
        for recalled in (1, 2, 3):
            await app.dispatch()
            assert len(app.gateway.recalls) == recalled
            app.clock.advance(NO_ROOM_MS)


async def test_an_account_goes_on_when_its_calls_have_ended_before_their_answers_are_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notifier, recorded = WatchedNotifier(), asyncio.Event()
    async with InMemoryApp(
        notifier=notifier, providers=ONE_PROVIDER, side_by_side=True, calls_in_flight=4, poll_due_ms=FAR_MS
    ) as app:
        submit = app.use_cases.settlements().submit

        async def submit_once_recorded(operation: SettleCalls, settlement: Settlement) -> None:
            await recorded.wait()
            await submit(operation, settlement)

        monkeypatch.setattr(app.use_cases.settlements(), "submit", submit_once_recorded)
        answer = hold(app, GUID)
        for number in range(1, 4):
            await app.accept_text(to=f"S:{number}")
        app.start()
        await notifier.idle.wait()
        assert len(app.gateway.calls) == 2  # half of what is free
        answer.set_result(app.gateway.accepted())

        async def third_called() -> bool:
            return len(app.gateway.calls) == 3

        await until(third_called)
        recorded.set()


async def test_a_dispatcher_without_a_free_call_takes_no_wakeup_but_claims_recalls() -> None:
    notifier = WatchedNotifier()
    async with InMemoryApp(notifier=notifier, providers=ONE_PROVIDER, calls_in_flight=1, poll_due_ms=1) as app:
        sent = await app.accept_text()
        await app.dispatch()
        answer = hold(app, LOUD)
        await app.accept_text(guid=LOUD)
        await app.dispatcher.dispatch_due()
        await app.recalling(RecallMessage(DEFAULT_TENANT, GUID, sent))
        app.start()

        async def recalled_or_asked() -> bool:
            return bool(app.gateway.recalls) or notifier.waited_for.is_set()

        await until(recalled_or_asked)
        assert not notifier.waited_for.is_set()
        answer.set_result(app.gateway.accepted())


async def test_a_message_with_its_place_in_the_budget_and_no_room_is_looked_at_once_a_second() -> None:
    async with InMemoryApp(providers=ONE_PROVIDER, calls_in_flight=4, rate_per_minute=6) as app:
        for number in range(1, 6):
            await app.accept_text(to=f"S:{number}")
        await app.dispatch()
        answer = hold(app, GUID, LOUD)
        for number in range(6, 8):
            await app.accept_text(to=f"S:{number}")  # the last one's place is in 10 s
        assert await app.dispatcher.dispatch_due() == 2
        for number in range(1, 3):
            await app.accept_text(to=f"S:{number}", guid=LOUD)
        assert await app.dispatcher.dispatch_due() == 2
        await asyncio.sleep(0)  # the calls begin
        app.clock.advance(10_000)
        for _ in range(3):
            assert await app.dispatcher.dispatch_due() == 1
            assert await app.dispatcher.dispatch_due() == 0
            app.clock.advance(NO_ROOM_MS)
        answer.set_result(TIMED_OUT)
        await app.dispatch()
        assert len(app.gateway.calls) == 9


async def test_the_trial_of_a_provider_needs_no_room() -> None:
    async with InMemoryApp(calls_in_flight=2) as app:
        answer = hold(app, LOUD)
        await app.accept_text(guid=LOUD, provider_code=PROVIDER)
        await app.dispatcher.dispatch_due()  # it has the provider's share now
        for _ in range(5):
            app.board.report(a_report(app.clock.now()))
        message_id = await app.accept_text(provider_code=PROVIDER)
        await app.dispatcher.dispatch_due()
        assert (await app.message(message_id)).status is MessageStatus.HELD
        app.clock.advance(60_000)
        app.board.probed(PROVIDER, answered=True, at=app.clock.now())
        await app.dispatcher.dispatch_due()
        await asyncio.sleep(0)  # its call begins
        assert [call.guid for call in app.gateway.calls] == [LOUD, GUID]
        answer.set_result(app.gateway.accepted())
        await app.dispatch()


def a_report(at: int) -> CallReport:
    return CallReport(
        PROVIDER, BindingId("other"), Guid("other"), "IMAGE", OutcomeClass.NOT_SENT, Reason.CONNECT, True, 1.0, at
    )


async def test_a_claim_by_age_leaves_the_place_of_those_in_turn() -> None:
    """Twenty accounts with an even backlog; the last one's messages are the newest."""
    async with InMemoryApp(providers=ONE_PROVIDER, calls_in_flight=4) as app:
        *others, last = BY_ACCOUNT
        for number in range(1, 11):
            for guid in others:
                await app.accept_text(to=f"S:{number}", guid=guid)
        app.clock.advance(1)
        await app.accept_text(guid=last)
        while last not in {call.guid for call in app.gateway.calls}:
            await app.dispatcher.dispatch_due()
            await app.quiet()
        claims_in_turn = len(BY_ACCOUNT) // 4
        assert len(app.gateway.calls) <= 4 * (MAX_BY_AGE + 1) * claims_in_turn


async def test_of_a_set_that_the_store_refuses_only_the_message_at_fault_is_put_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is the oldest; the account of the others comes first in turn."""
    async with InMemoryApp(providers=ONE_PROVIDER) as app:
        prepare = app.router.prepare
        at_fault = await app.accept_text(guid=BY_ACCOUNT[-1])

        async def refuse(unit: UnitOfWork, messages: Sequence[Message]) -> None:
            if at_fault in {message.id for message in messages}:
                raise ConflictError
            await prepare(unit, messages)

        monkeypatch.setattr(app.router, "prepare", refuse)
        app.clock.advance(1)
        others = [await app.accept_text(to=f"S:{number}", guid=BY_ACCOUNT[0]) for number in range(1, 4)]
        await app.dispatch()
        statuses = [(await app.message(message_id)).status for message_id in (at_fault, *others)]
        assert statuses == [MessageStatus.HELD, *[MessageStatus.SENT] * 3]


async def test_after_a_time_without_free_calls_the_backlog_comes_before_anything_that_is_called_with_its_acceptance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim, record = ClaimDue.__call__, RecordAnswers.__call__
    claims_without_slot, recorded, notifier = list[ClaimRequest](), asyncio.Event(), WatchedNotifier()

    async def watched(self: ClaimDue, scope: CommitScope, claim_requests: Sequence[ClaimRequest]) -> Sequence[Claimed]:
        claims_without_slot.extend(request for request in claim_requests if request.slots == 0)
        return await claim(self, scope, claim_requests)

    async def held(self: RecordAnswers, started_call: StartedCall, outcome: AttemptOutcome) -> None:
        await recorded.wait()
        await record(self, started_call, outcome)

    async def has_polled() -> bool:
        return len(claims_without_slot) > 1

    monkeypatch.setattr(ClaimDue, "__call__", watched)
    monkeypatch.setattr(RecordAnswers, "__call__", held)
    async with InMemoryApp(providers=ONE_PROVIDER, calls_in_flight=2, poll_due_ms=1, notifier=notifier) as app:
        for number in range(8):
            await app.accept_text(to=f"S:{number}", guid=BY_ACCOUNT[number])
        app.start()
        await until(has_polled)
        notifier.idle.clear()
        recorded.set()
        await notifier.idle.wait()
        assert len(app.gateway.calls) == 8
