import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.account import Account, Binding, BindingState, binding_id_of, implicit_account
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.registration import (
    MAX_BINDINGS,
    MAX_POOLS,
    MAX_PRIORITY,
    MAX_WEIGHT,
    StaleVersionError,
    TakenError,
    changed,
    check_account,
    check_binding,
    check_bindings,
    check_free,
    check_new_id,
    check_room,
    named_after,
    rebound,
    unbound,
)

ALPHA, BETA = ProviderCode("ALPHA"), ProviderCode("BETA")
ACCOUNT = AccountId("sales")


def binding(guid: str = "g", code: ProviderCode = ALPHA, **changes: Any) -> Binding:
    of_guid = Binding(binding_id_of(Guid(guid), code), ACCOUNT, code, Guid(guid))
    return dataclasses.replace(of_guid, **changes)


def refused(path: str) -> Any:
    return pytest.raises(InvalidValueError, match=f"^{path}".replace("[", r"\["))


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"name": "n" * 256}, "name"), ({"name": "a\n"}, "name"), ({"corp_id": ""}, "corpId"), ({"corp_id": "c" * 65}, "corpId"),
        ({"wecom_user_id": ""}, "vid"), ({"wecom_user_id": "1" * 21}, "vid"), ({"wecom_user_id": "12x"}, "vid"),
        ({"pools": tuple(map(str, range(MAX_POOLS + 1)))}, "pools"), ({"pools": ("a", "")}, "pools[1]"),
        ({"pools": ("a", "b", "a")}, "pools[2]"), ({"pools": ('a"',)}, "pools[0]"), ({"pools": ("p" * 65,)}, "pools[0]"),
    ],
)  # fmt: skip
def test_what_no_account_may_have(changes: dict[str, Any], path: str) -> None:
    with refused(path):
        check_account(Account(ACCOUNT, **changes))


@given(
    st.builds(
        Account,
        st.just(ACCOUNT),
        name=st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=255),
        corp_id=st.none() | st.just("c" * 64),
        wecom_user_id=st.none() | st.from_regex("[0-9]{1,20}", fullmatch=True),
        pools=st.lists(st.from_regex("[a-z0-9][a-z._-]{0,9}", fullmatch=True), unique=True, max_size=MAX_POOLS).map(
            tuple
        ),
    )
)
def test_what_an_account_may_have(account: Account) -> None:
    check_account(account)


@pytest.mark.parametrize("account_id", ["a", "A.b_c:d@e-9", "x" * 128, "0"])
def test_ids_that_a_client_may_give(account_id: str) -> None:
    check_new_id(AccountId(account_id), [])


@pytest.mark.parametrize("account_id", ["", "-a", ":a", "a b", "a/b", "x" * 129, "é", "guid:other", "guid:"])
def test_ids_that_a_client_may_not_give(account_id: str) -> None:
    with refused("accountId"):
        check_new_id(AccountId(account_id), [binding()])


def test_an_account_may_be_named_after_any_guid_that_it_binds() -> None:
    bindings = [binding("g 1"), binding("g2")]
    assert named_after(bindings) == "guid:g 1"
    assert named_after([]) is None
    for account_id in ("guid:g 1", "guid:g2"):
        check_new_id(AccountId(account_id), bindings)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"priority": -1}, "priority"), ({"priority": MAX_PRIORITY + 1}, "priority"), ({"weight": 0}, "weight"),
        ({"weight": MAX_WEIGHT + 1}, "weight"), ({"device_slot": ""}, "deviceSlot"), ({"device_slot": "s" * 65}, "deviceSlot"),
    ],
)  # fmt: skip
def test_what_no_binding_may_have(changes: dict[str, Any], path: str) -> None:
    with refused(path):
        check_binding(binding(**changes))
    with refused(f"bindings[1].{path}"):
        check_bindings([binding("other"), binding(**changes)])


def test_bindings_are_different_and_not_too_many() -> None:
    check_bindings([binding("g", ALPHA), binding("g", BETA), binding("h", ALPHA, priority=0, weight=1)])
    with refused("bindings[2].guid"):
        check_bindings([binding("g"), binding("h"), binding("g", weight=7)])
    check_bindings([binding(str(number)) for number in range(MAX_BINDINGS)])
    with refused("bindings: "):
        check_bindings([binding(str(number)) for number in range(MAX_BINDINGS + 1)])


@pytest.mark.parametrize(
    ("stored", "is_free"),
    [
        ([], True),
        ([binding(code=BETA, account_id=AccountId("other"))], True),
        ([binding(account_id=AccountId("other"), removed=True)], True),
        ([binding()], True),
        ([binding(code=BETA), binding(account_id=AccountId("other"))], False),
    ],
)
def test_a_guid_has_one_account_at_a_provider(stored: Sequence[Binding], is_free: bool) -> None:
    if is_free:
        check_free(ACCOUNT, binding(), stored)
        return
    with pytest.raises(TakenError, match="bound to account other at ALPHA") as taken:
        check_free(ACCOUNT, binding(), stored, prefix="bindings[3].")
    assert (taken.value.path, taken.value.holder) == ("bindings[3].guid", "other")


def test_an_account_has_room_for_a_binding_that_is_not_there() -> None:
    check_room(binding(), [binding("h"), binding("g", BETA)])
    with pytest.raises(TakenError):
        check_room(binding(weight=3), [binding("h"), binding()])
    with refused("guid"):
        check_room(binding(), [binding(str(number)) for number in range(MAX_BINDINGS)])


def test_a_change_registers_and_has_the_next_version() -> None:
    implicit = implicit_account(Guid("g"))
    first = changed(implicit, expected_version=0, now=5)
    assert (first.registered, first.version, first.created_at, first.updated_at) == (True, 1, 5, 5)
    second = changed(first, expected_version=None, now=9)
    assert (second.version, second.created_at, second.updated_at) == (2, 5, 9)
    with pytest.raises(StaleVersionError, match="version 2 by now"):
        changed(second, expected_version=1, now=9)


@given(st.integers(0, 9), st.sampled_from(BindingState), st.booleans())
def test_no_call_that_was_decided_before_a_change_starts_after_it(
    epoch: int, state: BindingState, removed: bool
) -> None:
    known = binding(epoch=epoch, state=state, removed=removed, binding_id="by-hand")
    again = rebound(binding(weight=3), known)
    assert (again.binding_id, again.weight, again.removed) == ("by-hand", 3, False)
    assert again.state is (BindingState.UNKNOWN if removed else state)
    assert again.epoch == unbound(known).epoch == epoch + 1
    assert unbound(known).removed
    assert rebound(binding(), None) == binding()
