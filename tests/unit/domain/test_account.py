from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.account import (
    Account,
    AccountState,
    Binding,
    BindingState,
    NotActivatableError,
    SlotOccupiedError,
    Standby,
    activate,
    effective_state,
    fence_left_ms,
    implicit_account,
    implicit_binding,
    make_way,
    may_start,
    slot_holder,
)
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid, ProviderCode

NOW = 1_700_000_000_000
A, B, C = (ProviderCode(code) for code in ("ALPHA", "BETA", "GAMMA"))


def binding(
    name: str,
    standby: Standby = Standby.HOT,
    state: BindingState = BindingState.ONLINE,
    *,
    slot: str | None = "WINDOWS",
    epoch: int = 4,
) -> Binding:
    return Binding(
        BindingId(name), AccountId("acme"), A, Guid(f"g-{name}"), standby, state=state, device_slot=slot, epoch=epoch
    )


bindings = st.lists(
    st.builds(
        binding,
        st.uuids().map(str),
        st.sampled_from(Standby),
        st.sampled_from(BindingState),
        slot=st.sampled_from([None, "WINDOWS", "MAC"]),
        epoch=st.integers(0, 9),
    ),
    max_size=6,
)


def test_an_unregistered_guid_is_an_account_with_one_binding_per_provider() -> None:
    account = implicit_account(Guid("g1"))
    assert (account.account_id, account.tenant_id, account.wecom_user_id) == ("guid:g1", DEFAULT_TENANT, None)
    assert not account.registered
    assert account.enabled
    made = [implicit_binding(Guid("g1"), code) for code in (A, B)]
    assert [made_binding.binding_id for made_binding in made] == ["bind:ALPHA:g1", "bind:BETA:g1"]
    assert {made_binding.account_id for made_binding in made} == {account.account_id}
    fresh = {(made_binding.guid, made_binding.standby, made_binding.state, made_binding.epoch) for made_binding in made}
    assert fresh == {("g1", "HOT", "UNKNOWN", 0)}


@given(st.integers(0, 50), st.integers(0, 50))
def test_only_the_current_epoch_may_start(attempt: int, current: int) -> None:
    assert may_start(attempt, current) == (attempt == current)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("", AccountState.UNKNOWN),
        ("O", AccountState.ONLINE),
        ("X", AccountState.OFFLINE),
        ("U", AccountState.UNKNOWN),
        ("XXO", AccountState.ONLINE),
        ("XU", AccountState.UNKNOWN),
        ("XX", AccountState.OFFLINE),
    ],
)
def test_an_account_is_what_its_bindings_are(states: str, expected: AccountState) -> None:
    names = {"O": BindingState.ONLINE, "X": BindingState.OFFLINE, "U": BindingState.UNKNOWN}
    assert effective_state(binding(str(i), state=names[s]) for i, s in enumerate(states)) is expected


def test_a_disabled_binding_does_not_speak_for_its_account() -> None:
    disabled = replace(binding("one"), enabled=False)
    assert effective_state([disabled]) is AccountState.UNKNOWN
    assert effective_state([disabled, binding("two", state=BindingState.OFFLINE)]) is AccountState.OFFLINE


def test_a_standby_in_an_occupied_slot_is_not_activated() -> None:
    holder, standby = binding("holder"), binding("standby", Standby.WARM)
    for rule in (make_way, activate):
        with pytest.raises(SlotOccupiedError) as refused:
            rule(standby, [holder, standby])
        assert refused.value.holder == "holder"


def test_demoting_the_holder_fences_both() -> None:
    holder, standby = binding("holder"), binding("standby", Standby.WARM, BindingState.OFFLINE)
    (demoted,) = make_way(standby, [holder, standby], demote=True)
    hot = activate(standby, [demoted, standby])
    assert (hot.binding_id, hot.standby, hot.state, hot.epoch) == ("standby", "HOT", "ONLINE", 5)
    assert (demoted.binding_id, demoted.standby, demoted.epoch) == ("holder", "WARM", 5)
    assert not may_start(4, demoted.epoch)
    assert not may_start(4, hot.epoch)


def test_a_holder_that_is_known_to_be_offline_leaves_the_slot_unasked() -> None:
    """It would log the activated one out when it comes back."""
    standby = binding("standby", Standby.WARM)
    (demoted,) = make_way(standby, [binding("holder", state=BindingState.OFFLINE), standby])
    assert (demoted.binding_id, demoted.standby, demoted.epoch) == ("holder", "WARM", 5)


@pytest.mark.parametrize(
    ("other", "free"),
    [
        (binding("other", slot="MAC"), True),
        (binding("other", slot=None), False),
        (binding("other", state=BindingState.UNKNOWN), False),
        (binding("other", state=BindingState.OFFLINE), True),
        (binding("other", Standby.WARM), True),
        (replace(binding("other"), account_id=AccountId("else")), True),
        (replace(binding("other"), enabled=False), False),
    ],
)
def test_who_holds_a_slot(other: Binding, free: bool) -> None:
    standby = binding("standby", Standby.WARM)
    assert (slot_holder(standby, [standby, other]) is None) == free
    if free:
        changed = {way.binding_id: way for way in make_way(standby, [standby, other])}
        assert activate(standby, [standby, changed.get(other.binding_id, other)]).standby is Standby.HOT


@given(bindings, st.sampled_from([None, "WINDOWS", "MAC"]))
def test_after_an_activation_no_two_bindings_share_a_slot(siblings: list[Binding], slot: str | None) -> None:
    standby = binding("standby", Standby.WARM, slot=slot)
    account = [*siblings, standby]
    changed = {sibling.binding_id: sibling for sibling in make_way(standby, account, demote=True)}
    changed[standby.binding_id] = hot = activate(
        standby, [changed.get(sibling.binding_id, sibling) for sibling in account]
    )
    after = [changed.get(sibling.binding_id, sibling) for sibling in account]
    others = [sibling for sibling in after if sibling.standby is Standby.HOT and sibling != hot]
    assert [sibling for sibling in others if sibling.shares_slot(hot)] == []
    before = {sibling.binding_id: sibling for sibling in account}
    assert all(sibling.epoch == before[binding_id].epoch + 1 for binding_id, sibling in changed.items())


@pytest.mark.parametrize(
    "standby",
    [binding("s", Standby.HOT), binding("s", Standby.COLD), replace(binding("s", Standby.WARM), enabled=False)],
)
def test_only_an_enabled_warm_standby_can_be_activated(standby: Binding) -> None:
    for rule in (make_way, activate):
        with pytest.raises(NotActivatableError):
            rule(standby, [standby])


@pytest.mark.parametrize(
    ("changed_at", "left_ms"),
    [
        (None, 0),
        (NOW - 7_001, 0),
        (NOW - 7_000, 0),
        (NOW - 6_999, 1),
        (NOW, 7_000),
        (NOW + 1, 7_000),
        (NOW + 3_600_000, 7_000),
    ],
)
def test_the_fence_lasts_from_the_last_change_and_no_longer_than_itself(changed_at: int | None, left_ms: int) -> None:
    account = Account(AccountId("acme"), updated_at=changed_at)
    assert fence_left_ms(account, 7_000, now=NOW) == left_ms
