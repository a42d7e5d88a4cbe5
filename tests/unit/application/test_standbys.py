"""WARM bindings are activated where nothing else of the account is left; COLD ones need a person (M-5, ADR 50)."""

import dataclasses
from typing import Any

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.messages import BACKUP, PROVIDER, an_outcome

from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.application.accounts.activation_leases import LEASE_MS, ActivationLeases, lease_name
from wework_message.application.control.change_pauses import PausePlace
from wework_message.application.dispatch.fence import FENCED_AFTER_MS
from wework_message.application.dispatch.stranded import Stranded
from wework_message.application.errors import NotFoundError, NotImplementedYetError
from wework_message.application.maintenance.ended_leases import PruneLeases
from wework_message.application.maintenance.standbys import FIRST_PAUSE_MS
from wework_message.application.maintenance.standbys import LEASE_MS as STANDBYS_LEASE_MS
from wework_message.domain.account import (
    Account,
    Binding,
    BindingState,
    NotActivatableError,
    SlotOccupiedError,
    Standby,
)
from wework_message.domain.control import PauseScope
from wework_message.domain.errors import UnavailableError
from wework_message.domain.horizon import WRITE_WITHIN_MS
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.standby import StandbyEvent

ACCOUNT = AccountId("acc")
HOLDER = Binding(BindingId("holder"), ACCOUNT, BACKUP, Guid("at-holder"), device_slot="MAC")
SPARE = Binding(BindingId("spare"), ACCOUNT, PROVIDER, Guid("at-spare"), Standby.WARM, device_slot="MAC")
COLD = dataclasses.replace(SPARE, standby=Standby.COLD)


def register(app: InMemoryApp, *bindings: Binding) -> None:
    app.database.register(Account(ACCOUNT), *bindings)
    for binding in bindings:
        app.gateways[binding.provider_code].states[binding.guid] = ClientState.OFFLINE


def spare_of(app: InMemoryApp) -> MemoryInstanceGateway:
    """The provider of the standby; that of the holder cannot log instances in."""
    assert isinstance(app.gateway, MemoryInstanceGateway)
    return app.gateway


def offline(app: InMemoryApp, binding: Binding = HOLDER) -> None:
    app.board.binding_state(binding.binding_id, ClientState.OFFLINE, app.clock.now())


async def held(app: InMemoryApp) -> MessageId:
    """A message that nothing can send now."""
    message_id = await app.accept_text(guid=None, account_id=ACCOUNT)
    await app.dispatch()
    assert (await app.message(message_id)).status is MessageStatus.HELD
    return message_id


async def activate(app: InMemoryApp, **changes: Any) -> None:
    await app.application.activate(DEFAULT_TENANT, ACCOUNT, SPARE.binding_id, **changes)


def stored(app: InMemoryApp) -> dict[str, Binding]:
    return {str(binding.binding_id): binding for binding in app.database.bindings.committed_rows()}


async def test_a_warm_binding_takes_over_where_the_only_hot_one_is_offline() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        offline(app)
        message_id = await held(app)
        assert (await app.message(message_id)).reason == "ALL_OFFLINE"
        await app.use_cases.standbys().round()
        after = stored(app)
        assert (after["spare"].standby, after["spare"].state, after["spare"].epoch) == (Standby.HOT, "ONLINE", 1)
        assert (after["holder"].standby, after["holder"].epoch) == (Standby.WARM, 1)
        await app.pass_time(10_000)
        assert [call.guid for call in spare_of(app).executed] == ["at-spare"]
        assert app.observer.standby_events == [(ACCOUNT, StandbyEvent.ACTIVATED)]


async def test_the_holder_of_the_slot_is_fenced_off_before_the_standby_logs_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        offline(app)
        began, gateway = app.clock.boot(), spare_of(app)
        log_in, at = gateway.log_in, list[tuple[float, Standby]]()

        async def noted(guid: Guid) -> Any:
            at.append((app.clock.boot() - began, stored(app)["holder"].standby))
            return await log_in(guid)

        monkeypatch.setattr(gateway, "log_in", noted)
        await activate(app)
        assert at == [(FENCED_AFTER_MS, Standby.WARM)]


async def test_nothing_is_activated_while_a_hot_binding_is_left() -> None:
    """Its message is pinned to another provider: the account as a whole can send."""
    async with InMemoryApp() as app:
        other = dataclasses.replace(HOLDER, binding_id=BindingId("other"), guid=Guid("at-other"), device_slot="PAD")
        register(app, HOLDER, other, SPARE)
        offline(app)
        app.use_cases.stranded().note(DEFAULT_TENANT, ACCOUNT)
        await app.use_cases.standbys().round()
        assert (spare_of(app).logins, app.observer.standby_events) == ([], [])


async def test_a_holder_that_may_be_online_keeps_its_slot() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        with pytest.raises(SlotOccupiedError):
            await activate(app)
        assert spare_of(app).logins == []
        await activate(app, demote=True)
        assert stored(app)["spare"].standby is Standby.HOT
        assert stored(app)["holder"].standby is Standby.WARM


async def test_a_cold_standby_raises_an_event_and_the_message_waits() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, COLD)
        offline(app)
        message_id = await held(app)
        await app.use_cases.standbys().round()
        assert app.observer.standby_events == [(ACCOUNT, StandbyEvent.NEEDS_PERSON)]
        assert (await app.message(message_id)).reason == "ALL_OFFLINE"
        assert spare_of(app).logins == []


async def test_a_login_that_fails_is_not_repeated_at_once() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        offline(app)
        spare_of(app).answer = an_outcome(OutcomeClass.REFUSED_PERMANENT)
        for _ in range(3):
            app.use_cases.stranded().note(DEFAULT_TENANT, ACCOUNT)
            await app.use_cases.standbys().round()
        # The holder left its slot, so it is a standby now, and was tried as well.
        assert spare_of(app).logins == ["at-spare"]
        assert app.observer.standby_events == [
            (ACCOUNT, StandbyEvent.NOT_LOGGED_IN),
            (ACCOUNT, StandbyEvent.NEEDS_PERSON),
        ]
        spare_of(app).answer = an_outcome(OutcomeClass.ACCEPTED)
        app.clock.advance(FIRST_PAUSE_MS)
        app.use_cases.stranded().note(DEFAULT_TENANT, ACCOUNT)
        await app.use_cases.standbys().round()
        assert hot_ones(app) != []


def hot_ones(app: InMemoryApp) -> list[str]:
    return [name for name, binding in stored(app).items() if binding.standby is Standby.HOT]


async def test_an_activation_that_was_cut_off_after_the_login_goes_on() -> None:
    async with InMemoryApp() as app:
        register(app, dataclasses.replace(HOLDER, standby=Standby.WARM, epoch=1), SPARE)
        spare_of(app).states[SPARE.guid] = ClientState.ONLINE  # whoever logged it in has died
        message_id = await held(app)
        await app.use_cases.standbys().round()
        await app.pass_time(10_000)
        assert (await app.message(message_id)).status is MessageStatus.SENT


async def test_another_process_that_holds_the_lease_activates() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        offline(app)
        await held(app)
        async with app.units() as unit:
            await unit.leases.take("standbys", "elsewhere", 60_000)
            await unit.commit()
        await app.use_cases.standbys().round()
        assert spare_of(app).logins == []
        async with app.units() as unit:
            await unit.leases.release("standbys", "elsewhere")
            await unit.commit()
        await app.use_cases.standbys().round()  # what was found is not forgotten meanwhile
        assert spare_of(app).logins == [SPARE.guid]


async def test_only_what_can_be_activated_is() -> None:
    async with InMemoryApp() as app:
        register(app, dataclasses.replace(HOLDER, state=BindingState.OFFLINE), SPARE)
        with pytest.raises(NotActivatableError):
            await app.application.activate(DEFAULT_TENANT, ACCOUNT, HOLDER.binding_id)
        here = dataclasses.replace(HOLDER, standby=Standby.WARM, binding_id=BindingId("far"), guid=Guid("far"))
        app.database.register(Account(ACCOUNT), here)
        with pytest.raises(NotImplementedYetError):
            await app.application.activate(DEFAULT_TENANT, ACCOUNT, here.binding_id)
        with pytest.raises(NotFoundError):
            await app.application.activate(DEFAULT_TENANT, ACCOUNT, BindingId("none"))


def test_an_account_is_named_once_until_it_was_looked_after() -> None:
    stranded = Stranded()
    for _ in range(3):
        stranded.note(DEFAULT_TENANT, ACCOUNT)
    assert stranded.noted.is_set()
    assert stranded.take() == [(DEFAULT_TENANT, ACCOUNT)]
    assert (stranded.take(), stranded.noted.is_set()) == ([], False)


async def test_the_fence_holds_for_whoever_goes_on_after_a_process_that_demoted_and_died() -> None:
    async with InMemoryApp() as app:
        demoted = dataclasses.replace(HOLDER, standby=Standby.WARM, epoch=1)
        register(app, demoted, SPARE)
        app.database.register(Account(ACCOUNT, version=2, updated_at=app.clock.now() - 2_000), demoted, SPARE)
        began, at = app.clock.boot(), logins_at(app)
        await activate(app)
        assert [boot - began for boot in at] == [FENCED_AFTER_MS - 2_000]


def logins_at(app: InMemoryApp) -> list[float]:
    """The boot clock at each login from now on."""
    gateway, at = spare_of(app), list[float]()
    log_in = gateway.log_in

    async def noted(guid: Guid) -> Any:
        at.append(app.clock.boot())
        return await log_in(guid)

    gateway.log_in = noted  # type: ignore[method-assign]  # the gateway's own answer, and when it was asked
    return at


async def test_while_one_activates_by_hand_the_loop_leaves_the_account_alone() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        spare_of(app).answer = an_outcome(OutcomeClass.REFUSED_PERMANENT)
        at = logins_at(app)
        rounds = list[int]()

        async def meanwhile(seconds: float) -> None:
            app.clock.advance(round(seconds * 1000) + LEASE_MS // 3)  # each question is answered late
            assert await taken_elsewhere(app) is None
            app.use_cases.stranded().note(DEFAULT_TENANT, ACCOUNT)
            await app.use_cases.standbys().round()
            with pytest.raises(NotActivatableError, match="already"):
                await activate(app)
            rounds.append(len(at))

        app.application.activate._pause = meanwhile
        with pytest.raises(NotActivatableError, match="not online"):
            await activate(app, demote=True)
        assert (len(rounds), len(at)) == (16, 1)
        assert app.observer.standby_events == []


async def test_while_another_process_activates_neither_a_person_nor_the_loop_touches_the_account() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        offline(app)
        await held(app)
        assert await taken_elsewhere(app)
        with pytest.raises(NotActivatableError, match="already"):
            await activate(app, demote=True)
        await app.use_cases.standbys().round()
        assert (spare_of(app).logins, app.observer.standby_events) == ([], [])
        assert stored(app) == {"holder": HOLDER, "spare": SPARE}


async def test_whoever_hears_that_a_slot_is_occupied_may_activate_by_hand_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A script that follows the metric would be told that an activation is under way."""
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        offline(app)
        await held(app)
        app.gateways[BACKUP].states[HOLDER.guid] = ClientState.ONLINE
        told, taken = app.observer.standby, list[set[AccountId]]()

        def heard(account_id: AccountId, event: StandbyEvent) -> None:
            told(account_id, event)
            taken.append(set(app.application.activate._leases._here))

        monkeypatch.setattr(app.observer, "standby", heard)
        await app.use_cases.standbys().round()
        assert app.observer.standby_events == [(ACCOUNT, StandbyEvent.SLOT_OCCUPIED)]
        assert taken == [set()]
        await activate(app, demote=True)


async def test_a_holder_of_the_slot_that_was_bound_meanwhile_keeps_it_if_it_is_online() -> None:
    """Between the demotion and the login; what is stored of it is older than what this process has seen."""
    async with InMemoryApp() as app:
        register(app, SPARE)
        late = dataclasses.replace(HOLDER, state=BindingState.OFFLINE)
        log_in = spare_of(app).log_in

        async def then_bound(guid: Guid) -> Any:
            app.database.register(Account(ACCOUNT), late)
            app.board.binding_state(late.binding_id, ClientState.ONLINE, app.clock.now())
            return await log_in(guid)

        spare_of(app).log_in = then_bound  # type: ignore[method-assign]  # somebody binds an instance meanwhile
        with pytest.raises(SlotOccupiedError):
            await activate(app)
        assert stored(app) == {"holder": late, "spare": SPARE}


def test_the_fence_outlasts_every_call_that_was_decided_on_by_an_old_read() -> None:
    app = InMemoryApp()
    assert app.router._remember_s * 1000 + WRITE_WITHIN_MS <= FENCED_AFTER_MS


async def test_an_activation_that_lost_its_lease_logs_nothing_in() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        offline(app)

        async def too_long(seconds: float) -> None:
            app.clock.advance(LEASE_MS + round(seconds * 1000))
            assert await taken_elsewhere(app)

        app.application.activate._pause = too_long
        with pytest.raises(NotActivatableError, match="no longer"):
            await activate(app)
        assert spare_of(app).logins == []
        assert stored(app)["spare"].standby is Standby.WARM


async def test_the_lease_of_an_account_is_given_back_whatever_comes_of_it() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        for _ in range(2):
            with pytest.raises(SlotOccupiedError):
                await activate(app)
        assert await taken_elsewhere(app)


async def taken_elsewhere(app: InMemoryApp) -> int | None:
    """Another process asks for the lease of the account."""
    async with app.units() as unit:
        epoch = await unit.leases.take(lease_name(ACCOUNT), "elsewhere", 60_000)
        await unit.commit()
    return epoch


async def test_a_holder_that_has_come_back_keeps_its_slot_whatever_was_heard_of_it_before() -> None:
    """What this process knows of an instance may be what another one saw 15 s ago."""
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        offline(app)
        message_id = await held(app)
        app.gateways[BACKUP].states[HOLDER.guid] = ClientState.ONLINE
        await app.use_cases.standbys().round()
        assert spare_of(app).logins == []
        assert stored(app)["holder"] == HOLDER
        assert app.observer.standby_events == [(ACCOUNT, StandbyEvent.SLOT_OCCUPIED)]
        await app.pass_time(10_000)
        assert (await app.message(message_id)).status is MessageStatus.SENT


async def test_a_holder_that_was_offline_and_whose_provider_is_silent_now_leaves_its_slot() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        offline(app)
        app.gateways[BACKUP].states[HOLDER.guid] = ClientState.UNKNOWN
        await activate(app)
        assert stored(app)["holder"].standby is Standby.WARM


async def test_the_lease_of_the_loop_is_renewed_before_each_account() -> None:
    """One activation may take long: what was taken at the beginning of a round may have run out."""
    async with InMemoryApp() as app:
        for name in ("a", "b"):
            account_id = AccountId(name)
            app.database.register(
                Account(account_id),
                dataclasses.replace(SPARE, account_id=account_id, binding_id=BindingId(name), guid=Guid(name)),
            )
            app.use_cases.stranded().note(DEFAULT_TENANT, account_id)
        log_in = spare_of(app).log_in

        async def slow(guid: Guid) -> Any:
            app.clock.advance(STANDBYS_LEASE_MS)
            async with app.units() as unit:
                assert await unit.leases.take("standbys", "elsewhere", 60_000) is not None
                await unit.commit()
            return await log_in(guid)

        spare_of(app).log_in = slow  # type: ignore[method-assign]  # another process takes the lease meanwhile
        await app.use_cases.standbys().round()
        assert spare_of(app).logins == ["a"]


async def test_a_standby_at_another_provider_takes_over_while_a_third_one_is_paused() -> None:
    async with InMemoryApp() as app:
        far = dataclasses.replace(SPARE, binding_id=BindingId("far"), provider_code=BACKUP, guid=Guid("at-far"))
        hot = dataclasses.replace(HOLDER, provider_code=PROVIDER)
        register(app, hot, SPARE, far)
        offline(app, hot)
        await app.application.pause(PausePlace(DEFAULT_TENANT, PauseScope.PROVIDER, BACKUP))
        await held(app)
        await app.use_cases.standbys().round()
        assert spare_of(app).logins == [SPARE.guid]


async def test_nothing_is_logged_in_at_a_paused_provider() -> None:
    async with InMemoryApp() as app:
        register(app, HOLDER, SPARE)
        offline(app)
        await held(app)
        await app.application.pause(PausePlace(DEFAULT_TENANT, PauseScope.PROVIDER, PROVIDER))
        await app.use_cases.standbys().round()
        assert spare_of(app).logins == []


async def test_no_binding_is_activated_where_the_limits_of_its_account_cannot_be_read() -> None:
    async with InMemoryApp() as app:
        app.database.register(Account(ACCOUNT, limits_known=False, enabled=False, version=1), SPARE)
        with pytest.raises(UnavailableError):
            await activate(app)
        assert stored(app)["spare"].standby is Standby.WARM


async def test_a_change_that_a_wrong_clock_has_put_into_the_future_keeps_no_account_waiting() -> None:
    async with InMemoryApp() as app:
        later = app.clock.now() + 3_600_000
        app.database.register(Account(ACCOUNT, version=2, updated_at=later), dataclasses.replace(SPARE, epoch=1))
        await held(app)
        await app.use_cases.standbys().round()
        assert spare_of(app).logins == [SPARE.guid]


async def test_leases_of_activations_that_ended_are_deleted_step_by_step() -> None:
    async with InMemoryApp() as app:
        leases, task = ActivationLeases(app.units, "a"), PruneLeases(step=2)
        for number in range(5):
            async with leases.of(AccountId(f"a-{number}")):
                pass
        async with leases.of(AccountId("held")):
            for _ in range(2):
                task.begin()
                more = True
                while more:
                    async with app.units() as unit:
                        more = await task.step(unit)
                        await unit.commit()
                assert [name for name, _ in app.database.leases.items()] == [lease_name(AccountId("held"))]
