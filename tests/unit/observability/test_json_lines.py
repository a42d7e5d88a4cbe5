import json
from typing import Any

import pytest

from wework_message.adapters.observability.json_lines import Renderer, Stamp, to_line
from wework_message.adapters.observability.redaction import Pseudonyms, Redaction, describe, scrub

INJECTIONS = [
    'x\r\n{"level":"ERROR"}',
    "x\n\n",
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "a\u2028b\u2029c\x85d",
    "\u202egnp.exe\u2066\u2069",
    "\u061c\u2060\u206f\U000e0041",
    "\x00\x7f\x1f",
    "\ufeffbom\u200bzero",
    "lone \ud800 surrogate",
    '","level":"ERROR","x":"',
    "发送\u2028失败",
]


def parsed(line: bytes) -> Any:
    return json.loads(line)


@pytest.mark.parametrize("text", INJECTIONS, ids=ascii)
@pytest.mark.parametrize("place", ["value", "name", "event"])
def test_any_value_gives_exactly_one_line_of_json(text: str, place: str) -> None:
    places: dict[str, dict[str, Any]] = {"value": {"note": text}, "name": {text: 1}, "event": {}}
    fields = places[place]
    renderer = Renderer("s", "1", Stamp(lambda: 0.0))
    line = renderer.line("INFO", text if place == "event" else "e", fields)
    decoded = line.decode()
    assert decoded.splitlines() == [decoded[:-1]]
    assert all(char.isprintable() for char in decoded[:-1])
    assert parsed(line)["level"] == "INFO"


@pytest.mark.parametrize("text", [*INJECTIONS, "plain"], ids=ascii)
@pytest.mark.parametrize("place", ["value", "name", "text"])
@pytest.mark.parametrize("worker", [None, 2])
def test_a_template_gives_the_lines_of_its_renderer(text: str, place: str, worker: int | None) -> None:
    renderer = Renderer("s", "1", Stamp(lambda: 0.0), worker)
    fields: dict[str, Any] = {text: 1} if place == "name" else {"note": text, "count": 2, "none": None, "other": [text]}
    title = text if place == "text" else "t"
    (line,) = renderer.template("INFO", "e", title).lines([fields])
    assert line == renderer.line("INFO", "e", {"text": title, **fields})


def test_harmless_text_stays_readable() -> None:
    assert to_line({"note": "发送失败 ✓"}).decode() == '{"note":"发送失败 ✓"}\n'


class Letter:
    def __repr__(self) -> str:
        return "Letter('secret love')"


class Word(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Letter(), "<Letter>"),
        (Word("w"), "w"),
        (float("nan"), None),
        (1 << 70, 1 << 70),
        (b"\xff\x00", None),
    ],
    ids=["object", "subclass of str", "nan", "big", "bytes"],
)
def test_values_that_json_does_not_know_break_nothing(value: object, shown: object) -> None:
    line = to_line({"note": value, "other": "\ud800"})
    assert b"secret" not in line
    if shown is not None:
        assert parsed(to_line({"note": value}))["note"] == shown


def test_a_line_has_time_level_event_service_and_version() -> None:
    renderer = Renderer("wework-message", "1.2.3", Stamp(lambda: 1_748_766_600.1239))
    line = renderer.line("WARNING", "message.moved", {"messageId": "m"})
    assert parsed(line) == {
        "ts": "2025-06-01T08:30:00.123Z",
        "level": "WARNING",
        "event": "message.moved",
        "messageId": "m",
        "service": "wework-message",
        "version": "1.2.3",
    }


def test_the_stamp_follows_the_second() -> None:
    times = iter([10.0, 10.5, 11.25])
    stamp = Stamp(lambda: next(times))
    assert [stamp()[-7:-1], stamp()[-7:-1], stamp()[-7:-1]] == ["10.000", "10.500", "11.250"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("POST /message/api/callbacks/webhook/t0k3n?x=1 failed", "POST /message/api/callbacks/webhook/***?x=1 failed"),
        ("POST /x//callbacks//webhook//cb_abcdefgh-_12 failed", "POST /x//callbacks//webhook//cb_*** failed"),
        (
            f"a key wmk_live_abcdefgh_{'a' * 52}_00c0ffee in Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.c2ln!",
            "a key wmk_*** in Bearer ***!",
        ),
        ("token cb_abcdefgh-_12, index cb_row", "token cb_***, index cb_row"),
        ("mysql://wm:pa:ss@db:3306/x refused", "mysql://***@db:3306/x refused"),
        ("https://p.example:8443/t0k3n/v1?key=k failed", "https://p.example:8443/*** failed"),
        ("at http://p.example?key=k and http://h:1/", "at http://p.example/*** and http://h:1/"),
        ("call 13812345678 now", "call *** now"),
        ("id 01970000-0000-7000-8000-13812345678a", "id 01970000-0000-7000-8000-13812345678a"),
        ("to S:7881302345678 and R:1070;99", "to S:*** and R:***"),
        ("x" * 501, "x" * 500),
    ],
)
def test_free_texts_are_masked(text: str, shown: str) -> None:
    assert scrub(text) == shown


def test_fields_are_spelled_and_hidden_by_their_names() -> None:
    fields = Redaction(Pseudonyms(b"key")).fields(
        {
            "message_id": "m-1",
            "content": "你好",
            "request_body": b"x",
            "api_key": "wmk_1",
            "conversation_id": "S:1001",
            "letter": Letter(),
            "hosts": ["a", Letter()],
            "absent": None,
            "ok": True,
        }
    )
    assert fields == {
        "messageId": "m-1",
        "content": "***",
        "requestBody": "***",
        "apiKey": "***",
        "conversationId": Pseudonyms(b"key").of("S:1001"),
        "letter": "<Letter>",
        "hosts": ["a", "<Letter>"],
        "ok": True,
    }


def test_hashes_of_a_person_are_equal_under_one_key_and_differ_under_another() -> None:
    pseudonyms, other = Pseudonyms(b"one"), Pseudonyms(b"other")
    assert pseudonyms.of("S:1001") == pseudonyms.of("S:1001") != pseudonyms.of("S:1002")
    assert pseudonyms.of("S:1001") != other.of("S:1001")
    assert "1001" not in pseudonyms.of("S:1001")


def an_error(missing: dict[str, str]) -> Exception:
    try:
        try:
            missing["secret content"]
        except KeyError as error:
            raise ValueError("secret content") from error
    except ValueError as error:
        return error
    return AssertionError()


def test_an_error_is_described_by_type_and_place_without_its_text() -> None:
    description = describe(an_error({}))
    assert description["error"] == "ValueError"
    assert description["causes"] == ["KeyError"]
    assert description["trace"][0].startswith("unit/observability/test_json_lines.py:")
    assert description["trace"][0].endswith(" an_error")
    assert "secret" not in repr(description)


def test_an_error_that_is_passed_along_is_described_outside_of_its_except_block() -> None:
    fields = Redaction(Pseudonyms(b"key")).fields({"exc_info": an_error({})})
    assert (fields["error"], fields["causes"]) == ("ValueError", ["KeyError"])


def test_the_text_of_a_system_error_is_shown() -> None:
    assert describe(OSError(28, "No space left on device"))["errorText"] == "[Errno 28] No space left on device"


def test_a_group_shows_its_members_and_a_cycle_of_causes_ends() -> None:
    group = ExceptionGroup("secret", [ValueError("secret"), OSError(1, "x")])
    assert describe(group)["causes"] == ["ValueError", "PermissionError"]
    first, second = ValueError(), TypeError()
    first.__cause__, second.__cause__ = second, first
    assert describe(first)["causes"] == ["TypeError"]
