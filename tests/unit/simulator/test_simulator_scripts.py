"""Fault scripts: what is read, what is refused with its place, and the script of a ledger."""

import msgspec
import pytest

from wework_message.simulator.faults.actions import Action
from wework_message.simulator.faults.rules import Call, Match, Rule, Rules
from wework_message.simulator.faults.script import ScriptError, read_script, script_of
from wework_message.simulator.ledger import Entry

YAML = """
seed: 7
rules:
  - name: every third image
    match: {guid: g1, type: IMAGE, every: 3}
    do: {kind: stall, when: before, delay_ms: 100}
  - match: {endpoint: /msg/*, conversationId: "S:788", nth: [1, 4], times: 1, probability: 0.5}
    do: {kind: refuse, error_code: -77777, error_message: 未知}
    seed: 9
""".encode()
RULES = (
    Rule(
        Action("stall", when="before", delay_ms=100),
        Match(guid="g1", type="IMAGE", every=3),
        "every third image",
        seed=7,
    ),
    Rule(
        Action("refuse", error_code=-77777, error_message="未知"),
        Match(conversation_id="S:788", endpoint="/msg/*", nth=[1, 4], times=1, probability=0.5),
        seed=9,
    ),
)


def test_yaml_and_json_say_the_same() -> None:
    assert read_script(YAML) == RULES
    document = {"rules": [msgspec.to_builtins(rule) for rule in RULES]}
    assert read_script(msgspec.json.encode(document)) == RULES
    assert read_script(msgspec.json.encode(document["rules"])) == RULES


def test_short_form_is_one_rule() -> None:
    assert read_script(b'{"kind": "slow", "delay_ms": 5, "times": 2, "path": "/msg/send_text"}') == (
        Rule(Action("slow", delay_ms=5), Match(times=2, endpoint="/msg/send_text")),
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "null"),
        (b"{", "line 1"),
        (b"rules: 5", "$.rules"),
        (b"rules: []\ncolour: red", "colour"),
        (b"rules:\n  - do: {kind: none}", "$.rules[0].do.kind"),
        (b"rules:\n  - do: {kind: html}\n  - match: {}", "$.rules[1]"),
        (b"rules:\n  - do: {kind: refuse, delay_ms: 5}", "delay_ms has no meaning for refuse - at `$.rules[0].do`"),
        (b"rules:\n  - {do: {kind: html}, match: {type: FAX}}", "type FAX is unknown"),
        (b"rules:\n  - {do: {kind: html}, match: {nth: 0}}", "$.rules[0].match.nth"),
        (b"rules:\n  - {do: {kind: html}, match: {nth: [1, x]}}", "$.rules[0].match.nth[1]"),
        (b"rules:\n  - {do: {kind: html}, match: {every: 0}}", "$.rules[0].match.every"),
        (b"rules:\n  - {do: {kind: html}, match: {times: 0}}", "$.rules[0].match.times"),
        (b"rules:\n  - {do: {kind: html}, match: {probability: 1.5}}", "$.rules[0].match.probability"),
        (b"rules:\n  - {do: {kind: html}, match: {guid: 123}}", "$.rules[0].match.guid"),
        (b"rules:\n  - {do: {kind: html}, match: {endpoint: msg}}", "endpoint must begin with /"),
        (b"rules:\n  - do: {kind: html}\n    do: {kind: nan}", "key do stands twice in line 3"),
        (b"? [a]\n: 1", "a key must be a text"),
        (b"\xff\xfe\xff", "cannot be read"),
        (b'{"kind": "slow", "unknown": 1}', "unknown"),
        (b'{"kind": "slow", "times": 0}', "$.times"),
    ],
)
def test_bad_script_is_refused_with_its_place(content: bytes, reason: str) -> None:
    with pytest.raises(ScriptError) as raised:
        read_script(content)
    assert reason in str(raised.value)


LANES = [
    Call(path, guid, lane) for path in ("/msg/send_text", "/msg/revoke_msg") for guid in "ab" for lane in ("S:1", "S:2")
]


def run(rules: Rules, calls: list[Call]) -> list[Entry]:
    entries: list[Entry] = []
    for call in calls:
        hit = rules.pick(call)
        entry = Entry(0, call.path, call.guid, call.conversation_id, None, {}, executed=False)
        if hit is not None:
            entry.rule, entry.action = hit.rule, hit.action.parameters()
        entries.append(entry)
    return entries


def test_script_of_a_ledger_strikes_the_same_calls_again_in_any_interleaving() -> None:
    rules = (
        Rule(Action("refuse", error_code=-5), Match(probability=0.3)),
        Rule(Action("slow", delay_ms=3), Match(endpoint="/msg/*", every=4)),
    )
    first = run(Rules(3, rules), LANES * 6)
    refused = [
        Entry(0, lane.path, lane.guid, lane.conversation_id, None, None, executed=False, status=422) for lane in LANES
    ]
    first = refused + first
    script = read_script(msgspec.json.encode(script_of(first)))
    by_lane = sorted(LANES * 6)
    again = run(Rules(99, script), by_lane)

    def faults(entries: list[Entry]) -> dict[Call, list[object]]:
        lanes: dict[Call, list[object]] = {}
        for entry in entries:
            if entry.was_tried:
                lanes.setdefault(Call(entry.path, entry.guid, entry.conversationId), []).append(entry.action)
        return lanes

    assert faults(first) == faults(again)
    assert 10 < sum(entry.action is not None for entry in first) < 40
