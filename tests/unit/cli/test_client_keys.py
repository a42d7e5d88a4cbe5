"""Where client commands find the API key."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import rich_click as click
from tests.support.apps.command_line import FakeService, bad, good

from wework_message.bootstrap.command_line import cli
from wework_message.entrypoints.cli.lazy_command import LazyCommand

KEY = "wmk_test_abcdefgh_" + "a" * 52 + "_00000000"
STATUS = {"messageId": "m-1", "status": "SENT"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WEWORK_MESSAGE_API_KEY", raising=False)
    monkeypatch.delenv("WEWORK_MESSAGE_API_KEY_FILE", raising=False)
    return tmp_path


def a_file(path: Path, text: str = KEY + "\n", mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def shown(*args: str) -> str | None:
    """What the service sees of the caller."""
    app = FakeService(answers=[good(STATUS)])
    assert app.run("status", "m-1", "--json", *args).exit_code == 0
    headers: Mapping[str, str] = app.requests[0].headers
    return headers.get("authorization")


def test_without_a_key_none_is_shown() -> None:
    assert shown() is None


def test_the_key_comes_from_the_usual_file(home: Path) -> None:
    a_file(home / ".config" / "wework-message" / "key")
    assert shown() == f"Bearer {KEY}"


def test_the_variable_is_stronger_than_the_usual_file_and_a_named_file_than_both(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_file(home / ".config" / "wework-message" / "key")
    monkeypatch.setenv("WEWORK_MESSAGE_API_KEY", "of-the-variable")
    assert shown() == "Bearer of-the-variable"
    assert shown("--key-file", str(a_file(home / "named", "named"))) == "Bearer named"
    monkeypatch.setenv("WEWORK_MESSAGE_API_KEY_FILE", str(a_file(home / "of-the-environment", "\tother \n", 0o400)))
    assert shown() == "Bearer other"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o666, 0o777, 0o601, 0o620])
def test_a_file_that_others_can_read_or_change_is_refused(home: Path, mode: int) -> None:
    usual = a_file(home / ".config" / "wework-message" / "key", mode=mode)
    app = FakeService()
    refused = app.run("status", "m-1")
    assert (refused.exit_code, app.requests) == (78, [])
    assert "chmod 600" in refused.output
    assert KEY not in refused.output
    usual.chmod(0o600)
    assert shown() == f"Bearer {KEY}"


@pytest.mark.parametrize("text", ["", "\n", "two words", "two\nlines", "schlüssel", "nul\0"])
def test_a_file_without_one_key_is_refused_and_not_shown(home: Path, text: str) -> None:
    app = FakeService()
    refused = app.run("status", "m-1", "--key-file", str(a_file(home / "named", text)))
    assert (refused.exit_code, app.requests) == (78, [])
    assert "does not hold one API key" in refused.output
    assert "words" not in refused.output


def test_what_is_no_file_is_refused_without_its_name(home: Path) -> None:
    """It could be the key itself."""
    app = FakeService()
    for named in (KEY, str(home)):
        refused = app.run("status", "m-1", "--key-file", named)
        assert (refused.exit_code, app.requests) == (78, [])
        assert KEY not in refused.output


def test_what_is_read_as_somebody_writes_it_is_not_waited_for(home: Path) -> None:
    os.mkfifo(home / "pipe", 0o600)
    app = FakeService()
    refused = app.run("status", "m-1", "--key-file", str(home / "pipe"))
    assert (refused.exit_code, app.requests) == (78, [])
    assert "no regular file" in refused.output


def test_a_refused_caller_learns_where_the_key_comes_from_and_its_scope() -> None:
    unknown = FakeService(answers=[bad(401, "UNAUTHENTICATED")]).run("status", "m-1")
    assert unknown.exit_code == 77
    assert "WEWORK_MESSAGE_API_KEY" in unknown.output
    small = FakeService(answers=[bad(403, "FORBIDDEN", message="this needs the scope messages:read")]).run(
        "status", "m-1"
    )
    assert small.exit_code == 77
    assert "messages:read" in small.output
    assert "WEWORK_MESSAGE_API_KEY" not in small.output


def test_no_option_takes_the_key_itself() -> None:
    """What is on the command line is seen by every user of the machine."""
    assert FakeService().run("status", "m-1", "--key-file", "/nowhere", "--api-key", KEY).exit_code == 64


def _commands(group: click.Group, ctx: click.Context) -> Iterator[click.Command]:
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, LazyCommand):
            command = command.load()
        if isinstance(command, click.Group):
            yield from _commands(command, ctx)
        if command is not None:
            yield command


def test_every_command_that_asks_a_service_takes_the_file_with_the_key() -> None:
    options = {
        command: {option for parameter in command.params for option in parameter.opts}
        for command in _commands(cli, click.Context(cli))
    }
    clients = [command for command, names in options.items() if "--url" in names]
    assert len(clients) > 60
    assert [command.name for command in clients if "--key-file" not in options[command]] == []


def test_an_export_of_the_trail_shows_the_key_of_the_file(home: Path) -> None:
    app = FakeService(answers=[good({"items": [], "nextCursor": None})])
    assert app.run("audit", "export", "--key-file", str(a_file(home / "named"))).exit_code == 0
    assert app.requests[0].headers["authorization"] == f"Bearer {KEY}"
