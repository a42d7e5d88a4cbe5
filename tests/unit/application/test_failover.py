"""What is provably unsent goes to a sibling binding at once; what is uncertain never does (D-19, D-55)."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.messages import BACKUP, PROVIDER, an_outcome

from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.system import FixedRandom
from wework_message.application.control.change_pauses import PausePlace
from wework_message.application.dispatch.begin_call import StartedCall
from wework_message.application.dispatch.fence import EpochFence
from wework_message.application.dispatch.last_bindings import EvenDraws, LastBindings
from wework_message.application.maintenance.binding_states import BindingStates
from wework_message.application.maintenance.probe import ProbeProviders
from wework_message.domain.account import Account, Binding, Standby
from wework_message.domain.control import PauseScope
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, MessageId, ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.message.options import Pin
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import ClientState, Dispatch
from wework_message.domain.ports.health import CallReport
from wework_message.domain.routing.filters import Candidate, RouteRequest
from wework_message.domain.routing.provider import Capabilities, Provider
from wework_message.domain.routing.selector import Choice, ProviderSelector
from wework_message.domain.trace import TraceContext

ACCOUNT = AccountId("acc")
DOWN = an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)
CANNOT = an_outcome(OutcomeClass.REFUSED_CAPABILITY)
THROTTLED = an_outcome(OutcomeClass.THROTTLED, retry_after_ms=30_000)


def register(app: InMemoryApp, *codes: ProviderCode) -> None:
    """An account with a binding at each provider, in this order."""
    bindings = [
        Binding(BindingId(f"b{place}"), ACCOUNT, code, Guid(f"at-{place}"), priority=place)
        for place, code in enumerate(codes)
    ]
    app.database.register(Account(ACCOUNT), *bindings)


async def answer(gateway: MemoryGateway, is_down: Callable[[], bool], dispatch: Dispatch) -> AttemptOutcome:
    return DOWN if is_down() else gateway.accepted()


async def tried(app: InMemoryApp, message_id: MessageId) -> list[str]:
    return [str(attempt.guid) for attempt in (await app.message(message_id)).attempts]


@pytest.mark.parametrize(
    "outcome",
    [DOWN, THROTTLED, an_outcome(OutcomeClass.REFUSED_BINDING), an_outcome(OutcomeClass.REFUSED_CAPABILITY)],
    ids=lambda outcome: outcome.kind.value,
)
async def test_what_is_provably_unsent_goes_to_the_sibling_at_once(outcome: AttemptOutcome) -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        app.gateway.script(outcome)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        await app.pass_time(1)
        assert (await app.message(message_id)).status is MessageStatus.SENT
        assert await tried(app, message_id) == ["at-0", "at-1"]


@pytest.mark.parametrize("reason", [Reason.READ, Reason.UNREADABLE, Reason.LEASE_EXPIRED])
async def test_what_is_uncertain_never_goes_to_a_sibling(reason: Reason) -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        app.gateway.script(an_outcome(OutcomeClass.UNCERTAIN, reason=reason))
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        for _ in range(50):
            await app.pass_time(3_600_000)
        assert await tried(app, message_id) == ["at-0"]
        assert app.gateways[BACKUP].executed == []


async def test_what_is_the_same_anywhere_is_not_tried_elsewhere() -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        app.gateway.script(an_outcome(OutcomeClass.REFUSED_PERMANENT))
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.FAILED
        assert await tried(app, message_id) == ["at-0"]


AWAY: dict[str, Callable[[InMemoryApp], None]] = {
    "offline": lambda app: app.board.binding_state(BindingId("b1"), ClientState.OFFLINE, app.clock.now()),
    "breaker": lambda app: shut(app, BACKUP, "b1"),
    "fenced": lambda app: app.use_cases.fence().heard([backup_binding(app, epoch=9)]),
    "standby": lambda app: app.database.register(Account(ACCOUNT), backup_binding(app, standby=Standby.WARM)),
}


def backup_binding(app: InMemoryApp, **changes: Any) -> Binding:
    (binding,) = [row for row in app.database.bindings.committed_rows() if row.provider_code == BACKUP]
    return dataclasses.replace(binding, **changes)


def shut(app: InMemoryApp, code: ProviderCode, name: str) -> None:
    """Its breaker is open."""
    for _ in range(6):
        app.board.report(
            CallReport(
                code, BindingId(name), Guid(name), "TEXT", OutcomeClass.NOT_SENT, Reason.CONNECT, True, 1.0,
                app.clock.now(),
            )
        )  # fmt: skip


@pytest.mark.parametrize("away", AWAY.values(), ids=AWAY)
async def test_what_one_binding_can_never_send_waits_for_the_other_one(away: Callable[[InMemoryApp], None]) -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        away(app)
        app.gateway.script(CANNOT)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.HELD, "ALL_OFFLINE")
        await app.pass_time(60_000)
        assert (await app.message(message_id)).status is MessageStatus.HELD
        assert await tried(app, message_id) == ["at-0"]


async def test_a_binding_that_is_back_sends_what_the_other_one_can_never_send() -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        AWAY["offline"](app)
        app.gateway.script(CANNOT)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        app.board.binding_state(BindingId("b1"), ClientState.ONLINE, app.clock.now())
        await app.pass_time(60_000)
        assert (await app.message(message_id)).status is MessageStatus.SENT
        assert await tried(app, message_id) == ["at-0", "at-1"]


async def test_a_paused_provider_is_waited_for_where_the_other_one_can_never_send_it() -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        await app.application.pause(PausePlace(DEFAULT_TENANT, PauseScope.PROVIDER, BACKUP))
        app.gateway.script(CANNOT)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        assert (await app.message(message_id)).status is MessageStatus.HELD


NEVER: dict[str, Callable[[Binding], Binding]] = {
    "switched off": lambda binding: dataclasses.replace(binding, enabled=False),
    "not there": lambda binding: dataclasses.replace(binding, removed=True),
}


@pytest.mark.parametrize("change", NEVER.values(), ids=NEVER)
async def test_a_refusal_of_a_type_fails_where_no_other_binding_could_take_it(
    change: Callable[[Binding], Binding],
) -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        app.database.register(Account(ACCOUNT), change(backup_binding(app)))
        app.gateway.script(CANNOT)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.FAILED, "REFUSED_CAPABILITY")


async def test_it_fails_once_every_binding_has_refused_it() -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        for gateway in app.gateways.values():
            gateway.script(CANNOT)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        await app.pass_time(1)
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.FAILED, "REFUSED_CAPABILITY")
        assert await tried(app, message_id) == ["at-0", "at-1"]


@pytest.mark.parametrize(("outcome", "status"), [("REFUSED_CAPABILITY", "FAILED"), ("REFUSED_BINDING", "HELD")])
@pytest.mark.parametrize("names", [{"pin": Pin.BINDING}, {"provider_code": PROVIDER}], ids=["pin", "provider"])
async def test_a_pinned_message_has_no_other_binding(names: dict[str, Any], outcome: str, status: str) -> None:
    """What its binding can never send has nobody to wait for; a binding that cannot send now is waited for."""
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        app.gateway.script(an_outcome(OutcomeClass(outcome)))
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT, **names)
        await app.dispatch()
        assert (await app.message(message_id)).status == status
        assert await tried(app, message_id) == ["at-0"]


async def test_an_account_that_was_changed_during_the_call_is_read_before_a_refusal_is_final() -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        answer = app.hold_next_send()
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatcher.dispatch_due()
        app.router.changed(ACCOUNT, list(app.database.bindings.committed_rows()))
        answer.set_result(CANNOT)
        await app.pass_time(0)
        assert (await app.message(message_id)).status is MessageStatus.HELD
        await app.pass_time(60_000)
        assert await tried(app, message_id) == ["at-0", "at-1"]


async def test_every_sibling_is_tried_before_one_is_tried_again_and_then_it_waits() -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        for gateway in app.gateways.values():
            gateway.script(*[DOWN] * 2)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT, retry_count=10)
        await app.dispatch()
        await app.pass_time(1)
        assert await tried(app, message_id) == ["at-0", "at-1"]
        await app.pass_time(1)  # both have failed: no ping-pong without a pause
        assert await tried(app, message_id) == ["at-0", "at-1"]
        await app.pass_time(60_000)
        await app.pass_time(1)
        assert await tried(app, message_id) == ["at-0", "at-1", "at-0", "at-1"]


async def test_a_pinned_message_waits_for_its_binding() -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        app.gateway.script(DOWN)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT, provider_code=PROVIDER)
        await app.dispatch()
        await app.pass_time(1)
        assert await tried(app, message_id) == ["at-0"]
        await app.pass_time(60_000)
        assert await tried(app, message_id) == ["at-0", "at-0"]


async def test_a_failover_takes_its_place_in_the_budget_of_the_account() -> None:
    """Its account has no room: the throttled message waits for it, and is not sent through the sibling before."""
    async with InMemoryApp(rate_per_minute=1) as app:
        register(app, PROVIDER, BACKUP)
        app.gateway.script(THROTTLED)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        await app.pass_time(1)
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.HELD, "BUDGET")
        await app.pass_time(60_000)
        assert await tried(app, message_id) == ["at-0", "at-1"]


async def test_an_hour_without_any_provider_ends_as_held_and_then_sent() -> None:
    """Waiting costs no attempt that would end the message (D-55)."""
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        down = True
        for gateway in app.gateways.values():
            gateway.script(*[partial(answer, gateway, lambda: down)] * 200)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        for _ in range(60):
            await app.pass_time(60_000)
        message = await app.message(message_id)
        assert (message.status, message.reason) in {
            (MessageStatus.HELD, "PROVIDER_DOWN"),
            (MessageStatus.HELD, "BREAKERS_OPEN"),
        }
        down = False
        await ProbeProviders(app.gateways, app.board, app.clock, BindingStates(app.commits, app.clock))()
        await app.pass_time(600_000)
        assert (await app.message(message_id)).status is MessageStatus.SENT


async def test_a_conversation_stays_where_it_was_sent_from() -> None:
    async with InMemoryApp() as app:
        twins = [Binding(BindingId(name), ACCOUNT, PROVIDER, Guid(f"at-{name}")) for name in "ab"]
        app.database.register(Account(ACCOUNT), *twins)
        for _ in range(10):
            for room in range(5):
                await app.accept_text(guid=None, account_id=ACCOUNT, to=f"R:{room}")
            await app.dispatch()
        by_room: dict[str, set[str]] = {}
        for call in app.gateway.executed:
            by_room.setdefault(call.conversation_id, set()).add(call.guid)
        assert [len(guids) for guids in by_room.values()] == [1] * 5
        assert len(set().union(*by_room.values())) == 2


def test_conversations_that_were_quiet_for_the_longest_time_are_forgotten() -> None:
    last = LastBindings(max_lanes=2)
    first, second, third = ((ACCOUNT, f"R:{number}") for number in range(3))
    for lane in (first, second, first, third):
        last.sent(lane, BindingId("b"))
    assert [last.of(lane) is not None for lane in (first, second, third)] == [True, False, True]


def test_draws_of_an_account_are_even_whatever_others_draw() -> None:
    draws = EvenDraws(FixedRandom(0.3))
    points = []
    for number in range(10_000):
        points.append(draws.next(ACCOUNT))
        draws.next(AccountId(str(number % 7)))
    for part in range(10):
        inside = sum(part / 10 <= point < (part + 1) / 10 for point in points)
        assert abs(inside - 1_000) <= 20


async def test_no_call_that_was_decided_on_before_a_switch_starts_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The intent is stored, and the holder is demoted before the call begins: nothing was sent, and the sibling goes on."""
    async with InMemoryApp() as app:
        register(app, PROVIDER, BACKUP)
        start = app.dispatcher.start

        def demote_first(started_calls: Sequence[StartedCall], *claim: TraceContext | None) -> None:
            if started_calls:
                monkeypatch.setattr(app.dispatcher, "start", start)
                demoted, kept = list(app.database.bindings.committed_rows())
                demoted = dataclasses.replace(demoted, standby=Standby.WARM, epoch=demoted.epoch + 1)
                app.database.bindings.drop(demoted.binding_id)
                app.database.register(Account(ACCOUNT), demoted)
                app.router.changed(ACCOUNT, [demoted, kept])
            start(started_calls, *claim)

        monkeypatch.setattr(app.dispatcher, "start", demote_first)
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        (fenced,) = (await app.message(message_id)).attempts
        assert fenced.outcome is not None
        assert (fenced.outcome.kind, fenced.outcome.reason) == (OutcomeClass.NOT_SENT, Reason.FENCED)
        assert app.gateway.executed == []
        await app.pass_time(60_000)
        assert await tried(app, message_id) == ["at-0", "at-1"]


async def test_a_binding_that_was_changed_since_it_was_read_takes_nothing() -> None:
    async with InMemoryApp() as app:
        register(app, PROVIDER)
        (binding,) = app.database.bindings.committed_rows()
        app.use_cases.fence().heard([dataclasses.replace(binding, epoch=binding.epoch + 1)])
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        message = await app.message(message_id)
        assert (message.status, message.reason) == (MessageStatus.HELD, "ALL_OFFLINE")


def test_calls_of_a_binding_that_was_removed_do_not_start() -> None:
    fence = EpochFence()
    binding = Binding(BindingId("b"), ACCOUNT, PROVIDER, Guid("g"), epoch=3)
    fence.heard([binding])
    assert fence.may_start(binding.binding_id, 3)
    fence.replaced([binding], [])
    assert not fence.may_start(binding.binding_id, 3)
    fence.heard([binding])  # a read that began before
    assert fence.is_old(binding)


@given(st.lists(st.integers(1, 20), min_size=2, max_size=6), st.floats(0, 1, exclude_max=True))
@settings(max_examples=3)
def test_over_10000_conversations_each_equal_candidate_gets_its_share_within_2_percent(
    weights: list[int], start: float
) -> None:
    """With the draws that the router makes: more even than chance, which would be off by 3 % at a tenth."""
    draws = EvenDraws(FixedRandom(start))
    provider = Provider(PROVIDER, "first", Capabilities(frozenset({"TEXT"})))
    candidates = [
        Candidate(Binding(BindingId(f"b{place}"), ACCOUNT, PROVIDER, Guid(f"g{place}"), weight=weight), provider)
        for place, weight in enumerate(weights)
    ]
    counts = Counter[str]()
    for _ in range(10_000):
        request = RouteRequest("TEXT", random_source=(draws.next(ACCOUNT), 0.5, 0.5))
        choice = ProviderSelector().choose(request, candidates)
        assert isinstance(choice, Choice)
        counts[choice.binding.binding_id] += 1
    for place, weight in enumerate(weights):
        share = 10_000 * weight / sum(weights)
        assert abs(counts[f"b{place}"] - share) <= max(0.02 * share, 10)


async def test_a_trial_of_a_sibling_is_no_reason_to_be_called_again_at_once() -> None:
    async with InMemoryApp() as app:
        account_id = AccountId("acc")
        first = Binding(BindingId("one"), account_id, PROVIDER, Guid("at-one"))
        second = Binding(BindingId("two"), account_id, BACKUP, Guid("at-two"), priority=2)
        app.database.register(Account(account_id), first, second)
        shut(app, BACKUP, "two")
        app.clock.advance(40_000)
        app.board.probed(BACKUP, True, app.clock.now())
        ids = [await app.accept_text(to=f"S:{number}", guid=None, account_id=account_id) for number in range(10, 18)]
        for _ in range(60):
            app.gateway.script(an_outcome(OutcomeClass.NOT_SENT))
        await app.dispatch()
        await app.pass_time(1)
        calls = [len((await app.message(message_id)).attempts) for message_id in ids]
        assert calls.count(1) >= len(ids) - 1


@pytest.mark.parametrize(("retry_count", "status"), [(1, MessageStatus.HELD), (2, MessageStatus.RETRY_WAIT)])
async def test_a_provider_whose_quick_tries_for_a_message_are_used_up_has_no_sibling(
    retry_count: int, status: MessageStatus
) -> None:
    first = dataclasses.replace(a_policy().providers[PROVIDER], retry_count=retry_count)
    async with InMemoryApp(providers={PROVIDER: first}) as app:
        register(app, PROVIDER, PROVIDER)
        app.gateway.script(an_outcome(OutcomeClass.REFUSED_BINDING))
        message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
        await app.dispatch()
        assert (await app.message(message_id)).status is status
