"""Which calls a rule hits, how often, and which rules mean nothing."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.simulator.faults.actions import PARAMETERS, Action, Kind
from wework_message.simulator.faults.rules import Call, Match, Rule, Rules
from wework_message.simulator.options import SimulatorOptions

TEXT = Call("/msg/send_text", "g", "S:1")
REFUSE, RESET = Action("refuse"), Action("reset")


def hit(rules: Rules, calls: int, call: Call = TEXT) -> list[int]:
    """Which of that many equal calls, from 1, are hit."""
    return [number for number in range(1, calls + 1) if rules.pick(call) is not None]


def one_rule(**match: Any) -> Rules:
    return Rules(7, (Rule(REFUSE, Match(**match)),))


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"times": 3}, [1, 2, 3]),
        ({"nth": 4}, [4]),
        ({"nth": [2, 7]}, [2, 7]),
        ({"nth": []}, []),
        ({"every": 3}, [3, 6]),
        ({"every": 3, "times": 1}, [3]),
        ({"nth": [1, 2, 3, 6], "every": 2}, [2, 6]),
        ({"probability": 0}, []),
        ({"probability": 1}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
def test_rule_strikes_the_calls_that_its_numbers_choose(match: dict[str, Any], expected: list[int]) -> None:
    assert hit(one_rule(**match), 8) == expected


def test_rule_counts_only_calls_that_fit() -> None:
    rules = one_rule(guid="g", nth=2)
    other = Call("/msg/send_text", "other", "S:1")
    assert [rules.pick(call) is not None for call in (TEXT, other, other, TEXT, TEXT)] == [
        False,
        False,
        False,
        True,
        False,
    ]


def test_first_rule_that_strikes_wins_and_the_others_count_the_call() -> None:
    rules = Rules(0, (Rule(REFUSE, Match(nth=1), name="first"), Rule(RESET, Match(nth=2), name="second")))
    hits = [rules.pick(TEXT) for _ in range(3)]
    assert [hit and hit.rule for hit in hits] == ["first", "second", None]
    both = Rules(0, (Rule(REFUSE, Match(nth=1)), Rule(RESET, Match(nth=1))))
    assert [hit and hit.action.kind for hit in (both.pick(TEXT), both.pick(TEXT))] == ["refuse", None]


def test_listing_shows_what_each_rule_saw_and_struck() -> None:
    rules = Rules(0, (Rule(REFUSE, Match(times=1)), Rule(RESET, Match(guid="g", every=2, times=9), name="odd")))
    hit(rules, 3)
    assert rules.listing() == [
        {
            "name": "rule-1", "match": {"times": 1}, "do": {"kind": "refuse", "error_code": -2003, "error_message": ""},
            "seen": 1, "hits": 1, "left": 0,
        },
        {
            "name": "odd", "match": {"guid": "g", "every": 2, "times": 9},
            "do": {"kind": "reset", "when": "while", "delay_ms": 20}, "seen": 3, "hits": 1, "left": 8,
        },
    ]  # fmt: skip
    assert rules.hits == 2
    rules.clear()
    assert (rules.listing(), rules.pick(TEXT)) == ([], None)
    rules.add(Rule(REFUSE))
    assert [listed["name"] for listed in rules.listing()] == ["rule-1"]


def test_name_that_is_taken_adds_none_of_the_rules() -> None:
    rules = Rules(0, (Rule(REFUSE, name="a"),))
    with pytest.raises(ValueError, match=r"the name a is taken - at `\$\.rules\[1\]\.name`"):
        rules.add(Rule(RESET, name="b"), Rule(RESET, name="a"))
    assert [listed["name"] for listed in rules.listing()] == ["a"]
    with pytest.raises(ValueError, match="is taken"):
        SimulatorOptions(rules=(Rule(REFUSE, name="a"), Rule(RESET, name="a")))


def drawn(seed: int, calls: list[Call], own_seed: int | None = None) -> list[tuple[Call, bool]]:
    rules = Rules(seed, (Rule(REFUSE, Match(probability=0.3), seed=own_seed),))
    return [(call, rules.pick(call) is not None) for call in calls]


def test_probability_follows_the_seed() -> None:
    calls = [TEXT] * 200
    assert drawn(7, calls) == drawn(7, calls) == drawn(1, calls, own_seed=7)
    assert drawn(7, calls) != drawn(8, calls)
    assert 30 < sum(hit for _, hit in drawn(7, calls)) < 90


def test_conversations_have_draws_of_their_own() -> None:
    lanes = [[Call("/msg/send_text", "g", f"S:{lane}")] * 30 for lane in range(3)]
    assert len({tuple(hit for _, hit in drawn(7, calls)) for calls in lanes}) == 3


@given(st.permutations([(guid, place) for guid in ("a", "b", "c") for place in range(8)]))
def test_faults_of_a_conversation_do_not_depend_on_what_runs_beside_it(order: list[tuple[str, int]]) -> None:
    """Any interleaving of three conversations gives each the faults that it has alone."""
    for guid in ("a", "b", "c"):
        call = Call("/msg/send_text", guid, "S:1")
        beside = drawn(7, [Call("/msg/send_text", name, "S:1") for name, _ in order])
        assert [hit for hit_call, hit in beside if hit_call == call] == [hit for _, hit in drawn(7, [call] * 8)]


@pytest.mark.parametrize(
    ("match", "fitting"),
    [
        ({}, {"/msg/send_text", "/msg/send_image"}),
        ({"endpoint": "/msg/send_text"}, {"/msg/send_text"}),
        ({"endpoint": "/msg/*"}, {"/msg/send_text", "/msg/send_image", "/msg/revoke_msg"}),
        ({"type": "IMAGE"}, {"/msg/send_image"}),
        ({"type": "IMAGE", "endpoint": "/msg/send_text"}, set()),
        ({"guid": "other"}, set()),
        ({"conversation_id": "S:2"}, set()),
        ({"guid": "g", "conversation_id": "S:1"}, {"/msg/send_text", "/msg/send_image"}),
    ],
)
def test_rule_fits_the_calls_it_names(match: dict[str, Any], fitting: set[str]) -> None:
    paths = ["/msg/send_text", "/msg/send_image", "/msg/revoke_msg", "/client/get_client_status"]
    assert {path for path in paths if Match(**match).fits(Call(path, "g", "S:1"))} == fitting


def test_every_kind_has_its_parameters_and_defaults() -> None:
    assert set(get_args(Kind)) == set(PARAMETERS)
    for kind, parameters in PARAMETERS.items():
        action = Action(kind)
        assert action.parameters() == {"kind": kind, **parameters}
        assert msgspec.convert(action.parameters(), Action) == action


@pytest.mark.parametrize(
    ("kind", "executed", "expected"),
    [("refuse", None, False), ("no_id", None, True), ("svr_fail", None, False), ("svr_fail", True, True)],
)
def test_kind_says_whether_the_call_is_executed(kind: Kind, executed: bool | None, expected: bool) -> None:
    assert Action(kind, executed=executed).executes is expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"kind": "unheard of"}, "unheard of"),
        ({"kind": "slow", "delay_ms": -1}, "delay_ms must be at least 0"),
        ({"kind": "slow", "executed": False}, "executed has no meaning for slow"),
        ({"kind": "refuse", "delay_ms": 5}, "delay_ms has no meaning for refuse"),
        ({"kind": "slow", "when": "while"}, "when must be one of before, after for slow"),
        ({"kind": "slow", "unknown": 1}, "unknown"),
    ],
)
def test_meaningless_action_is_refused(body: dict[str, Any], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(body, Action)


@pytest.mark.parametrize(
    "change",
    [
        {"echo_delay_ms": 30_001},
        {"echo_form": "11012"},
        {"callback_workers": 0},
        {"latency_ms": -1},
        {"slot_rule": "x"},
    ],
)
def test_options_out_of_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SimulatorOptions(**change)
