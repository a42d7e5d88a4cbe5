"""The limits of accounts and providers as messages feel them (ADR 49)."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import pytest
from tests.contracts.health_board_contract import a_report
from tests.contracts.replays_contract import store
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.control import a_pause_board
from tests.support.builders.messages import BACKUP, NOW, PROVIDER, a_due_message, an_outcome, begin_call

from wework_message.adapters.memory.system import SettableClock
from wework_message.application.accounts.settings import AccountSettings
from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.control.change_pauses import PausePlace
from wework_message.application.dispatch.in_flight import PROVIDER_LOOK_MS, InFlight
from wework_message.application.dispatch.routing import RECHECK_MS
from wework_message.application.maintenance import expire
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.domain.account import implicit_account, implicit_account_id, implicit_binding
from wework_message.domain.budgets import provider_budgets_of
from wework_message.domain.control import PauseScope
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, MessageId, ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.quiet_hours import QuietHours
from wework_message.domain.quota import AccountLimits, Budget, Period
from wework_message.domain.routing.selector import Choice

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
A, B = Guid("a"), Guid("b")
SENT, HELD, QUEUED = MessageStatus.SENT, MessageStatus.HELD, MessageStatus.QUEUED


class Forgetful(Shared):
    """Accounts are read anew for every claim."""

    remember_s = 0.0


async def register(app: InMemoryApp, guid: Guid, limits: AccountLimits, *codes: ProviderCode) -> None:
    account = dataclasses.replace(implicit_account(guid), limits=limits)
    async with app.units() as unit:
        app.database.accounts.put(account.account_id, account)
        for code in codes or (PROVIDER,):
            binding = implicit_binding(guid, code)
            app.database.bindings.put(binding.binding_id, binding)
        await unit.commit()


def with_budget(limit: int, per: Period = Period.MINUTE) -> dict[str, Any]:
    """A policy whose first provider has this budget."""
    providers = a_policy().providers
    limited = dataclasses.replace(providers[PROVIDER], budgets=(Budget(per, limit),))
    return {"providers": {**providers, PROVIDER: limited}}


def with_budgets(per_minute: dict[ProviderCode, int]) -> dict[str, Any]:
    """A policy whose providers have these budgets."""
    providers = a_policy().providers
    return {
        "providers": {
            code: dataclasses.replace(provider, budgets=(Budget(Period.MINUTE, per_minute[code]),))
            for code, provider in providers.items()
        }
    }


async def pause(app: InMemoryApp, scope: PauseScope, scope_id: str) -> None:
    await app.application.pause(PausePlace(DEFAULT_TENANT, scope, scope_id))


async def flood(app: InMemoryApp, guid: Guid, count: int, **changes: Any) -> list[MessageId]:
    return [await app.accept_text(to=f"S:{number + 1}", guid=guid, **changes) for number in range(count)]


async def statuses(app: InMemoryApp, message_ids: Sequence[MessageId]) -> Counter[MessageStatus]:
    return Counter([(await app.message(message_id)).status for message_id in message_ids])


async def the_held(app: InMemoryApp, message_ids: Sequence[MessageId]) -> MessageId:
    """The only one of them."""
    (held,) = [message_id for message_id in message_ids if (await app.message(message_id)).status is HELD]
    return held


@pytest.mark.parametrize(
    ("per", "next_ms"), [(Period.MINUTE, MINUTE // 3), (Period.HOUR, HOUR // 3), (Period.DAY, DAY // 3)]
)
async def test_a_message_over_a_budget_is_held_with_its_period_and_goes_when_due(per: Period, next_ms: int) -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(per, 3),)))
        messages = await flood(app, A, 5)
        await app.dispatch()
        assert await statuses(app, messages) == {SENT: 3, HELD: 1, QUEUED: 1}
        held = await the_held(app, messages)
        assert (await app.message(held)).reason == "BUDGET"
        assert [note.detail for note in await app.reader.timeline(None, held)] == [f"BUDGET {per} ACCOUNT"]
        await app.pass_time(next_ms - 1)
        assert (await app.message(held)).status is HELD
        await app.pass_time(1)
        assert (await app.message(held)).status is SENT
        await app.pass_time(next_ms)
        assert (await statuses(app, messages))[SENT] == 5


async def test_what_waits_for_a_budget_of_a_day_expires_in_time() -> None:
    """Nothing of its account is looked at for hours; a loop finds what has expired, and the senders are told."""
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.DAY, 1),)))
        end = app.clock.now() + HOUR
        messages = await flood(app, A, 60, expires_at=end)
        lasting = await app.accept_text(to="S:900", guid=A)
        await app.dispatch()
        app.clock.advance(HOUR - 1)
        await app.use_cases.expire_waiting().round()
        assert await statuses(app, messages) == {SENT: 1, HELD: 1, QUEUED: 58}
        app.clock.advance(1)
        await app.use_cases.expire_waiting().round()
        assert await statuses(app, messages) == {SENT: 1, MessageStatus.EXPIRED: 59}
        assert (await app.message(lasting)).status is QUEUED
        assert [*app.database.due.committed_items()] == [lasting]
        ended = [move for _, move in app.observer.moves if move.after is MessageStatus.EXPIRED]
        assert len(ended) == 59


async def test_a_backlog_is_gone_through_a_part_in_each_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "LOOKED_AT", 3)
    monkeypatch.setattr(expire, "READS", 2)
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.DAY, 1),)))
        messages = await flood(app, A, 15, expires_at=app.clock.now() + HOUR)
        await app.dispatch()
        app.clock.advance(HOUR)
        left = []
        for _ in range(4):
            await app.use_cases.expire_waiting().round()
            left.append(15 - (await statuses(app, messages))[MessageStatus.EXPIRED])
        assert left == [9, 3, 1, 1]


async def test_a_backlog_that_grows_faster_than_it_is_read_is_gone_through_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(expire, "LOOKED_AT", 3)
    monkeypatch.setattr(expire, "READS", 2)
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.DAY, 1),)))
        first = await flood(app, A, 9, expires_at=app.clock.now() + HOUR)
        await app.dispatch()
        await app.use_cases.expire_waiting().round()  # it has looked at the first ones, and goes on behind them
        app.clock.advance(HOUR)
        for _ in range(3):
            await flood(app, A, 10, expires_at=app.clock.now() + HOUR)
            await app.use_cases.expire_waiting().round()
        assert (await statuses(app, first))[MessageStatus.EXPIRED] == 8


async def test_what_is_called_meanwhile_is_not_expired_and_nothing_is_before_its_time() -> None:
    """What was found to be overdue is looked at again in the transaction."""
    called, waiting = a_due_message(expires_at=NOW + HOUR), a_due_message(expires_at=NOW + HOUR)
    begin_call(called)
    async with InMemoryApp() as app:
        await store(app.units, called, waiting)
        for passed_ms, status in ((HOUR - 1, QUEUED), (1, MessageStatus.EXPIRED)):
            app.clock.advance(passed_ms)
            await app.commits.submit(expire.ExpireMessages(app.clock), [called.id, waiting.id])
            assert await statuses(app, [called.id]) == {MessageStatus.SENDING: 1}
            assert await statuses(app, [waiting.id]) == {status: 1}


async def test_the_whole_backlog_is_gone_through_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "LOOKED_AT", 3)
    monkeypatch.setattr(expire, "READS", 1)
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.DAY, 1),)))
        now = app.clock.now()
        later = await flood(app, A, 9, expires_at=now + 2 * HOUR)
        sooner = await flood(app, A, 2, expires_at=now + HOUR)
        await app.dispatch()

        async def expired_in_rounds(messages: list[MessageId], rounds: int) -> int:
            app.clock.advance(HOUR)
            for _ in range(rounds):
                await app.use_cases.expire_waiting().round()
            return (await statuses(app, messages))[MessageStatus.EXPIRED]

        assert await expired_in_rounds(sooner, 5) == 2
        assert await expired_in_rounds(later, 5) == 8


async def test_one_process_of_the_cluster_expires_and_an_outage_only_delays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.DAY, 1),)))
        messages = await flood(app, A, 3, expires_at=app.clock.now() + HOUR)
        await app.dispatch()
        app.clock.advance(HOUR)
        loop, lease = app.use_cases.expire_waiting(), ClusterLease(expire.LEASE_NAME, "another", 1_000, app.units)
        assert await lease.acquire()
        await loop.round()
        assert (await statuses(app, messages))[MessageStatus.EXPIRED] == 0
        await lease.release()
        faults = iter([UnavailableError("store"), LookupError("a defect")])
        commits = app.commits.submit

        async def submit(operation: Any, item: Any) -> Any:
            if (fault := next(faults, None)) is not None:
                raise fault
            await loop.stop()
            return await commits(operation, item)

        monkeypatch.setattr(app.commits, "submit", submit)
        monkeypatch.setattr(expire, "INTERVAL_S", 0.001)
        await loop.run()
        assert (await statuses(app, messages))[MessageStatus.EXPIRED] == 2


async def test_a_message_that_cannot_be_handled_keeps_no_other_one_from_expiring(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(expire, "LOOKED_AT", 3)
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.DAY, 1),)))
        messages = await flood(app, A, 8, expires_at=app.clock.now() + HOUR)
        await app.dispatch()
        app.clock.advance(HOUR)
        defective = min(app.database.due.committed_items())
        commits = app.commits.submit

        async def submit(operation: Any, item: Any) -> Any:
            if isinstance(operation, expire.ExpireMessages) and defective in item:
                raise LookupError("a defect")
            return await commits(operation, item)

        monkeypatch.setattr(app.commits, "submit", submit)
        await app.use_cases.expire_waiting().round()
        assert (await statuses(app, messages))[MessageStatus.EXPIRED] == 6
        assert [*app.database.due.committed_items()] == [defective]


async def test_bulk_waits_for_its_share_and_the_others_do_not() -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.HOUR, 60),), bulk_share=0.5))
        bulk = await flood(app, A, 80, priority=1)
        await app.dispatch()
        assert await statuses(app, bulk) == {SENT: 30, HELD: 1, QUEUED: 49}
        held = await the_held(app, bulk)
        assert [note.detail for note in await app.reader.timeline(None, held)] == ["BUDGET HOUR BULK"]
        normal = await flood(app, A, 29)
        await app.dispatch()
        assert await statuses(app, normal) == {SENT: 29}
        app.dispatcher._gate.caught_up = True
        await app.accept_text(to="S:9000", guid=A, priority=1)
        assert await app.dispatcher.dispatch_due() == 0
        for minute in range(1, 6):
            await app.pass_time(2 * MINUTE)
            assert (await statuses(app, bulk))[SENT] == 30 + minute


async def test_bulk_whose_share_is_used_up_is_not_looked_at_again_and_again() -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.HOUR, 20),), bulk_share=0.05))
        bulk = await flood(app, A, 4, priority=1)
        await app.dispatch()
        assert await statuses(app, bulk) == {SENT: 1, HELD: 1, QUEUED: 2}
        assert [await app.dispatcher.dispatch_due() for _ in range(20)] == [0] * 20


async def test_a_provider_over_its_budget_leaves_messages_to_a_sibling() -> None:
    async with InMemoryApp(**with_budget(3)) as app:
        await register(app, A, AccountLimits(), PROVIDER, BACKUP)
        messages = await flood(app, A, 8)
        await app.dispatch()
        assert await statuses(app, messages) == {SENT: 8}
        assert [len(app.gateways[code].calls) for code in (PROVIDER, BACKUP)] == [3, 5]
        decision = (await app.message(messages[-1])).attempts.numbered(1).decision
        assert decision is not None
        assert {considered.excluded for considered in decision.candidates} == {"OVER_BUDGET", None}


async def test_messages_that_name_a_provider_over_its_budget_do_not_stop_others_of_their_account() -> None:
    async with InMemoryApp(**with_budget(3, Period.DAY)) as app:
        await register(app, A, AccountLimits(), PROVIDER, BACKUP)
        named = await flood(app, A, 6, provider_code=PROVIDER)
        await app.dispatch()
        assert await statuses(app, named) == {SENT: 3, HELD: 3}
        assert {(await app.message(message_id)).reason for message_id in named[3:]} == {"BUDGET"}
        for elsewhere in (await flood(app, A, 3), await flood(app, A, 3, provider_code=BACKUP)):
            await app.dispatch()
            assert await statuses(app, elsewhere) == {SENT: 3}


async def test_a_sibling_that_is_back_takes_what_waits_for_a_provider_over_its_budget() -> None:
    async with InMemoryApp(**with_budget(3, Period.DAY)) as app:
        await register(app, A, AccountLimits(), PROVIDER, BACKUP)
        backup = implicit_binding(A, BACKUP).binding_id
        app.board.binding_state(backup, ClientState.OFFLINE, app.clock.now())
        messages = await flood(app, A, 10)
        await app.dispatch()
        assert await statuses(app, messages) == {SENT: 3, HELD: 7}
        app.board.binding_state(backup, ClientState.ONLINE, app.clock.now())
        await app.pass_time(RECHECK_MS)
        assert await statuses(app, messages) == {SENT: 9, HELD: 1}  # it has the next place, which is lost otherwise


async def the_held_at_its_turn(app: InMemoryApp, budget: int) -> MessageId:
    """A message has a place in the budgets of its account and of the first provider, of which one is used up; then that one is offline."""
    held = await app.accept_text(to="S:2", guid=A)
    await app.dispatch()
    assert ((await app.message(held)).status, (await app.message(held)).reason) == (HELD, "BUDGET")
    app.board.binding_state(implicit_binding(A, PROVIDER).binding_id, ClientState.OFFLINE, app.clock.now())
    await app.pass_time(budget)
    return held


async def test_what_waited_for_a_budget_takes_a_token_of_the_provider_that_sends_it() -> None:
    """Its place is in the budgets of the provider that was to send it. The other one is over its budget."""
    async with InMemoryApp(**with_budgets({PROVIDER: 60, BACKUP: 1})) as app:
        await register(app, B, AccountLimits(), BACKUP)
        await register(app, A, AccountLimits((Budget(Period.MINUTE, 1),)), PROVIDER, BACKUP)
        await app.accept_text(guid=A)
        await app.accept_text(guid=B)
        await app.dispatch()
        held = await the_held_at_its_turn(app, MINUTE - 1_000)
        await app.accept_text(to="S:3", guid=B)
        await app.dispatch()  # the backup's token of this minute is gone
        await app.pass_time(1_000)
        assert ((await app.message(held)).status, (await app.message(held)).reason) == (HELD, "BUDGET")
        assert len(app.gateways[BACKUP].calls) == 2  # both of the account that has no other provider
        for _ in range(30):
            await app.pass_time(5_000)
        assert (await app.message(held)).status is SENT
        assert [attempt.provider_code for attempt in (await app.message(held)).attempts] == [BACKUP]


async def test_it_waits_once_for_each_provider() -> None:
    """A place at the provider that takes it is a place: it is not asked for again when it has come."""
    async with InMemoryApp(**with_budgets({PROVIDER: 60, BACKUP: 60})) as app:
        await register(app, A, AccountLimits((Budget(Period.MINUTE, 1),)), PROVIDER, BACKUP)
        await app.accept_text(guid=A)
        await app.dispatch()
        held = await the_held_at_its_turn(app, MINUTE)
        assert (await app.message(held)).status is SENT
        limiter = app.use_cases.begin_call()._limiter
        left = limiter.room(provider_budgets_of(BACKUP, (Budget(Period.MINUTE, 60),)))
        assert left == pytest.approx(59 / 60)


async def test_of_two_providers_over_their_budgets_the_one_where_it_has_its_place_is_taken() -> None:
    """Else the two would pass it to and fro, and it would wait at each of them in turn."""
    async with InMemoryApp(**with_budgets({PROVIDER: 1, BACKUP: 1})) as app:
        await register(app, A, AccountLimits(), PROVIDER, BACKUP)
        await flood(app, A, 2)
        await app.dispatch()
        assert [len(app.gateways[code].calls) for code in (PROVIDER, BACKUP)] == [1, 1]
        message = await app.message(await app.accept_text(to="S:9", guid=A))
        async with app.units() as unit:
            await app.router.prepare(unit, [message])
        for code in (PROVIDER, BACKUP):
            route = app.router.route(message, now=app.clock.now(), paced_for=code)
            assert isinstance(route, Choice)
            assert route.provider.code == code


async def test_a_failover_takes_a_token_of_the_other_provider_before_its_call() -> None:
    async with InMemoryApp(**with_budgets({PROVIDER: 60, BACKUP: 1})) as app:
        await register(app, B, AccountLimits(), BACKUP)
        await register(app, A, AccountLimits(), PROVIDER, BACKUP)
        await app.accept_text(guid=B)
        await app.dispatch()
        app.gateway.script(an_outcome(OutcomeClass.REFUSED_CAPABILITY))
        moved = await app.accept_text(guid=A)
        await app.dispatch()
        await app.pass_time(1)
        message = await app.message(moved)
        assert (message.status, message.reason, len(message.attempts)) == (HELD, "BUDGET", 1)
        await app.pass_time(MINUTE)
        assert (await app.message(moved)).status is SENT
        assert len(app.gateways[BACKUP].calls) == 2


async def test_a_sibling_that_is_back_takes_what_waits_for_a_throttled_provider() -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits(), PROVIDER, BACKUP)
        backup = implicit_binding(A, BACKUP).binding_id
        app.board.binding_state(backup, ClientState.OFFLINE, app.clock.now())
        app.gateway.script(an_outcome(OutcomeClass.THROTTLED, retry_after_ms=HOUR))
        await app.accept_text(guid=A)
        await app.dispatch()
        later = await app.accept_text(to="S:2", guid=A)
        await app.dispatch()
        assert (await app.message(later)).reason == "THROTTLED"
        app.board.binding_state(backup, ClientState.ONLINE, app.clock.now())
        await app.pass_time(RECHECK_MS)
        assert (await app.message(later)).status is SENT


async def test_an_account_that_waits_for_its_only_provider_sends_once_it_has_another_one() -> None:
    async with InMemoryApp(shared=Forgetful, **with_budget(3, Period.DAY)) as app:
        await register(app, A, AccountLimits())
        messages = await flood(app, A, 10)
        await app.dispatch()
        assert await statuses(app, messages) == {SENT: 3, HELD: 1, QUEUED: 6}
        await register(app, A, AccountLimits(), PROVIDER, BACKUP)
        await app.pass_time(PROVIDER_LOOK_MS)
        assert (await statuses(app, messages))[SENT] == 9


async def test_a_message_over_its_budget_does_not_use_up_the_trial_of_a_breaker() -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.DAY, 1),)))
        await flood(app, A, 1)
        await app.dispatch()
        for _ in range(5):
            app.board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT))
        app.clock.advance(MINUTE)
        app.board.probed(PROVIDER, answered=True, at=app.clock.now())
        (over,) = await flood(app, A, 1)
        await app.dispatch()
        assert (await app.message(over)).reason == "BUDGET"
        other = await app.accept_text(guid=B)
        await app.dispatch()
        assert (await app.message(other)).status is SENT


async def test_quiet_hours_write_nothing_of_what_a_pause_stops() -> None:
    async with InMemoryApp() as app:
        app.clock.advance(UNTIL_23)
        await register(app, A, NIGHT)
        message_id = await app.accept_text(guid=A)
        await pause(app, PauseScope.ACCOUNT, implicit_account_id(A))
        async with app.units() as unit:
            message = (await unit.messages.get([message_id]))[message_id]
            admission = app.use_cases.in_flight().admission()
            begin_call = app.use_cases.begin_call()
            await begin_call.prepare(unit, [message])
            assert await begin_call(admission, message, paced=True, now=app.clock.now()) is None
        assert (message.status, admission.unplaced) == (QUEUED, [message_id])


async def test_of_many_accounts_that_wait_for_a_provider_few_are_looked_at_and_none_is_forgotten() -> None:
    async with InMemoryApp(**with_budget(60)) as app:
        messages = [await app.accept_text(guid=Guid(f"g{number:03}")) for number in range(160)]
        await app.dispatch()
        assert (await statuses(app, messages))[SENT] == 60
        looked_at = 0
        for _ in range(300):
            app.clock.advance(100)
            while count := await app.dispatcher.dispatch_due():
                looked_at += count
                await app.quiet()
        assert (await statuses(app, messages))[SENT] == 90
        assert looked_at < 30 * 5
        for _ in range(80):
            await app.pass_time(1_000)
        assert (await statuses(app, messages))[SENT] == 160


async def test_without_a_sibling_messages_wait_for_the_provider_and_other_accounts_do_not() -> None:
    async with InMemoryApp(**with_budget(6)) as app:
        await register(app, A, AccountLimits())
        await register(app, B, AccountLimits(), BACKUP)
        ours, theirs = await flood(app, A, 10), await flood(app, B, 10)
        await app.dispatch()
        assert await statuses(app, theirs) == {SENT: 10}
        assert await statuses(app, ours) == {SENT: 6, HELD: 1, QUEUED: 3}
        held = await the_held(app, ours)
        assert [note.detail for note in await app.reader.timeline(None, held)] == ["BUDGET MINUTE PROVIDER"]
        assert await app.dispatcher.dispatch_due() == 0
        for sent in range(7, 11):
            await app.pass_time(10_000)
            assert (await statuses(app, ours))[SENT] == sent


async def test_accounts_share_the_budget_of_their_provider() -> None:
    async with InMemoryApp(**with_budget(6)) as app:
        messages = [await app.accept_text(guid=Guid(f"g{number}")) for number in range(20)]
        await app.dispatch()
        assert (await statuses(app, messages))[SENT] == 6
        for _ in range(14):
            await app.pass_time(10_000)
        assert (await statuses(app, messages))[SENT] == 20


UNTIL_23: Final = (NOW // DAY + 1) * DAY + 15 * HOUR - NOW
"""So long until 23:00 in Shanghai."""

NIGHT: Final = AccountLimits(quiet_hours=QuietHours.of("22:00", "07:00", "Asia/Shanghai"))


async def test_in_quiet_hours_nothing_is_sent_and_at_their_end_the_most_urgent_goes_first() -> None:
    async with InMemoryApp() as app:
        app.clock.advance(UNTIL_23)
        await register(app, A, NIGHT)
        normal, bulk, urgent = [await app.accept_text(guid=A, priority=priority) for priority in (5, 1, 9)]
        await app.dispatch()
        messages = [normal, bulk, urgent]
        assert [(await app.message(m)).reason for m in messages] == ["QUIET_HOURS"] * 3
        assert await app.dispatcher.dispatch_due() == 0
        await app.pass_time(8 * HOUR - 1)
        assert await statuses(app, messages) == {HELD: 3}
        await app.pass_time(1)
        assert [call.message_id for call in app.gateway.calls] == [urgent, normal, bulk]


async def test_a_conversation_is_called_no_sooner_than_its_interval_and_others_are_not_kept_waiting() -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits(min_interval_ms=5_000))
        first, second, third = [await app.accept_text(guid=A) for _ in range(3)]
        other = await app.accept_text(to="S:2", guid=A)
        await app.dispatch()
        assert await statuses(app, [first, other]) == {SENT: 2}
        assert [(await app.message(m)).reason for m in (second, third)] == ["INTERVAL", None]
        await app.pass_time(4_999)
        assert (await app.message(second)).status is HELD
        await app.pass_time(1)
        assert [(await app.message(m)).status for m in (second, third)] == [SENT, HELD]
        assert await app.dispatcher.dispatch_due() == 0
        await app.pass_time(5_000)
        assert (await app.message(third)).status is SENT


async def test_a_backlog_of_a_conversation_with_an_interval_is_not_written_with_each_call() -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits(min_interval_ms=1_000))
        messages = [await app.accept_text(guid=A) for _ in range(200)]
        for _ in range(20):
            await app.pass_time(1_000)
        assert (await statuses(app, messages))[SENT] == 20
        assert sum([(await app.message(message_id)).version for message_id in messages]) < 600


async def test_a_retry_waits_for_the_interval_too_and_another_process_knows_it() -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits(min_interval_ms=60_000))
        app.gateway.script(an_outcome(OutcomeClass.NOT_SENT))
        message_id = await app.accept_text(guid=A)
        await app.dispatch()
        await app.restart()
        await app.pass_time(30_000)
        assert (await app.message(message_id)).reason == "INTERVAL"
        await app.pass_time(30_000)
        assert (await app.message(message_id)).status is SENT


async def test_a_raised_limit_is_effective_at_once_and_a_place_that_was_given_stays() -> None:
    async with InMemoryApp(shared=Forgetful) as app:
        await register(app, A, AccountLimits((Budget(Period.DAY, 2),)))
        messages = await flood(app, A, 10)
        await app.dispatch()
        assert await statuses(app, messages) == {SENT: 2, HELD: 1, QUEUED: 7}
        await register(app, A, AccountLimits((Budget(Period.DAY, 8),)))
        await app.dispatch()
        counts = await statuses(app, messages)
        assert counts[SENT] == 7  # of 8, one is promised to the message that waits
        await app.pass_time(DAY // 2)
        assert (await statuses(app, messages))[SENT] == 10


async def change_limits(app: InMemoryApp, limits: AccountLimits) -> None:
    """Of account A, as the REST API does it."""
    await app.application.accounts.change(DEFAULT_TENANT, implicit_account_id(A), AccountSettings(limits=limits))


async def test_a_limit_that_is_raised_by_the_api_is_effective_at_once_in_the_process_that_is_asked() -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.DAY, 2),)))
        messages = await flood(app, A, 10)
        await app.dispatch()
        await change_limits(app, AccountLimits((Budget(Period.DAY, 1_000),)))
        await app.dispatch()
        assert await statuses(app, messages) == {SENT: 10}


async def test_all_that_waits_is_decided_on_anew_where_quiet_hours_end_by_a_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wework_message.application.accounts.registry.MAX_LOOKED_AT", 3)
    async with InMemoryApp() as app:
        app.clock.advance(UNTIL_23)
        await register(app, A, NIGHT)
        messages = await flood(app, A, 10)
        await app.dispatch()
        assert await statuses(app, messages) == {HELD: 10}
        wakeups = len(app.notifier.wakeups)
        await change_limits(app, AccountLimits())
        assert app.notifier.wakeups[wakeups:] == [()]
        await app.dispatch()
        assert await statuses(app, messages) == {SENT: 10}


async def test_accounts_that_are_not_cached_any_more_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits((Budget(Period.DAY, 2),)))
        messages = await flood(app, A, 10)
        await app.dispatch()
        monkeypatch.setattr("wework_message.application.dispatch.routing.MAX_ACCOUNTS", 0)
        await register(app, A, AccountLimits((Budget(Period.DAY, 8),)))
        await app.accept_text(guid=B)
        await app.dispatch()  # the cache is full, and emptied
        assert (await statuses(app, messages))[SENT] == 7


async def test_a_lowered_limit_is_effective_at_once() -> None:
    async with InMemoryApp(shared=Forgetful) as app:
        await register(app, A, AccountLimits((Budget(Period.HOUR, 100),)))
        await flood(app, A, 10)
        await app.dispatch()
        await register(app, A, AccountLimits((Budget(Period.HOUR, 12),)))
        messages = await flood(app, A, 5)
        await app.dispatch()
        assert (await statuses(app, messages))[SENT] == 2


async def test_quiet_hours_hold_what_is_accepted_and_cost_no_budget() -> None:
    async with InMemoryApp() as app:
        app.clock.advance(UNTIL_23)
        await register(app, A, dataclasses.replace(NIGHT, budgets=(Budget(Period.DAY, 1),)))
        app.dispatcher._gate.caught_up = True
        await app.use_cases.pauses().refresh()
        message_id = await app.accept_text(guid=A)
        assert (await app.message(message_id)).reason == "QUIET_HOURS"
        await app.pass_time(8 * HOUR)
        assert (await app.message(message_id)).status is SENT


@pytest.mark.parametrize(("back_ms", "reason"), [(500, "INTERVAL"), (3_600_000, None)])
async def test_a_clock_that_was_set_back_keeps_no_conversation_waiting_for_long(
    back_ms: int, reason: str | None
) -> None:
    async with InMemoryApp() as app:
        await register(app, A, AccountLimits(min_interval_ms=1_000))
        await app.accept_text(guid=A)
        await app.dispatch()
        app.clock.jump(-back_ms)
        message_id = await app.accept_text(guid=A)
        await app.dispatch()
        assert (await app.message(message_id)).reason == reason
        for _ in range(2):
            await app.pass_time(1_000)
        assert (await app.message(message_id)).status is SENT


def test_what_is_known_of_an_account_is_forgotten_once_it_has_changed() -> None:
    clock = SettableClock()
    in_flight = InFlight(a_policy(), clock, a_pause_board(clock))
    admission = in_flight.admission()
    alone, stopped = AccountId("alone"), AccountId("stopped")
    admission.left_alone[alone] = PROVIDER
    admission.paused.add(stopped)
    in_flight.admitted(admission)
    assert {alone, stopped} <= in_flight.left_out
    in_flight.recheck({alone, stopped})
    assert in_flight.left_out.isdisjoint({alone, stopped})
