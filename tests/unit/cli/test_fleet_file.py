"""A fleet in a file: what is written is read, and what is wrong has its path."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support.apps.command_line import fleet_answer

from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.fleet.document import ACCOUNT_FIELDS, Format, document, of_answer, written
from wework_message.entrypoints.cli.fleet.file import read_fleet
from wework_message.entrypoints.cli.fleet.plan import plan

names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp", "Zs"]) | st.just(" "), max_size=12)
slots = st.none() | names.filter(bool)
bindings = st.fixed_dictionaries(
    {
        "guid": st.text("gG0-/:#'\"{", min_size=1, max_size=5),
        "standby": st.sampled_from(["HOT", "WARM", "COLD"]),
        "priority": st.integers(0, 9_999),
        "weight": st.integers(1, 10_000),
        "deviceSlot": slots,
        "enabled": st.booleans(),
    }
)
accounts = st.fixed_dictionaries(
    {
        "name": names | st.sampled_from(["null", "no", "1e3", "2026-01-01", "~", "- x", "22:00", "0x1f", "a: b #c"]),
        "corpId": slots,
        "vid": st.none() | st.integers(0, 10**20 - 1).map(str),
        "enabled": st.booleans(),
        "pools": st.lists(st.sampled_from(["north", "1", "no", "2.5"]), unique=True),
        "onUnknown": st.sampled_from([None, "HOLD", "FAIL", "RESEND"]),
        "budgets": st.lists(
            st.fixed_dictionaries({"per": st.sampled_from(["DAY", "HOUR", "MINUTE"]), "limit": st.integers(1, 10_000_000)}),
            unique_by=lambda budget: budget["per"],
        ),
        "minIntervalMs": st.none() | st.integers(1, 86_400_000),
        "quietHours": st.none() | st.just({"from": "22:00", "to": "08:00", "zone": "Asia/Shanghai"}),
        "bulkShare": st.none() | st.floats(0, 1, exclude_min=True),
        "bindings": st.lists(bindings, max_size=3, unique_by=lambda binding: binding["guid"]),
    }
)  # fmt: skip


@given(st.lists(accounts, max_size=3), st.sampled_from(Format))
def test_what_was_exported_is_read_back_and_needs_no_change(answers: list[dict[str, Any]], form: Format) -> None:
    stored = {}
    for number, answer in enumerate(answers):
        bound = [binding | {"providerCode": f"P{number}"} for binding in answer["bindings"]]
        account = of_answer(fleet_answer(f"{number}", **answer | {"bindings": bound}))
        stored[account["accountId"]] = account
    text = written(document(stored.values()), form)
    fleet = read_fleet(text.encode(), "fleet")
    assert fleet.accounts == stored
    assert plan(stored, fleet.accounts, prune=True, max_bindings=20).steps == ()
    assert written(document(reversed(fleet.accounts.values())), form) == text


def test_a_document_has_what_can_be_set_and_differs_from_its_default() -> None:
    answer = fleet_answer("a", name="广州", bindings=[{"providerCode": "P", "guid": "1", "weight": 7}])
    assert document([of_answer(answer)]) == {
        "accounts": [{"accountId": "a", "name": "广州", "bindings": [{"providerCode": "P", "guid": "1", "weight": 7}]}]
    }
    assert written(document([of_answer(answer)]), Format.YAML) == (
        "accounts:\n- accountId: a\n  name: 广州\n  bindings:\n  - providerCode: P\n    guid: '1'\n    weight: 7\n"
    )
    assert {*of_answer(answer)} == {*ACCOUNT_FIELDS}


@pytest.mark.parametrize("name", ["x\u202ey", "x\x1b[2J\u2028z"])
@pytest.mark.parametrize("form", Format)
def test_no_invisible_character_reaches_the_terminal(form: Format, name: str) -> None:
    text = written(document([of_answer(fleet_answer("a", name=name))]), form)
    assert "".join(text.split("\n")).isprintable()
    raw = text.encode()
    read = yaml.safe_load(raw) if form is Format.YAML else json.loads(raw)
    assert read["accounts"][0]["name"] == name
    with pytest.raises(CommandFailedError) as refused:  # no service has such a name
        read_fleet(raw, "fleet")
    assert refused.value.details == ("accounts[0].name: must be at most 255 printable characters",)


def test_yaml_means_what_a_person_writes() -> None:
    text = """
# the sales desks
accounts:
  - accountId: 007
    vid: 1688850000000001
    enabled: false
    pools: [north, 1]
    minIntervalMs: 1500
    bulkShare: 0.5
    budgets: [{per: MINUTE, limit: 20}]
    quietHours: {from: 22:00, to: 08:00, zone: Asia/Shanghai}
    onUnknown: ~
    bindings:
      - {providerCode: P, guid: 42, priority: 2, enabled: true}
"""
    account = read_fleet(text.encode(), "fleet").accounts["007"]
    assert (account["vid"], account["enabled"], account["pools"]) == ("1688850000000001", False, ["1", "north"])
    assert (account["minIntervalMs"], account["bulkShare"], account["onUnknown"]) == (1500, 0.5, None)
    assert account["budgets"] == [{"per": "MINUTE", "limit": 20}]
    assert account["quietHours"] == {"from": "22:00", "to": "08:00", "zone": "Asia/Shanghai"}
    (binding,) = account["bindings"]
    assert (binding["guid"], binding["priority"], binding["enabled"]) == ("42", 2, True)


def test_json_is_read_as_json_behind_a_byte_order_mark() -> None:
    text = '{"accounts": [{"accountId": "a", "name": "\\ud83d\\ude00"}]}'
    assert read_fleet(text.encode("utf-8-sig"), "fleet").accounts["a"]["name"] == "\U0001f600"


BINDING = {"providerCode": "P", "guid": "g"}


@pytest.mark.parametrize(
    ("content", "details"),
    [
        (b"\xff", ["is not UTF-8"]),
        (b"accounts: [", ["line 1: expected the node content, but found '<stream end>'"]),
        (b"accounts: []\naccounts: []", ["line 2: key accounts stands twice"]),
        (b"a: &a\n  b: *a", ["an anchor refers to itself"]),
        (b'{"accounts": ', ["is not JSON: Input data was truncated"]),
        (b"- a", ["must be a map with the field accounts"]),
        (b"", ["must be a map with the field accounts"]),
        ({"account": [], "accounts": {}}, ["account: is not a known field", "accounts: must be a list"]),
        (
            {"accounts": ["a", {"accountId": "a", "nmae": "x", "bindings": [BINDING, {"guid": 1}]}]},
            [
                "accounts[0]: must be a map",
                "accounts[1].nmae: is not a known field",
                "accounts[1].bindings[1].guid: expected str, got int",
                "accounts[1].bindings[1].providerCode: is required",
            ],
        ),
        ({"accounts": [{}, {"bindings": [BINDING]}]}, ["accounts[0].accountId: is required", "accounts[1].accountId: is required"]),
        (
            {"accounts": [{"accountId": "a"}, {"accountId": "a"}]},
            ["accounts[1].accountId: is that of accounts[0] too"],
        ),
        (
            {"accounts": [{"accountId": "a", "bindings": [BINDING]}, {"accountId": "b", "bindings": [BINDING]}]},
            ["accounts[1].bindings[0].guid: is that of accounts[0].bindings[0] too"],
        ),
        (
            {"accounts": [{"accountId": "a", "bindings": [BINDING, BINDING]}]},
            ["accounts[0].bindings[1].guid: is given twice at this provider"],
        ),
        ({"accounts": [{"accountId": "a", "pools": ["a b"]}]}, ["accounts[0].pools[0]: must be 1 to 64 letters, digits or ._- and begin with a letter or digit"]),
        (
            {"accounts": [{"accountId": "a", "quietHours": {"from": "22:00", "to": "08:00", "zone": "Nowhere"}}]},
            ["accounts[0].quietHours.zone: is not in the time zone database (such as Asia/Shanghai)"],
        ),
        (b"accounts: [{accountId: a, bindings: [{providerCode: P, guid: g, priority: high}]}]", ["accounts[0].bindings[0].priority: expected int, got str"]),
    ],
)  # fmt: skip
def test_every_problem_of_a_file_has_its_path(content: bytes | dict[str, Any], details: list[str]) -> None:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(CommandFailedError) as refused:
        read_fleet(raw, "fleet.yml")
    assert list(refused.value.details) == details
    assert refused.value.code is ExitCode.REFUSED
    assert refused.value.message.startswith("fleet.yml: ")
    assert refused.value.message.endswith("nothing was changed")


def test_a_hundred_problems_are_shown_and_the_others_counted() -> None:
    with pytest.raises(CommandFailedError) as refused:
        read_fleet(json.dumps({"accounts": [{}] * 120}).encode(), "fleet")
    assert len(refused.value.details) == 101
    assert refused.value.details[-1] == "and 20 more"
    assert refused.value.document is not None
    assert len(refused.value.document["errors"]) == 120
