"""A terminal that cannot show every character gets escapes, and nothing fails: ASCII, Windows' code pages."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import rich_click as click
from click.testing import CliRunner
from tests.support.apps.command_line import FakeService, good, status_of

from wework_message.bootstrap.command_line import cli
from wework_message.entrypoints.cli.lazy_command import LazyCommand
from wework_message.entrypoints.cli.output import console, table
from wework_message.entrypoints.cli.terminal import visible

BOXES: Final = frozenset("╭╮╰╯─│…")
"""What rich draws, and replaces where it must."""


def _words(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield before
    for word, entry in group.commands.items():
        command = entry.load() if isinstance(entry, LazyCommand) else entry
        if isinstance(command, click.Group):
            yield from _words(command, (*before, word))
        else:
            yield *before, word


def test_the_help_of_every_command_is_ascii() -> None:
    odd = {}
    for words in _words(cli):
        shown = CliRunner().invoke(cli, [*words, "--help"])
        assert shown.exit_code == 0, words
        if others := {character for character in shown.output if not character.isascii()} - BOXES:
            odd[words] = others
    assert odd == {}


@pytest.mark.parametrize("encoding", ["ascii", "cp437"])
@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["simulate", "--help"], ["config", "check"], ["send", "--nosuch"]],
    ids=lambda words: words[0],
)
def test_a_program_in_such_a_terminal_prints_and_ends_as_anywhere(
    encoding: str, arguments: list[str], tmp_path: Path
) -> None:
    (tmp_path / "application.yml").write_text("app: {wework: {providers: {guangzhou-guxing: {name: 孤星}}}}", "utf-8")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": encoding}
    ended = subprocess.run(
        [sys.executable, "-m", "wework_message", *arguments], cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=60
    )  # fmt: skip
    assert ended.returncode == (64 if "--nosuch" in arguments else 0), ended.stderr.decode(encoding)
    shown = (ended.stdout + ended.stderr).decode(encoding)
    assert "Traceback" not in shown
    assert "bug:" not in shown
    if arguments[0] == "config":
        assert r"\u5b64\u661f" in shown


def _ascii_output(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """The standard output of an ASCII terminal, until the test ends; pytest has put its own there before a test begins."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii", "backslashreplace", write_through=True))
    return raw


def test_a_table_stays_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    output = _ascii_output(monkeypatch)
    rows = table("name", "note")
    rows.add_row("张三", "xxx")
    rows.add_row("anna", "yyy")
    console().print(rows)
    lines = [line.rstrip() for line in output.getvalue().decode("ascii").splitlines()]
    assert lines == ["name          note", r"\u5f20\u4e09  xxx", "anna          yyy"]


def test_a_table_says_where_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    output = _ascii_output(monkeypatch)
    rows = table("note")
    rows.add_row("x" * 200)
    console().print(rows)
    assert output.getvalue().decode("ascii").splitlines()[1].rstrip().endswith("x~")


def test_what_has_no_bytes_is_escaped_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    _ascii_output(monkeypatch)
    assert visible("a 张 é z") == r"a \u5f20 \xe9 z"


def test_a_terminal_that_can_show_a_character_shows_it() -> None:
    assert visible("a 张 é …") == "a 张 é …"


def test_an_argument_that_is_no_text_is_a_wrong_command_line() -> None:
    app = FakeService(answers=[good(status_of())])
    ended = app.run("send", "--guid", "g1", "--to", "S:1", "--text", "\udcff")
    assert ended.exit_code == 64
    assert "no text in this locale" in ended.stderr
    assert app.requests == []
