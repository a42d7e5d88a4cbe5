"""An account is online while one of its enabled instances is: what a change of its bindings makes of that."""

import dataclasses
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.builders.messages import BACKUP, GUID, NOW, PROVIDER

from wework_message.domain.account import Binding, BindingState, Standby, logged_out
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, BindingId, Guid
from wework_message.domain.presence import PresenceCause, PresenceChange, presence_changed, unasked_siblings
from wework_message.domain.webhooks.event import EventType, presence_event

ACCOUNT = AccountId("acc")
ONLINE, OFFLINE, UNKNOWN = BindingState.ONLINE, BindingState.OFFLINE, BindingState.UNKNOWN


def a_binding(name: str = "a", state: BindingState = ONLINE, *, enabled: bool = True, **changes: Any) -> Binding:
    known = Binding(BindingId(name), ACCOUNT, PROVIDER, Guid(name), state=state, enabled=enabled)
    return dataclasses.replace(known, **changes)


bindings = st.lists(st.builds(a_binding, st.sampled_from("abc"), st.sampled_from(BindingState), enabled=st.booleans()))


@pytest.mark.parametrize(("before", "after"), list(product((OFFLINE, UNKNOWN), repeat=2)))
def test_what_was_never_online_has_no_news(before: BindingState, after: BindingState) -> None:
    assert presence_changed([a_binding(state=before)], [a_binding(state=after)]) is None
    assert presence_changed([], [a_binding(state=after)]) is None


def test_it_names_the_binding_that_made_the_difference() -> None:
    offline, online = a_binding("a", OFFLINE), a_binding("b")
    disabled = a_binding("b", enabled=False)
    assert presence_changed([offline], [offline, online]) == (True, online)
    assert presence_changed([online, offline], [offline, disabled]) == (False, online)
    assert presence_changed([online], []) == (False, online)
    assert presence_changed([a_binding("c"), online], [offline]) == (False, online)


@given(bindings, bindings)
def test_a_change_and_its_reverse_are_both_news_or_neither(before: list[Binding], after: list[Binding]) -> None:
    there, back = presence_changed(before, after), presence_changed(after, before)
    assert (there is None) is (back is None)
    if there is not None and back is not None:
        assert there == (not back[0], back[1])


@given(bindings)
def test_nothing_is_news_against_itself(before: list[Binding]) -> None:
    assert presence_changed(before, reversed(before)) is None


@pytest.mark.parametrize(("online", "kind"), [(True, EventType.ACCOUNT_ONLINE), (False, EventType.ACCOUNT_OFFLINE)])
def test_an_event_says_which_account_by_which_instance_and_why(online: bool, kind: EventType) -> None:
    change = PresenceChange(DEFAULT_TENANT, ACCOUNT, online, a_binding(provider_code=BACKUP, guid=GUID), 7)
    event = presence_event(change, PresenceCause.PROBE, NOW)
    assert (event.type, event.tenant_id, event.at, event.sequence, event.message_id) == (
        kind, DEFAULT_TENANT, NOW, 7, None,
    )  # fmt: skip
    assert event.data == {
        "accountId": "acc", "bindingId": "a", "providerCode": BACKUP, "guid": GUID, "reason": "PROBE", "sequence": 7,
    }  # fmt: skip


def test_a_login_ends_that_of_siblings_in_its_slot_as_far_as_they_were_online() -> None:
    standby = a_binding("s", OFFLINE, standby=Standby.WARM, device_slot="MAC")
    same, unknown_slot = a_binding("a", device_slot="MAC"), a_binding("b")
    others = [
        a_binding("c", device_slot="PAD"),
        a_binding("d", OFFLINE, device_slot="MAC"),
        a_binding("e", device_slot="MAC", account_id=AccountId("other")),
        dataclasses.replace(standby, state=ONLINE),
    ]
    assert logged_out(standby, [same, *others, unknown_slot]) == tuple(
        dataclasses.replace(sibling, state=UNKNOWN, epoch=1) for sibling in (same, unknown_slot)
    )


def test_siblings_are_asked_where_an_account_would_go_offline_and_nobody_has_asked_them() -> None:
    own, known, unknown = a_binding("a"), a_binding("b", OFFLINE), a_binding("c", UNKNOWN)
    switched_off, spare = a_binding("d", UNKNOWN, enabled=False), a_binding("e", UNKNOWN, standby=Standby.WARM)
    assert unasked_siblings(own.binding_id, [own, known, unknown, switched_off, spare]) == [unknown]
    assert unasked_siblings(own.binding_id, [own, known]) == []
    assert unasked_siblings(own.binding_id, [own, a_binding("f"), unknown]) == ()
    assert unasked_siblings(known.binding_id, [known, unknown]) == ()
    assert unasked_siblings(BindingId("none"), [own, unknown]) == ()
