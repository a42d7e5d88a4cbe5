"""Accounts are placed: an instance is made once, by whoever asks, and nothing that was perhaps made is forgotten (ADR 51)."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from tests.support.apps.in_memory_app import InMemoryApp, a_policy
from tests.support.builders.messages import BACKUP, PROVIDER, an_outcome

from wework_message.adapters.memory.gateway import MemoryGateway
from wework_message.adapters.memory.instances import MemoryInstanceGateway
from wework_message.adapters.memory.placements import MemoryPlacements
from wework_message.application.accounts.place import Place, Placed
from wework_message.application.accounts.settings import AccountSettings, RequestedBinding
from wework_message.application.control.change_pauses import PausePlace
from wework_message.application.errors import (
    InstanceOnlineError,
    NotFoundError,
    NotImplementedYetError,
    ProviderRefusedError,
    UnknownNameError,
)
from wework_message.application.policy import InstancePolicy, Policy
from wework_message.domain.account import Account, Binding, BindingState, SlotOccupiedError, Standby
from wework_message.domain.control import PauseScope
from wework_message.domain.errors import InvalidValueError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, ProviderCode
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.placement import FullError, OpenPlacementError, UnplaceableError
from wework_message.domain.ports.gateway import ClientState
from wework_message.domain.ports.instances import MadeInstance
from wework_message.domain.registration import TakenError

SALES: Final = AccountId("sales")
LOST: Final = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.READ)
REFUSED: Final = an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.CODE, error_code=-7)


class TwoMakers(InMemoryApp):
    """Both providers can make instances."""

    def _gateway(self, code: ProviderCode) -> MemoryGateway:
        return MemoryInstanceGateway(self.clock, busy=lambda: self.database.busy)


def limited(**limits: int | None) -> Policy:
    """A policy in which the providers take so many accounts."""
    policy = a_policy()
    first, second = policy.providers[PROVIDER], policy.providers[BACKUP]
    return dataclasses.replace(
        policy,
        providers={
            PROVIDER: dataclasses.replace(first, max_accounts=limits.get("first")),
            BACKUP: dataclasses.replace(second, max_accounts=limits.get("second")),
        },
    )


def maker(app: InMemoryApp, code: ProviderCode = PROVIDER) -> MemoryInstanceGateway:
    gateway = app.gateways[code]
    assert isinstance(gateway, MemoryInstanceGateway)
    return gateway


async def place(app: InMemoryApp, account_id: AccountId = SALES, **changes: Any) -> Placed:
    settings = AccountSettings(name=changes.pop("name", "Sales"))
    return await app.application.place(DEFAULT_TENANT, Place(account_id, settings, **changes))


async def binding_of(app: InMemoryApp, account_id: AccountId = SALES, **changes: Any) -> Binding:
    (binding,) = (await place(app, account_id, **changes)).entry[1]
    return binding


def open_placements(app: InMemoryApp) -> dict[AccountId, ProviderCode]:
    return {placement.account_id: placement.provider_code for placement in app.database.placements.committed_rows()}


def stored_accounts(app: InMemoryApp) -> list[AccountId]:
    return [account.account_id for account in app.database.accounts.committed_rows()]


# -- where it lands --------------------------------------------------------------------------------------------------


async def test_accounts_land_where_most_room_is() -> None:
    async with TwoMakers(policy=limited(first=2, second=4)) as app:
        placed = [await binding_of(app, AccountId(f"a-{number}")) for number in range(6)]
        assert [binding.provider_code for binding in placed] == [BACKUP, BACKUP, PROVIDER, BACKUP, PROVIDER, BACKUP]
        with pytest.raises(FullError, match="FULL"):
            await place(app, AccountId("one too many"[:3]))
        assert (maker(app).made, maker(app, BACKUP).made, open_placements(app)) == (2, 4, {})


async def test_what_is_bound_by_hand_counts_also_when_it_is_switched_off() -> None:
    async with TwoMakers() as app:
        app.database.register(
            Account(AccountId("old")), Binding(BindingId("b"), AccountId("old"), PROVIDER, Guid("g"), enabled=False)
        )
        assert (await binding_of(app)).provider_code == BACKUP


async def test_a_provider_is_named_and_must_be_able() -> None:
    async with InMemoryApp() as app:
        assert (await binding_of(app, provider_code=PROVIDER)).provider_code == PROVIDER
        with pytest.raises(UnplaceableError, match=f"{BACKUP} UNABLE"):
            await place(app, AccountId("b"), provider_code=BACKUP)
        with pytest.raises(UnknownNameError, match="providerCode"):
            await place(app, AccountId("b"), provider_code=ProviderCode("NOBODY"))
        with pytest.raises(InvalidValueError, match="accountId"):
            await place(app, AccountId("guid:g"))
        with pytest.raises(InvalidValueError, match="name"):
            await place(app, AccountId("b"), name="\n")
        assert (stored_accounts(app), open_placements(app)) == ([SALES], {})


async def test_nothing_is_placed_where_the_provider_is_paused_or_does_not_answer() -> None:
    async with TwoMakers() as app:
        await app.application.pause(PausePlace(DEFAULT_TENANT, PauseScope.PROVIDER, PROVIDER))
        app.board.probed(BACKUP, False, app.clock.now())
        with pytest.raises(UnavailableError, match=f"{PROVIDER} PAUSED, {BACKUP} NOT_ANSWERING"):
            await place(app)
        app.board.probed(BACKUP, True, app.clock.now())
        assert (await binding_of(app)).provider_code == BACKUP


# -- what the new account is -----------------------------------------------------------------------------------------


async def test_a_placed_account_holds_its_messages_until_a_person_has_logged_in() -> None:
    async with InMemoryApp() as app:
        binding = await binding_of(app)
        assert (binding.guid, binding.standby, binding.state) == ("made-1", Standby.HOT, BindingState.OFFLINE)
        message_id = await app.accept_text(guid=None, account_id=SALES)
        await app.dispatch()
        assert (await app.message(message_id)).reason == "ALL_OFFLINE"
        app.board.binding_state(binding.binding_id, ClientState.ONLINE, app.clock.now())
        await app.pass_time(10_000)
        assert [call.guid for call in app.gateway.executed] == ["made-1"]


async def test_a_guid_that_somebody_had_before_is_offline_too() -> None:
    async with InMemoryApp() as app:
        old = Binding(
            BindingId("old"), AccountId("old"), PROVIDER, Guid("made-1"), state=BindingState.ONLINE, removed=True
        )
        app.database.register(Account(AccountId("old")), old)
        assert (await binding_of(app)).state is BindingState.OFFLINE


async def test_its_instance_is_set_up_as_the_settings_ask() -> None:
    async with InMemoryApp(
        policy=a_policy(instances={PROVIDER: InstancePolicy(callback_url="https://h.example")})
    ) as app:
        await place(app)
        await asyncio.sleep(0)
        assert maker(app).callback_urls == {"made-1": "https://h.example"}


# -- once ------------------------------------------------------------------------------------------------------------


async def test_the_same_request_again_gets_what_it_has_made_and_another_one_is_refused() -> None:
    async with TwoMakers() as app:
        first = await place(app)
        again = await place(app)
        assert (first.replayed, again.replayed, again.entry) == (False, True, first.entry)
        for changes in ({"name": "Another"}, {"provider_code": BACKUP}):
            with pytest.raises(TakenError, match="accountId"):
                await place(app, **changes)
        assert (maker(app).made, maker(app, BACKUP).made) == (1, 0)


async def test_an_account_that_was_registered_without_an_instance_gets_none() -> None:
    async with InMemoryApp() as app:
        await app.application.accounts.register(DEFAULT_TENANT, SALES, AccountSettings(name="Sales"), [])
        with pytest.raises(TakenError, match="accountId"):
            await place(app)
        assert maker(app).made == 0


async def test_two_requests_at_once_make_one_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    async with InMemoryApp() as app:
        gateway, making, may_answer = maker(app), asyncio.Event(), asyncio.Event()
        make = gateway.make_instance

        async def slow() -> MadeInstance:
            making.set()
            await may_answer.wait()
            return await make()

        monkeypatch.setattr(gateway, "make_instance", slow)
        first = asyncio.ensure_future(place(app))
        await making.wait()
        with pytest.raises(OpenPlacementError, match="is being made"):
            await place(app)
        may_answer.set()
        assert (await first).entry == (await place(app)).entry
        assert gateway.made == 1


async def test_whoever_comes_when_the_first_one_has_just_ended_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has read that there is no account before the other one stored it."""
    async with InMemoryApp() as app:
        occupied = app.application.place.bindings.occupied

        async def late() -> Any:
            monkeypatch.undo()
            await place(app)
            return await occupied()

        monkeypatch.setattr(app.application.place.bindings, "occupied", late)
        with pytest.raises(TakenError, match="just now"):
            await place(app)
        assert (maker(app).made, open_placements(app)) == (1, {})


async def test_whoever_takes_the_last_room_meanwhile_is_not_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    async with TwoMakers(policy=limited(first=1, second=0)) as app:
        occupied = app.application.place.bindings.occupied

        async def late() -> Any:
            counted = await occupied()
            monkeypatch.undo()
            await place(app, AccountId("faster"))
            return counted

        monkeypatch.setattr(app.application.place.bindings, "occupied", late)
        with pytest.raises(FullError):
            await place(app)
        assert (maker(app).made, stored_accounts(app), open_placements(app)) == (1, ["faster"], {})


# -- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [REFUSED, an_outcome(OutcomeClass.NOT_SENT, reason=Reason.CONNECT)])
async def test_what_is_proven_not_to_be_made_is_made_elsewhere(outcome: Any) -> None:
    async with TwoMakers(policy=limited(first=9, second=1)) as app:
        maker(app).answer = outcome
        assert (await binding_of(app)).provider_code == BACKUP
        with pytest.raises(UnavailableError):
            await place(app, AccountId("b"))
        assert (stored_accounts(app), open_placements(app)) == ([SALES], {})


@pytest.mark.parametrize(
    "outcome",
    [LOST, an_outcome(OutcomeClass.REFUSED_PERMANENT, reason=Reason.UNKNOWN_CODE, error_code=-7, confirmed=False)],
)
async def test_what_was_perhaps_made_is_never_made_again_by_itself(
    outcome: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with TwoMakers() as app:
        maker(app).answer = outcome
        with pytest.raises(OpenPlacementError, match=f"perhaps made for this account at {PROVIDER}"):
            await place(app)
        assert "perhaps made" in caplog.text
        maker(app).answer = an_outcome(OutcomeClass.ACCEPTED)
        with pytest.raises(OpenPlacementError, match="is being made"):
            await place(app, again=True)
        await app.restart()
        app.clock.advance(app.policy.lease_ms(PROVIDER))
        with pytest.raises(OpenPlacementError, match="perhaps made"):
            await place(app)
        assert (maker(app).made, stored_accounts(app), open_placements(app)) == (1, [], {SALES: PROVIDER})
        assert (await binding_of(app, again=True)).provider_code == BACKUP  # the open one counted at the other
        assert open_placements(app) == {}


async def test_of_two_people_who_give_a_placement_up_at_once_one_makes_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one has deleted it already, and stored its own."""
    async with InMemoryApp() as app:
        maker(app).answer = LOST
        with pytest.raises(OpenPlacementError):
            await place(app)
        app.clock.advance(3_600_000)

        async def too_late(*_: object) -> bool:
            return False

        monkeypatch.setattr(MemoryPlacements, "end", too_late)
        with pytest.raises(OpenPlacementError, match="is being made"):
            await place(app, again=True)
        assert maker(app).made == 1


async def test_a_person_registers_what_was_made_and_that_ends_the_placement() -> None:
    async with InMemoryApp() as app:
        maker(app).answer = LOST
        with pytest.raises(OpenPlacementError):
            await place(app)
        (guid,) = await app.application.clients.list(PROVIDER, without_account=True)
        settings = AccountSettings(name="Sales")
        await app.application.accounts.register(DEFAULT_TENANT, SALES, settings, [RequestedBinding(PROVIDER, guid)])
        assert open_placements(app) == {}
        assert await app.application.clients.list(PROVIDER, without_account=True) == []
        assert (await place(app)).replayed


Kill = Callable[[InMemoryApp], Awaitable[None]]


@pytest.mark.parametrize("made", [False, True])
async def test_a_kill_in_the_middle_of_the_call_leaves_what_a_person_needs(made: bool) -> None:
    async with InMemoryApp() as app:
        gateway, making = maker(app), asyncio.Event()
        make = gateway.make_instance

        async def hanging() -> MadeInstance:
            if made:
                await make()
            making.set()
            return await asyncio.Future()

        gateway.make_instance = hanging  # type: ignore[method-assign] # dies with the call
        placing = asyncio.ensure_future(place(app))
        await making.wait()
        await app.kill()
        placing.cancel()
        await asyncio.gather(placing, return_exceptions=True)
        gateway.make_instance = make  # type: ignore[method-assign] # as above
        await app.restart()
        app.clock.advance(3_600_000)
        with pytest.raises(OpenPlacementError, match=f"at {PROVIDER}"):
            await place(app)
        assert (gateway.made, stored_accounts(app)) == (int(made), [])


async def test_an_instance_whose_account_cannot_be_stored_is_named(caplog: pytest.LogCaptureFixture) -> None:
    async with InMemoryApp() as app:
        gateway = maker(app)
        make = gateway.make_instance

        async def then_away() -> MadeInstance:
            app.database.away = True
            return await make()

        gateway.make_instance = then_away  # type: ignore[method-assign] # the database goes away meanwhile
        with pytest.raises(OpenPlacementError, match="instance made-1 was made"):
            await place(app)
        assert "instance made-1 was made" in caplog.text
        app.database.away = False
        with pytest.raises(OpenPlacementError):
            await place(app)
        assert gateway.made == 1


async def test_a_store_that_is_away_makes_nothing() -> None:
    async with InMemoryApp() as app:
        app.database.away = True
        with pytest.raises(UnavailableError):
            await place(app)
        app.database.away, app.database.failing_commits = False, 1
        with pytest.raises(UnavailableError):
            await place(app)
        assert (maker(app).made, open_placements(app)) == (0, {})


async def test_a_provider_that_is_gone_from_the_settings_holds_nobody_up_for_ever() -> None:
    async with InMemoryApp() as app:
        maker(app).answer = LOST
        with pytest.raises(OpenPlacementError):
            await place(app)
        policy = a_policy()
        await app.restart(dataclasses.replace(policy, providers={BACKUP: policy.providers[BACKUP]}))
        app.clock.advance(3_600_000)
        with pytest.raises(UnplaceableError):
            await place(app, again=True)
        with pytest.raises(UnplaceableError):
            await place(app)


# -- the login -------------------------------------------------------------------------------------------------------


async def code_of(app: InMemoryApp, binding: Binding) -> str | None:
    _, code = await app.application.show_login_code(DEFAULT_TENANT, binding.account_id, binding.binding_id)
    assert "scan.example" not in repr(code)
    return code.content


async def test_a_person_gets_the_code_of_an_instance_that_is_not_online() -> None:
    async with InMemoryApp() as app:
        binding = await binding_of(app)
        assert await code_of(app, binding) == "https://scan.example/made-1"
        maker(app).answer = REFUSED
        with pytest.raises(ProviderRefusedError, match="-7"):
            await code_of(app, binding)
        maker(app).answer = LOST
        with pytest.raises(UnavailableError):
            await code_of(app, binding)
        maker(app).states[binding.guid] = ClientState.ONLINE
        with pytest.raises(InstanceOnlineError):
            await code_of(app, binding)


async def verify(app: InMemoryApp, binding: Binding, code: str = "735915") -> None:
    await app.application.verify_login(DEFAULT_TENANT, binding.account_id, binding.binding_id, code)


async def test_the_code_that_a_login_asks_for_is_passed_on_once_and_shown_nowhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    async with InMemoryApp() as app:
        binding = await binding_of(app)
        await verify(app, binding)
        maker(app).answer = REFUSED
        with pytest.raises(ProviderRefusedError, match="-7") as refused:
            await verify(app, binding)
        maker(app).answer = LOST
        with pytest.raises(UnavailableError) as lost:
            await verify(app, binding)
        assert maker(app).verified == [(binding.guid, "735915")] * 3
        assert "735915" not in f"{caplog.text} {refused.value!r} {lost.value!r}"


async def test_no_code_is_passed_on_to_an_instance_that_is_online() -> None:
    async with InMemoryApp() as app:
        binding = await binding_of(app)
        maker(app).states[binding.guid] = ClientState.ONLINE
        with pytest.raises(InstanceOnlineError):
            await verify(app, binding)
        assert maker(app).verified == []


async def test_what_is_not_there_or_not_able_takes_no_code_of_a_login() -> None:
    async with InMemoryApp() as app:
        binding = Binding(BindingId("b"), SALES, BACKUP, Guid("g"))
        with pytest.raises(NotFoundError, match="account"):
            await verify(app, binding)
        app.database.register(Account(SALES), binding)
        with pytest.raises(NotImplementedYetError, match="takes no code"):
            await verify(app, binding)


async def test_what_is_not_there_or_not_able_has_no_code() -> None:
    async with InMemoryApp() as app:
        binding = Binding(BindingId("b"), SALES, BACKUP, Guid("g"))
        with pytest.raises(NotFoundError, match="account"):
            await code_of(app, binding)
        app.database.register(Account(SALES), binding)
        with pytest.raises(NotFoundError, match="binding"):
            await code_of(app, dataclasses.replace(binding, binding_id=BindingId("other")))
        with pytest.raises(NotImplementedYetError, match="bindingId"):
            await code_of(app, binding)


async def test_the_login_of_a_standby_must_not_log_its_sibling_out() -> None:
    async with InMemoryApp() as app:
        hot = Binding(BindingId("hot"), SALES, BACKUP, Guid("h"), device_slot="MAC")
        cold = Binding(BindingId("cold"), SALES, PROVIDER, Guid("c"), Standby.COLD, device_slot="MAC")
        app.database.register(Account(SALES), hot, cold)
        with pytest.raises(SlotOccupiedError):
            await code_of(app, cold)
        with pytest.raises(SlotOccupiedError):
            await verify(app, cold)
        app.board.binding_state(hot.binding_id, ClientState.OFFLINE, app.clock.now())
        assert await code_of(app, cold) == "https://scan.example/c"


async def test_a_hot_binding_may_be_logged_in_beside_its_sibling() -> None:
    """An operator says that both are; that their slots are not known is no reason to refuse."""
    async with InMemoryApp() as app:
        hot = Binding(BindingId("hot"), SALES, BACKUP, Guid("h"))
        second = Binding(BindingId("second"), SALES, PROVIDER, Guid("s"))
        app.database.register(Account(SALES), hot, second)
        assert await code_of(app, second) == "https://scan.example/s"
