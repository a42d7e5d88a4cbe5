import io
import json
import os
import pty
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.observability.json_lines import to_line
from wework_message.adapters.observability.logs import LogSettings, configure
from wework_message.adapters.observability.readable_lines import LogFormat, ReadableLines, readable, wants_colours

MOVED = {
    "ts": "2026-11-30T18:49:02.815Z",
    "level": "INFO",
    "event": "message.moved",
    "text": "sendMessage SENDING -> SENT",
    "messageId": "01a22dca-0046-7246-95c3-088b5b28872e",
    "tenantId": "default",
    "type": "TEXT",
    "before": "SENDING",
    "after": "SENT",
    "attempt": 1,
    "provider": "GUANGZHOU_GUXING",
    "class": "ACCEPTED",
    "ms": 16,
    "service": "wework-message",
    "version": "0.1.0",
}


@pytest.fixture(autouse=True)
def shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def shown(fields: dict[str, Any], *, colours: bool = False) -> str:
    return ReadableLines(colours=colours)(to_line(fields)).decode()


def test_a_line_has_the_local_time_and_the_fields_that_tell_something() -> None:
    assert shown(MOVED) == (
        "12-01 02:49:02.815 INFO  sendMessage SENDING -> SENT                "
        "01a22dca-0046-7246-95c3-088b5b28872e 16ms type=TEXT provider=GUANGZHOU_GUXING\n"
    )


def test_a_failure_says_who_refused_it_and_why() -> None:
    failed = MOVED | {"level": "ERROR", "text": "sendMessage SENDING -> FAILED", "after": "FAILED", "attempt": 3}
    failed |= {"reason": "REFUSED_PERMANENT", "class": "REFUSED_PERMANENT", "cause": "CODE", "errorCode": -2003}
    assert shown(failed).split("16ms ")[1] == (
        "type=TEXT attempt=3 provider=GUANGZHOU_GUXING reason=REFUSED_PERMANENT cause=CODE errorCode=-2003\n"
    )


def test_the_request_is_named_where_no_message_is() -> None:
    named = {"guid": "g-1", "requestId": "r-1"}
    assert shown(MOVED | named).endswith("16ms type=TEXT provider=GUANGZHOU_GUXING guid=g-1\n")
    refused = {"ts": MOVED["ts"], "level": "WARNING", "event": "http.refused", "text": "request is refused"}
    assert shown(refused | named).endswith("guid=g-1 requestId=r-1\n")


def test_what_the_text_has_already_is_not_repeated() -> None:
    handled = {"ts": MOVED["ts"], "level": "WARNING", "event": "callback.handled", "text": "callback 11010 quarantined"}
    assert shown(handled | {"type": 11010, "result": "quarantined", "count": 1}).endswith(
        "WARN  callback 11010 quarantined\n"
    )
    assert shown(handled | {"type": 11010, "result": "failed", "count": 2}).endswith("result=failed count=2\n")


def test_a_line_of_a_library_has_its_logger_and_a_worker_its_number() -> None:
    line = {
        "ts": MOVED["ts"],
        "level": "CRITICAL",
        "event": "it ended",
        "worker": 2,
        "logger": "wework_message.a.spool",
    }
    assert shown(line).rstrip() == f"12-01 02:49:02.815 FATAL [2] {'it ended'.ljust(42)} (spool)"
    assert shown(line | {"logger": "uvicorn.error"}).endswith("(uvicorn.error)\n")


def test_the_frames_of_an_error_are_below_its_line() -> None:
    line = {
        "ts": MOVED["ts"],
        "level": "ERROR",
        "event": "failed",
        "error": "ValueError",
        "trace": ["a/b.py:1 f", "x\n"],
    }
    first, *frames = shown(line).splitlines()
    assert first.endswith("error=ValueError")
    assert frames == ["    at a/b.py:1 f", "    at x\\n"]


def test_every_batch_keeps_its_lines_and_what_is_no_line_is_shown() -> None:
    batch = to_line(MOVED) + b"no \x1b[2J line\n" + b'["a"]\n' + to_line(MOVED | {"ts": "soon"})
    lines = ReadableLines(colours=False)(batch).decode().splitlines()
    assert lines[1:3] == ["no \\x1b[2J line", '["a"]']
    assert len(lines) == 4


def test_a_line_that_is_too_deep_for_a_table_is_shown_as_it_is() -> None:
    depth = 100_000
    line = b'{"ts":"2026-11-30T18:49:02.815Z","event":"x","deep":' + b"[" * depth + b"]" * depth + b"}\n"
    assert ReadableLines(colours=False)(line) == line


@given(st.text(), st.text(), st.one_of(st.text(), st.lists(st.text(), max_size=3), st.integers(), st.booleans()))
def test_no_value_makes_a_line_or_a_control(text: str, name: str, value: object) -> None:
    written = ReadableLines(colours=False)(to_line({**MOVED, "text": text, name or "x": value})).decode()
    assert written.count("\n") == 1 + (len(value) if name == "trace" and isinstance(value, list) else 0)
    assert "".join(written.splitlines()).isprintable()


@pytest.mark.parametrize(("encoding", "text"), [("ascii", rb"\u5ba2\u6237 a"), ("cp936", "客户 a".encode("cp936"))])
def test_what_the_terminal_has_no_bytes_for_is_an_escape(encoding: str, text: bytes) -> None:
    lines = ReadableLines(colours=False, encoding=encoding)(to_line({**MOVED, "text": "客户 a"}))
    assert text in lines


def test_a_terminal_gets_lines_in_the_encoding_of_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    made = readable("text", None)
    assert made is not None
    assert rb"\u5ba2" in made(to_line({**MOVED, "text": "客户"}))


def test_colours_are_ours_and_nothing_else() -> None:
    written = shown(MOVED | {"level": "ERROR", "note": "\x1b[31mred"}, colours=True)
    assert "\x1b[31mERROR\x1b[0m" in written
    plain = re.sub(r"\x1b\[[0-9;]+m", "", written)
    assert plain == shown(MOVED | {"level": "ERROR", "note": "\x1b[31mred"})
    assert "\\u001b[31mred" in plain or "\\x1b[31mred" in plain


@pytest.mark.parametrize(
    ("environ", "is_terminal", "colours"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_colours_follow_the_terminal_and_its_variables(
    environ: dict[str, str], is_terminal: bool, colours: bool
) -> None:
    assert wants_colours(environ, is_terminal=is_terminal) is colours


@pytest.mark.parametrize(
    ("form", "in_terminal", "in_pipe"), [("auto", True, False), ("json", False, False), ("text", True, True)]
)
def test_people_get_text_where_they_look_and_programs_json(form: LogFormat, in_terminal: bool, in_pipe: bool) -> None:
    master, terminal = pty.openpty()
    reading, writing = os.pipe()
    try:
        assert (readable(form, terminal) is not None, readable(form, writing) is not None) == (in_terminal, in_pipe)
        assert (readable(form, None) is not None) == in_pipe
    finally:
        for descriptor in (master, terminal, reading, writing):
            os.close(descriptor)


def test_the_file_stays_json_while_people_read_the_terminal(tmp_path: Any) -> None:
    path, stdout = tmp_path / "x.log", io.BytesIO()
    handle = configure(LogSettings(version="1", file=str(path), form="text"), stdout=stdout)
    handle.facts.warning("a.fact", text="it happened", provider="P")
    handle.close()
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["event"] == "a.fact"
    assert re.fullmatch(rb".{18} .*WARN .*it happened +.*provider=.*P\n", stdout.getvalue())
