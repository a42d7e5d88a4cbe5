"""The difference between two fleets: what it leads to, and in which order."""

import copy
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.entrypoints.cli.fleet.plan import Action, Difference, Plan, Step, Taken, plan

MAX_BINDINGS: Final = 3
P: Final = "P"


def a_binding(guid: str = "g", **changes: Any) -> dict[str, Any]:
    return {"providerCode": P, "guid": guid, "standby": "HOT", "priority": 1} | changes


def an_account(account_id: str, *bindings: dict[str, Any], **changes: Any) -> dict[str, Any]:
    account: dict[str, Any] = {"accountId": account_id, "name": "", "vid": None, "enabled": True, "budgets": []}
    return account | {"bindings": list(bindings)} | changes


def a_fleet(*accounts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {account["accountId"]: account for account in accounts}


def planned(stored: dict[str, Any], target: dict[str, Any], *, prune: bool = False) -> Plan:
    return plan(stored, target, prune=prune, max_bindings=MAX_BINDINGS)


def instance(binding: dict[str, Any]) -> tuple[str, str]:
    return binding["providerCode"], binding["guid"]


def executed(stored: dict[str, Any], steps: tuple[Step, ...]) -> dict[str, Any]:
    """What a service has afterwards, which refuses what the API refuses."""
    fleet = copy.deepcopy(stored)
    for step in steps:
        if step.action is Action.CREATE:
            assert step.account_id not in fleet
            assert_free(fleet, step.values["bindings"])
            assert len(step.values["bindings"]) <= MAX_BINDINGS
            fleet[step.account_id] = copy.deepcopy(dict(step.values))
            continue
        account = fleet[step.account_id]
        bindings = account["bindings"]
        if step.action in {Action.CHANGE, Action.DISABLE}:
            assert step.differences
            learnt = step.values["vid"] or account["vid"]
            fleet[step.account_id] = {**step.values, "vid": learnt, "bindings": bindings}
        elif step.action is Action.BIND:
            assert_free(fleet, [dict(step.values)])
            assert len(bindings) < MAX_BINDINGS
            bindings.append(dict(step.values))
        else:
            known = next(binding for binding in bindings if instance(binding) == step.instance)
            bindings.remove(known)
            if step.action is Action.CHANGE_BINDING:
                bindings.append(dict(step.values))
    return fleet


def assert_free(fleet: dict[str, Any], bindings: list[dict[str, Any]]) -> None:
    held = {instance(binding) for account in fleet.values() for binding in account["bindings"]}
    assert held.isdisjoint(map(instance, bindings))


def in_order(fleet: dict[str, Any]) -> dict[str, Any]:
    return {
        account_id: account | {"bindings": sorted(account["bindings"], key=instance)}
        for account_id, account in fleet.items()
    }


@st.composite
def fleets(draw: st.DrawFn) -> dict[str, Any]:
    """Up to four accounts; a guid is bound once."""
    accounts: dict[str, Any] = {}
    for account_id in draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4)):
        accounts[account_id] = an_account(
            account_id, name=draw(st.sampled_from(["", "x"])), vid=draw(st.sampled_from([None, "1", "2"])), enabled=draw(st.booleans())
        )  # fmt: skip
    for guid in draw(st.lists(st.sampled_from("ghijkl"), unique=True)):
        roomy = [account for account in accounts.values() if len(account["bindings"]) < MAX_BINDINGS]
        if roomy:
            account = draw(st.sampled_from(roomy))
            account["bindings"].append(a_binding(guid, priority=draw(st.integers(1, 2))))
    return accounts


@given(fleets())
def test_the_fleet_of_a_service_needs_no_steps(fleet: dict[str, Any]) -> None:
    for prune in (False, True):
        assert planned(fleet, copy.deepcopy(fleet), prune=prune).steps == ()


@given(fleets(), fleets())
def test_a_pruned_service_has_the_file_and_the_rest_is_off(stored: dict[str, Any], target: dict[str, Any]) -> None:
    first = planned(stored, target, prune=True)
    fleet = executed(stored, first.steps)
    assert (first.taken, first.crowded) == ((), {})
    for account_id, account in target.items():
        learnt = account["vid"] or stored.get(account_id, account)["vid"]
        assert in_order(fleet)[account_id] == in_order(target)[account_id] | {"vid": learnt}
    assert [fleet[name]["enabled"] for name in fleet.keys() - target.keys()].count(True) == 0
    assert planned(fleet, target, prune=True).steps == ()


@given(fleets(), fleets())
def test_without_prune_everything_of_the_file_is_there_and_nothing_is_gone(
    stored: dict[str, Any], target: dict[str, Any]
) -> None:
    first = planned(stored, target)
    assert {step.action for step in first.steps}.isdisjoint({Action.UNBIND, Action.DISABLE})
    if first.taken or first.crowded:
        return
    fleet = executed(stored, first.steps)
    for account_id, account in target.items():
        assert {*map(str, account["bindings"])} <= {*map(str, fleet[account_id]["bindings"])}
        assert (fleet[account_id]["name"], fleet[account_id]["enabled"]) == (account["name"], account["enabled"])
    for account_id, account in stored.items():
        assert {*map(instance, account["bindings"])} <= {*map(instance, fleet[account_id]["bindings"])}
        if account_id not in target:
            assert fleet[account_id] == account
    assert planned(fleet, target).steps == ()


@given(fleets(), fleets())
def test_an_account_whose_instances_stay_its_own_is_never_without_one(
    stored: dict[str, Any], target: dict[str, Any]
) -> None:
    steps = planned(stored, target, prune=True).steps
    moved = {instance(b) for a in target.values() for b in a["bindings"]} & {
        instance(b) for a in stored.values() for b in a["bindings"]
    }
    fleet = copy.deepcopy(stored)
    for step in steps:
        fleet = executed(fleet, (step,))
        for account_id in stored.keys() & target.keys():
            own = {instance(b) for b in (*stored[account_id]["bindings"], *target[account_id]["bindings"])}
            if moved.isdisjoint(own) and stored[account_id]["bindings"] and target[account_id]["bindings"]:
                assert fleet[account_id]["bindings"]


def test_differences_name_fields_before_and_after() -> None:
    stored = a_fleet(an_account("a", a_binding(priority=1), name="old"))
    target = a_fleet(an_account("a", a_binding(priority=2), name="new", budgets=[{"per": "DAY", "limit": 1}]))
    change, binding = planned(stored, target).steps
    assert change.differences == (
        Difference("name", "old", "new"),
        Difference("budgets", [], [{"per": "DAY", "limit": 1}]),
    )
    assert (binding.action, binding.instance) == (Action.CHANGE_BINDING, (P, "g"))
    assert binding.differences == (Difference("priority", 1, 2),)


def test_a_user_id_that_the_service_has_learnt_is_no_difference() -> None:
    stored = a_fleet(an_account("a", vid="1688"))
    assert planned(stored, a_fleet(an_account("a"))).steps == ()
    (step,) = planned(stored, a_fleet(an_account("a", vid="1689"))).steps
    assert step.differences == (Difference("vid", "1688", "1689"),)


def test_an_instance_that_moves_is_free_before_it_is_bound() -> None:
    stored = a_fleet(an_account("b", a_binding("g"), a_binding("h")))
    target = a_fleet(an_account("a", a_binding("g")), an_account("b", a_binding("h")))
    steps = planned(stored, target, prune=True).steps
    assert [(step.action, step.account_id) for step in steps] == [(Action.UNBIND, "b"), (Action.CREATE, "a")]
    assert planned(stored, target).taken == (Taken("a", (P, "g"), "b"),)


def test_an_account_that_loses_an_instance_and_is_not_in_the_file_is_off_first() -> None:
    stored = a_fleet(an_account("z", a_binding("g"), a_binding("h")))
    steps = planned(stored, a_fleet(an_account("a", a_binding("g"))), prune=True).steps
    assert [(step.action, step.account_id) for step in steps] == [
        (Action.DISABLE, "z"), (Action.UNBIND, "z"), (Action.CREATE, "a"),
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "order"), [(1, "++~"), (2, "+~-+"), (3, "~-+-+")])
def test_new_bindings_come_first_as_long_as_there_is_room(count: int, order: str) -> None:
    stored = a_fleet(an_account("a", *(a_binding(f"old-{number}") for number in range(count))))
    target = a_fleet(an_account("a", a_binding("new-1"), a_binding("new-2"), a_binding("old-0", priority=2)))
    signs = {Action.BIND: "+", Action.CHANGE_BINDING: "~", Action.UNBIND: "-"}
    steps = planned(stored, target, prune=True).steps
    assert "".join(signs[step.action] for step in steps) == order
    assert in_order(executed(stored, steps)) == in_order(target)


def test_what_the_file_does_not_have_is_named() -> None:
    stored = a_fleet(an_account("a", a_binding("g")), an_account("y", enabled=False), an_account("z"))
    kept = planned(stored, a_fleet(an_account("a")))
    assert (kept.kept_accounts, kept.kept_bindings, kept.steps) == (("z",), (("a", (P, "g")),), ())
    pruned = planned(stored, a_fleet(an_account("a")), prune=True)
    assert (pruned.kept_accounts, pruned.kept_bindings) == ((), ())


def test_an_account_with_no_room_beside_what_it_keeps_is_named() -> None:
    stored = a_fleet(an_account("a", *(a_binding(guid) for guid in "ghi")))
    target = a_fleet(an_account("a", a_binding("j")))
    assert planned(stored, target).crowded == {"a": 4}
    assert planned(stored, a_fleet(an_account("a", a_binding("i")))).crowded == {}
    assert planned(stored, target, prune=True).crowded == {}
