"""No text of a stranger can do more on the operator's screen than be read."""

import ast
import json
import logging
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from rich.text import Text
from tests.support.apps.command_line import FakeService, bad, good

from wework_message.application.queries.diagnosis import Diagnosis, Examined
from wework_message.demo.play import Played, Sent
from wework_message.demo.report import result_table
from wework_message.demo.script import Expectation, Step
from wework_message.domain.ports.checks import Fault, Finding
from wework_message.entrypoints.cli import output, terminal
from wework_message.entrypoints.cli.terminal import Terminal, VisibleFormatter, harmless_json, visible

PACKAGE: Final = Path(terminal.__file__).parents[2]
PRINTING: Final = [*(PACKAGE / "entrypoints" / "cli").rglob("*.py"), *(PACKAGE / "demo").rglob("*.py")]
SINKS: Final = {Path(terminal.__file__), Path(output.__file__)}

ESCAPES: Final = (
    "\x1b]0;owned\x07", "\x1b[2J\x1b[1;1H", "\x9b31m", "\x9d52;c;cm0=\x9c", "\u202e", "\u2066", "\u200b", "\u2028", "\x85", "\x00",
    "\x7f", "\r", "\x08", "\u061c", "\U000e0041",
)  # fmt: skip
POISON: Final = "".join(ESCAPES) + "[bold]b[/bold][link=http://evil]l[/link]:skull:\nFORGED"


def hidden(text: str) -> set[str]:
    """Characters of an output that are no text."""
    return {character for character in text if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {
        "\n"
    }


def assert_harmless(text: str) -> None:
    assert hidden(text) == set()
    assert [line for line in text.splitlines() if line.startswith("FORGED")] == []


def poisoned(**fields: Any) -> dict[str, Any]:
    names = (
        "messageId", "status", "messageType", "conversationId", "reason", "errorMessage", "providerCode", "providerMessageId",
        "scheduledAt", "updateTime", "createdAt", "groupId", "deadLetterId", "receivedAt", "key", "target", "encoding", "body",
        "brokerMessageId", "guid", "callbackId", "notifyType", "callbackType", "state", "receiveTime", "rawData",
    )  # fmt: skip
    return dict.fromkeys(names, POISON) | fields


MESSAGE: Final = poisoned(
    timeline=[dict.fromkeys(("at", "kind", "attempt", "providerCode", "outcome", "detail"), POISON)],
    attempts=[
        {"number": POISON, "decision": {"reason": POISON, "candidates": [poisoned(excluded=POISON, score=0.5)]}},
    ],
)
PROVIDER: Final = {"code": POISON, "name": POISON, "healthy": True, "priority": 1, "apiUrl": POISON}
LETTER: Final = poisoned(errors=[{"path": POISON, "code": POISON, "message": POISON}])
PAGE: Final = {"items": [MESSAGE, LETTER], "nextCursor": POISON}
FAILURE: Final = {
    "code": 500, "error": POISON, "message": POISON, "errors": [{"path": POISON, "message": POISON}], "requestId": POISON,
    "data": {"messageId": POISON, "status": POISON},
}  # fmt: skip

COMMANDS: Final = {
    "send": (["send", "--text", "x"], [good(MESSAGE | {"parts": []})]),
    "parts": (["send", "--text", "x"], [good({"groupId": POISON, "parts": [poisoned(index=0)]})]),
    "status": (["status", "m", "--timeline"], [good(MESSAGE | {"attempts": 1}), good(MESSAGE)]),
    "retry": (["retry", "m"], [good(MESSAGE | {"attempts": 1})]),
    "messages": (["messages", "--limit", "2"], [good(PAGE)]),
    "providers": (["providers"], [good([PROVIDER]), good({"providers": [PROVIDER]})]),
    "dlq list": (["dlq", "list", "--limit", "2"], [good(PAGE)]),
    "dlq show": (["dlq", "show", "1"], [good(LETTER)]),
    "dlq replay": (["dlq", "replay", "1"], [good(poisoned())]),
    "callbacks quarantine": (["callbacks", "quarantine", "--limit", "2"], [good(PAGE)]),
    "callbacks show": (["callbacks", "show", "1"], [good(poisoned())]),
    "failure": (["status", "m"], [httpx.Response(500, json=FAILURE)]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_what_strangers_wrote_as_text(name: str) -> None:
    arguments, answers = COMMANDS[name]
    ended = FakeService(answers=list(answers)).run(*arguments)
    assert_harmless(ended.stdout + ended.stderr)


@pytest.mark.parametrize("name", COMMANDS)
def test_json_is_the_same_document_without_a_raw_control(name: str) -> None:
    arguments, answers = COMMANDS[name]
    ended = FakeService(answers=list(answers)).run(*arguments, "--json")
    assert hidden(ended.stdout) == set()
    assert POISON in set(strings(json.loads(ended.stdout)))


def strings(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        document = list(document.values())
    if isinstance(document, list):
        for value in document:
            yield from strings(value)
    elif isinstance(document, str):
        yield document


def test_the_doctor_the_start_and_the_errors_of_settings_do_so_too() -> None:
    finding = Finding.failed(POISON, POISON)
    diagnosis = Diagnosis((Examined(POISON, finding, 1.0, Fault.UNAVAILABLE),))
    assert_harmless(FakeService(diagnosis=diagnosis).run("doctor").stdout)
    assert_harmless(FakeService(warnings=(POISON,), provider_url=POISON).run("serve").stderr)
    refused = FakeService(problems=(POISON, POISON)).run("serve").stderr
    assert hidden(refused) == set()
    assert [line for line in refused.splitlines() if line.startswith("FORGED")] == []
    assert_harmless(FakeService(answers=[bad(409, POISON)]).run("status", "m").stderr)


def test_the_table_of_the_demo_does_so_too(capsys: pytest.CaptureFixture[str]) -> None:
    step = Step(POISON, f"/api/{POISON}", Expectation(http=202), body={"messageType": POISON})
    message = poisoned(attempts=1, createdAt="2026-11-24T03:00:00Z", updateTime="2026-11-24T03:00:00Z")
    sent = Sent(step, 202, None, ("m",))
    Terminal().print(result_table(Played(sent=[sent], listed={"m": message})))
    assert_harmless(capsys.readouterr().out)


@pytest.mark.parametrize("escape", ESCAPES)
def test_whatever_reaches_the_screen_by_another_way_is_escaped_at_the_last(
    escape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Terminal()
    screen.print(f"a{escape}b")
    screen.print(Text(f"a{escape}b", style="bold"))
    screen.print_line(f"a{escape}b", (f"a{escape}b", "bold"), Text(f"a{escape}b"))
    assert hidden(capsys.readouterr().out) == set()


def test_markup_and_emoji_codes_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    text = "[bold]b[/bold] [link=http://evil]l[/link] :skull: \\[x]"
    rows = output.table("heading")
    rows.add_row(text)
    Terminal().print(text)
    Terminal().print_line(text)
    Terminal().print(rows)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [text, text, "heading", text]


def test_a_person_s_text_stays_as_it_is() -> None:
    text = "你好，世界　👋 naïve ½ ✓"
    assert visible(text) == text
    assert visible("a\tb\nc\\n") == r"a\tb\nc\n"
    assert harmless_json('{"a": "你好"}\n') == '{"a": "你好"}\n'
    assert json.loads(harmless_json(json.dumps("\x9b\u202e\U000e0041\x7f", ensure_ascii=False))) == (
        "\x9b\u202e\U000e0041\x7f"
    )


def test_log_lines_of_a_command_are_single_lines() -> None:
    record = logging.LogRecord("x", logging.WARNING, "x.py", 1, "%s", (POISON,), None)
    assert_harmless(VisibleFormatter().format(record))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_every_print_goes_through_the_one_screen() -> None:
    """`Terminal.print` is for tables and for texts of ours; a line that holds anything else is for `print_line`."""
    forbidden = (
        "print",
        "Console",
        "Table",
        "echo",
        "secho",
        "escape",
        "write",
        "from_markup",
        "from_ansi",
        "out",
        "log",
    )
    bypasses = [
        f"{path.relative_to(PACKAGE)}:{call.lineno} {name}"
        for path in PRINTING
        if path not in SINKS
        for name, call in calls(path)
        if name in forbidden
        or name.startswith(("click.echo", "click.secho", "sys.stdout", "sys.stderr", "sys.__std", "traceback.print"))
        or (name.endswith(".print") and any(isinstance(argument, ast.JoinedStr) for argument in call.args))
    ]
    assert bypasses == []
