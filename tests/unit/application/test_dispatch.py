import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.messages import BACKUP, DAY_MS, GUID, HORIZON_MS, NOW, PROVIDER, a_draft, an_outcome

from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.application.actions.change import RecallMessage, RetryMessage
from wework_message.application.dispatch import record_answers
from wework_message.application.dispatch.claim import ClaimRequest
from wework_message.application.dispatch.settle import SettleCalls, Settlement
from wework_message.application.errors import DrainingError
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.domain.account import Account, Binding
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BatchId, BindingId, Guid, MessageId, ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.message import Message
from wework_message.domain.message.options import OnUnknown
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState, Dispatch
from wework_message.domain.ports.repositories import UnitOfWork

ONE_PROVIDER = {PROVIDER: a_policy().providers[PROVIDER]}
REFUSED_CONNECTION = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)
TIMED_OUT = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
REFUSED = an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE, error_code=-1)


class Call:
    """A call that stays open until the test answers it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.answer: asyncio.Future[AttemptOutcome] = asyncio.get_running_loop().create_future()

    async def __call__(self, _: Dispatch) -> AttemptOutcome:
        self.begun.set()
        return await self.answer


def times(gateway: MemoryGateway, message_id: MessageId) -> int:
    """How often a customer may have received it."""
    return sum(call.message_id == message_id for call in gateway.executed)


async def test_a_message_is_sent_once_and_its_receipt_kept() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text("hello")
        await app.dispatch()
        message = await app.message(message_id)
        (call,) = app.gateway.calls
        assert (call.message_id, call.attempt, call.guid, call.content) == (message_id, 1, GUID, message.content)
        assert message.status is MessageStatus.SENT
        assert message.attempts[0].outcome is not None
        assert message.attempts[0].outcome.receipt is not None
        assert (await app.view(message_id)).next_attempt_at is None
        assert dict(await app.reader.counts()) == {(PROVIDER, "TEXT", "ACCEPTED"): 1}
        assert [move.after for _, move in app.observer.moves] == [MessageStatus.SENDING, MessageStatus.SENT]
        assert [report.outcome for report in app.observer.calls] == [OutcomeClass.ACCEPTED]


async def test_the_intent_is_durable_before_the_call_begins() -> None:
    async with InMemoryApp() as app:
        claimed: list[Message] = []

        async def look(call: Dispatch) -> AttemptOutcome:
            claimed.append(await app.message(call.message_id))
            return app.gateway.accepted()

        app.gateway.script(look)
        await app.accept_text()
        await app.dispatch()
        assert claimed[0].status is MessageStatus.SENDING
        assert claimed[0].attempts[0].unsettled


async def test_a_refused_connection_is_tried_again_until_it_is_delivered() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(REFUSED_CONNECTION, REFUSED_CONNECTION)
        message_id = await app.accept_text()
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.RETRY_WAIT
        await app.pass_time(60_000)
        await app.pass_time(60_000)
        message = await app.message(message_id)
        assert (message.status, len(message.attempts)) == (MessageStatus.SENT, 3)
        assert times(app.gateway, message_id) == 1


async def test_an_outage_holds_a_message_and_fails_nothing() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(*[REFUSED_CONNECTION] * 3)
        message_id = await app.accept_text()
        await app.dispatch()
        await app.pass_time(60_000)
        await app.pass_time(60_000)
        message = await app.message(message_id)
        assert (message.status, message.reason, len(message.attempts)) == (MessageStatus.HELD, "PROVIDER_DOWN", 3)
        await app.pass_time(60_000)
        assert (await app.message(message_id)).status is MessageStatus.SENT


async def test_a_clock_that_is_set_back_uses_up_no_budget_of_retries() -> None:
    throttled = an_outcome(OutcomeClass.THROTTLED, reason=Reason.CODE)
    async with InMemoryApp() as app:
        app.gateway.script(*[throttled] * 16)
        early = [await app.accept_text(f"early {number}", to=f"S:{number}") for number in range(15)]
        await app.dispatch()
        assert {(await app.message(message_id)).status for message_id in early} == {
            MessageStatus.RETRY_WAIT,
            MessageStatus.HELD,
        }
        app.clock.jump(-3 * 3_600_000)
        app.clock.advance(80_000)
        late = await app.accept_text("late", to="S:99")
        await app.dispatch()
        assert (await app.message(late)).status is MessageStatus.RETRY_WAIT


async def test_a_timeout_is_unknown_and_never_sent_again() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(TIMED_OUT)
        message_id = await app.accept_text()
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.UNKNOWN, "DEADLINE")
        for _ in range(3):
            await app.pass_time(DAY_MS)
        assert (await app.message(message_id)).status is MessageStatus.UNKNOWN
        assert times(app.gateway, message_id) == 1


async def test_a_refusal_ends_a_message() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(REFUSED)
        message_id = await app.accept_text()
        await app.dispatch()
        await app.pass_time(DAY_MS // 2)
        message = await app.message(message_id)
        assert (message.status, message.confirmed, len(message.attempts)) == (MessageStatus.FAILED, True, 1)


async def test_an_unknown_code_holds_the_next_messages_until_a_probe_says_online() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(an_outcome(OutcomeClass.REFUSED_PERMANENT, confirmed=False))
        first = await app.accept_text()
        await app.dispatch()
        failed = await app.message(first)
        assert (failed.status, failed.confirmed) == (MessageStatus.FAILED, False)
        second = await app.accept_text()
        await app.dispatch()
        held = await app.message(second)
        assert (held.status, held.reason, len(held.attempts)) == (MessageStatus.HELD, "ALL_OFFLINE", 0)
        ((_, binding, _guid),) = app.board.suspects()
        app.board.binding_state(binding, ClientState.ONLINE, app.clock.now())
        await app.pass_time(60_000)
        assert (await app.message(second)).status is MessageStatus.SENT


async def test_a_call_whose_process_died_becomes_unknown_when_its_lease_ends() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        await app.commits.submit(app.claiming, ClaimRequest(10))  # the intent, and then nobody calls
        assert (await app.message(message_id)).status is MessageStatus.SENDING
        await app.pass_time(app.policy.lease_ms(PROVIDER) - 1)
        assert (await app.message(message_id)).status is MessageStatus.SENDING
        await app.pass_time(1)
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.UNKNOWN, "LEASE_EXPIRED")
        assert app.gateway.calls == []


async def test_an_answer_after_the_lease_is_evidence_all_the_same() -> None:
    async with InMemoryApp() as app:
        call = Call()
        app.gateway.script(call)
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await call.begun.wait()
        app.clock.advance(app.policy.lease_ms(PROVIDER))
        await app.dispatcher.dispatch_due()
        assert (await app.message(message_id)).status is MessageStatus.UNKNOWN
        call.answer.set_result(app.gateway.accepted())
        await app.quiet()
        assert (await app.message(message_id)).status is MessageStatus.SENT
        assert times(app.gateway, message_id) == 1


async def test_an_id_that_another_attempt_has_proves_nothing() -> None:
    async with InMemoryApp() as app:
        answer = app.gateway.accepted()
        app.gateway.script(answer, answer)
        first = await app.accept_text()
        await app.dispatch()
        second = await app.accept_text()
        await app.dispatch()
        assert (await app.message(first)).status is MessageStatus.SENT
        message = await app.message(second)
        assert (message.status, message.reason) == (MessageStatus.UNKNOWN, "REUSED_ID")


async def test_a_lane_goes_one_by_one_in_order_by_wakeups_alone() -> None:
    async with InMemoryApp() as app:
        accepted = [await app.accept_text(str(number)) for number in range(10)]
        running = asyncio.create_task(app.dispatcher.run())
        for message_id in accepted:
            await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        assert [call.message_id for call in app.gateway.calls] == accepted
        await app.dispatcher.stop(1)
        await running


async def test_a_long_lane_does_not_keep_other_lanes_waiting() -> None:
    async with InMemoryApp(calls_in_flight=8) as app:
        held = Call()
        app.gateway.script(held)
        first = [await app.accept_text(str(number)) for number in range(9)]
        other = await app.accept_text(to="R:2")
        app.notifier.forget()
        running = asyncio.create_task(app.dispatcher.run())
        await app.until(other, lambda message: message.status is MessageStatus.SENT)
        held.answer.set_result(app.gateway.accepted())
        await app.until(first[-1], lambda message: message.status is MessageStatus.SENT)
        await app.dispatcher.stop(1)
        await running


async def test_calls_in_flight_are_bounded_and_intents_too() -> None:
    async with InMemoryApp(calls_in_flight=2, providers=ONE_PROVIDER) as app:
        calls = [Call() for _ in range(3)]
        app.gateway.script(*calls)
        accepted = [await app.accept_text(guid=Guid(f"g-{number}")) for number in range(3)]
        await app.dispatcher.dispatch_due()
        await app.dispatcher.dispatch_due()
        statuses = [(await app.message(message_id)).status for message_id in accepted]
        assert statuses == [MessageStatus.SENDING, MessageStatus.SENDING, MessageStatus.QUEUED]
        for call in calls:
            call.answer.set_result(app.gateway.accepted())
        await app.dispatch()
        assert len(app.gateway.executed) == 3


async def test_a_slot_is_free_when_its_call_has_ended_and_answers_that_wait_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with InMemoryApp(calls_in_flight=2, side_by_side=True, providers=ONE_PROVIDER) as app:
        recorded = asyncio.Event()
        submit = app.use_cases.settlements().submit

        async def submit_once_recorded(operation: SettleCalls, settlement: Settlement) -> None:
            await recorded.wait()
            await submit(operation, settlement)

        monkeypatch.setattr(app.use_cases.settlements(), "submit", submit_once_recorded)
        accepted = [await app.accept_text(guid=Guid(f"g-{number}")) for number in range(7)]
        for executed in (2, 4, 4):
            await app.dispatcher.dispatch_due()
            while len(app.gateway.executed) < executed:  # noqa: ASYNC110 -- the gateway has no event for it
                await asyncio.sleep(0)
            assert app.dispatcher.in_flight == executed
        recorded.set()
        await app.dispatch()
        assert [(await app.message(message_id)).status for message_id in accepted] == [MessageStatus.SENT] * 7


async def test_behind_an_unknown_a_lane_is_held_and_goes_on_after_2h() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(TIMED_OUT)
        first, second, third = [await app.accept_text(str(number)) for number in range(3)]
        await app.dispatch()
        for message_id in (second, third):
            held = await app.message(message_id)
            assert (held.status, held.reason) == (MessageStatus.HELD, "LANE_BLOCKED")
        await app.pass_time(2 * HORIZON_MS)
        assert [(await app.message(message_id)).status for message_id in (first, second, third)] == [
            MessageStatus.UNKNOWN, MessageStatus.SENT, MessageStatus.SENT,
        ]  # fmt: skip
        assert [call.message_id for call in app.gateway.calls] == [first, second, third]


async def test_over_budget_a_message_waits_for_its_place_and_reserves_once() -> None:
    async with InMemoryApp(rate_per_minute=1) as app:
        first, second = await app.accept_text(to="R:1"), await app.accept_text(to="R:2")
        await app.dispatch()
        held = await app.message(second)
        assert (held.status, held.reason, len(held.attempts)) == (MessageStatus.HELD, "BUDGET", 0)
        await app.pass_time(60_000)
        assert [(await app.message(message_id)).status for message_id in (first, second)] == [MessageStatus.SENT] * 2


async def test_what_expires_before_its_claim_is_never_sent() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text(expires_at=NOW + 1_000)
        await app.pass_time(1_000)
        assert (await app.message(message_id)).status is MessageStatus.EXPIRED
        assert app.gateway.calls == []


async def test_a_message_whose_handling_raises_three_times_ends_as_poison(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        poison, healthy = await app.accept_text("poison"), await app.accept_text(to="R:2")
        route = app.router.route

        def fail_on_poison(message: Message, **request: Any) -> object:
            if message.id == poison:
                raise LookupError
            return route(message, **request)

        monkeypatch.setattr(app.router, "route", fail_on_poison)
        await app.dispatch()
        assert (await app.message(healthy)).status is MessageStatus.SENT
        await app.pass_time(60_000)
        await app.pass_time(60_000)
        message = await app.message(poison)
        assert (message.status, message.reason, message.confirmed) == (MessageStatus.FAILED, "POISON", True)
        assert len(message.attempts) == 0


async def test_a_request_that_cannot_be_built_three_times_ends_as_poison() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(*[an_outcome(OutcomeClass.NOT_SENT, reason=Reason.UNBUILDABLE)] * 3)
        message_id = await app.accept_text()
        for _ in range(3):
            await app.pass_time(60_000)
        message = await app.message(message_id)
        assert (message.status, message.reason, message.confirmed) == (MessageStatus.FAILED, "POISON", True)


async def test_a_message_outlives_the_provider_that_it_was_tried_at() -> None:
    async with InMemoryApp() as app:
        account_id = register_at_two_providers(app)
        app.gateway.script(REFUSED_CONNECTION)
        message_id = await app.accept_text(guid=None, account_id=account_id)
        await app.dispatch()
        await forget(app, PROVIDER)
        await app.pass_time(60_000)
        message = await app.message(message_id)
        assert (message.status, message.attempts[-1].provider_code) == (MessageStatus.SENT, BACKUP)


async def test_a_recall_at_a_provider_that_is_gone_stops_no_other_message() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        await app.dispatch()
        await app.recalling(RecallMessage(DEFAULT_TENANT, GUID, message_id))
        await forget(app, PROVIDER)
        for _ in range(4):
            await app.pass_time(60_000)
        assert (await app.message(message_id)).status is MessageStatus.RECALLING
        other = await app.accept_text(to="R:2", guid=Guid("guid-b"))
        await app.dispatch()
        assert (await app.message(other)).status is MessageStatus.SENT


def register_at_two_providers(app: InMemoryApp) -> AccountId:
    """An account with a binding at `PROVIDER` and one at `BACKUP`."""
    account = Account(AccountId("acc"))
    app.database.register(
        account,
        Binding(BindingId("a"), account.account_id, PROVIDER, Guid("at-first")),
        Binding(BindingId("b"), account.account_id, BACKUP, Guid("at-second")),
    )
    return account.account_id


async def forget(app: InMemoryApp, code: ProviderCode) -> None:
    """Start again without this provider."""
    others = {other: provider for other, provider in app.policy.providers.items() if other != code}
    await app.restart(dataclasses.replace(app.policy, providers=others))


async def test_an_outage_while_claiming_is_no_handling_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()

        def away(*_: object, **__: object) -> object:
            raise UnavailableError("limiter")

        with monkeypatch.context() as patch:
            patch.setattr(app.router, "route", away)
            for _ in range(3):
                with pytest.raises(UnavailableError):
                    await app.dispatcher.dispatch_due()
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.handling_failures) == (MessageStatus.SENT, 0)


async def test_a_mixed_message_stops_at_the_part_that_is_refused() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(app.gateway.accepted(), REFUSED)
        group = await app.accept(*[a_draft()] * 4, grouped=True)
        await app.dispatch()
        items = await app.reader.batch_items(None, BatchId(group.target), limit=10, after=-1)
        assert [(view.message.status, view.message.reason) for view in items] == [
            (MessageStatus.SENT, None),
            (MessageStatus.FAILED, "REFUSED_PERMANENT"),
            (MessageStatus.CANCELLED, "EARLIER_PART_REFUSED"),
            (MessageStatus.CANCELLED, "EARLIER_PART_REFUSED"),
        ]
        assert len(app.gateway.calls) == 2


async def test_a_refused_part_stops_no_earlier_part_that_a_person_sends_again() -> None:
    async with InMemoryApp() as app:
        group = await app.accept(*[a_draft(expires_at=NOW + 1_000)] * 3, grouped=True)
        await app.pass_time(1_000)
        expired = await app.reader.batch_items(None, BatchId(group.target), limit=10, after=-1)
        for view in (expired[2], expired[1]):
            await app.retrying(RetryMessage(DEFAULT_TENANT, view.message.id))
        app.gateway.script(REFUSED, app.gateway.accepted())
        await app.dispatch()
        items = await app.reader.batch_items(None, BatchId(group.target), limit=10, after=-1)
        assert [view.message.status for view in items] == [
            MessageStatus.EXPIRED, MessageStatus.SENT, MessageStatus.FAILED,
        ]  # fmt: skip


async def test_a_refused_instance_fails_over_to_its_sibling() -> None:
    async with InMemoryApp() as app:
        account_id = register_at_two_providers(app)
        app.gateway.script(an_outcome(OutcomeClass.REFUSED_BINDING))
        message_id = await app.accept_text(guid=None, account_id=account_id)
        await app.dispatch()
        await app.pass_time(1)
        message = await app.message(message_id)
        assert message.status is MessageStatus.SENT
        assert [attempt.guid for attempt in message.attempts] == ["at-first", "at-second"]
        assert [call.guid for call in app.gateways[BACKUP].executed] == ["at-second"]


class Forgetful(Shared):
    """Accounts are read anew for every claim."""

    remember_s = 0.0


async def test_an_instance_that_replaced_the_refused_one_takes_the_message_at_once() -> None:
    async with InMemoryApp(shared=Forgetful) as app:
        account = Account(AccountId("acc"))
        refusing = Binding(BindingId("old"), account.account_id, PROVIDER, Guid("at-old"), priority=1)
        app.database.register(account, refusing)
        answer = app.hold_next_send()
        message_id = await app.accept_text(guid=None, account_id=account.account_id)
        await app.dispatcher.dispatch_due()
        app.database.bindings.drop(refusing.binding_id)
        app.database.register(account, dataclasses.replace(refusing, binding_id=BindingId("new"), guid=Guid("at-new")))
        await app.accept_text(guid=None, account_id=account.account_id, to="R:2")
        await app.dispatcher.dispatch_due()
        answer.set_result(an_outcome(OutcomeClass.REFUSED_BINDING))
        await app.quiet()
        await app.pass_time(1)
        message = await app.message(message_id)
        assert [attempt.guid for attempt in message.attempts] == ["at-old", "at-new"]


@pytest.mark.parametrize("refusal", [OutcomeClass.REFUSED_BINDING, OutcomeClass.REFUSED_CAPABILITY])
@pytest.mark.parametrize("priority", [1, 3])
async def test_a_refused_instance_is_no_sibling_of_its_own(priority: int, refusal: OutcomeClass) -> None:
    """The other instance is offline: there is nothing to fail over to now, whichever of the two comes first."""
    async with InMemoryApp() as app:
        account, offline = Account(AccountId("acc")), BindingId("offline")
        app.database.register(
            account,
            Binding(BindingId("refusing"), account.account_id, PROVIDER, Guid("at-first"), priority=2),
            Binding(offline, account.account_id, PROVIDER, Guid("at-second"), priority=priority),
        )
        app.board.binding_state(offline, ClientState.OFFLINE, app.clock.now())
        app.gateway.script(an_outcome(refusal))
        message_id = await app.accept_text(guid=None, account_id=account.account_id)
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.reason, len(message.attempts)) == (MessageStatus.HELD, "ALL_OFFLINE", 1)


async def test_resend_sends_again_after_2h_and_says_that_it_may_be_a_duplicate() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(TIMED_OUT)
        message_id = await app.accept_text(on_unknown=OnUnknown.RESEND, duplicate_safe=True)
        await app.dispatch()
        await app.pass_time(2 * HORIZON_MS)
        message = await app.message(message_id)
        assert (message.status, message.possible_duplicate) == (MessageStatus.SENT, True)
        assert times(app.gateway, message_id) == 2


async def test_an_unknown_ends_as_failed_where_the_client_wants_it() -> None:
    async with InMemoryApp() as app:
        app.gateway.script(TIMED_OUT)
        message_id = await app.accept_text(on_unknown=OnUnknown.FAIL)
        await app.dispatch()
        await app.pass_time(2 * HORIZON_MS)
        assert (await app.message(message_id)).status is MessageStatus.UNKNOWN
        await app.pass_time(DAY_MS)
        message = await app.message(message_id)
        assert (message.status, message.confirmed) == (MessageStatus.FAILED, False)
        assert times(app.gateway, message_id) == 1


async def test_a_stop_waits_for_open_calls_and_records_the_rest_as_unknown() -> None:
    async with InMemoryApp() as app:
        answered, hanging = Call(), Call()
        app.gateway.script(answered, hanging)
        first, second = await app.accept_text(to="R:1"), await app.accept_text(to="R:2")
        await app.dispatcher.dispatch_due()
        await hanging.begun.wait()
        answered.answer.set_result(app.gateway.accepted())
        await app.dispatcher.stop(0)
        assert (await app.message(first)).status is MessageStatus.SENT
        message = await app.message(second)
        assert (message.status, message.reason) == (MessageStatus.UNKNOWN, "SHUTDOWN")
        assert await app.accept_text(to="R:3")
        assert await app.dispatcher.dispatch_due() == 0


async def test_a_claim_that_is_open_at_the_stop_starts_its_calls_and_is_drained() -> None:
    async with InMemoryApp() as app:
        message_id = await app.accept_text()
        claiming = asyncio.create_task(app.dispatcher.dispatch_due())
        await asyncio.sleep(0)
        await app.dispatcher.stop(10)
        assert claiming.done()
        assert (await app.message(message_id)).status is MessageStatus.SENT


async def test_an_answer_is_recorded_once_the_store_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_answers, "RECORD_RETRY_S", 0.0)
    async with InMemoryApp() as app:
        call = Call()
        app.gateway.script(call)
        message_id = await app.accept_text()
        await app.dispatcher.dispatch_due()
        await call.begun.wait()
        app.database.failing_commits = 3
        call.answer.set_result(app.gateway.accepted())
        await app.quiet()
        message = await app.message(message_id)
        assert (message.status, len(message.attempts)) == (MessageStatus.SENT, 1)
        assert dict(await app.reader.counts()) == {(PROVIDER, "TEXT", "ACCEPTED"): 1}


@pytest.mark.parametrize("error", [UnavailableError("database"), ConflictError()])
async def test_a_claim_that_fails_only_pauses_the_dispatcher(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        failed = asyncio.Event()
        prepare = app.router.prepare

        async def fail_once(unit: UnitOfWork, messages: Sequence[Message]) -> None:
            if not failed.is_set():
                failed.set()
                raise error
            await prepare(unit, messages)

        monkeypatch.setattr(app.router, "prepare", fail_once)
        first = await app.accept_text(to="R:1")
        running = asyncio.create_task(app.dispatcher.run())
        await failed.wait()
        await asyncio.sleep(0)
        second = await app.accept_text(to="R:2")
        for message_id in (first, second):
            await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        await app.dispatcher.stop(1)
        await running


async def test_after_the_end_of_the_committer_nothing_is_taken() -> None:
    app = InMemoryApp()
    async with app:
        await app.accept_text()
    with pytest.raises(DrainingError):
        await app.accept(conversation=PEERS_AND_ROOMS.parse("R:1"))


@pytest.mark.parametrize("method", ["wait", "answered"])
async def test_a_notifier_that_raises_only_pauses_the_dispatcher(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        raised = asyncio.Event()
        works = getattr(app.notifier, method)

        async def fail_once(argument: Any) -> Any:
            if not raised.is_set():
                raised.set()
                raise LookupError("a defect")
            return await works(argument)

        monkeypatch.setattr(app.notifier, method, fail_once)
        running = asyncio.create_task(app.dispatcher.run())
        await raised.wait()
        message_id = await app.accept_text()
        await app.until(message_id, lambda message: message.status is MessageStatus.SENT)
        await app.dispatcher.stop(1)
        await running
