"""Without --url the command line asks the service of this folder and this environment."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from wework_message.bootstrap.command_line import cli
from wework_message.bootstrap.service_place import find_service
from wework_message.entrypoints.cli.failure import CommandFailedError

FILE = "server: {port: 18082, servlet: {context-path: /wework}}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "SERVER_PORT",
        "SERVER_HOST",
        "SPRING_PROFILES_ACTIVE",
        "WEWORK_MESSAGE_URL",
        "WEWORK_MESSAGE_API_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def ask(*words: str) -> Result:
    return CliRunner().invoke(cli, ["status", "m-1", *words])


def test_where_nothing_is_said_it_is_the_default() -> None:
    place = find_service()
    assert (place.url, place.reason) == ("http://127.0.0.1:8082/message", "")


def test_the_file_of_the_folder_says_port_and_context_path(folder: Path) -> None:
    (folder / "config").mkdir()
    (folder / "config" / "application.yml").write_text(FILE)
    place = find_service()
    assert place.url == "http://127.0.0.1:18082/wework"
    assert place.reason == (
        "as said by server.port (file config/application.yml), server.context-path (file config/application.yml)"
    )


def test_the_environment_of_a_container_is_stronger_and_an_address_for_all_is_this_machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "application.yml").write_text(FILE)
    (folder / "application-docker.yml").write_text("server: {servlet: {context-path: /other}}")
    monkeypatch.setenv("SPRING_PROFILES_ACTIVE", "docker")
    monkeypatch.setenv("SERVER_PORT", "9001")
    assert find_service().url == "http://127.0.0.1:9001/other"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8082/message"),  # noqa: S104 - compared, not bound
        ("::", "http://[::1]:8082/message"),
        ("::1", "http://[::1]:8082/message"),
        ("10.0.0.5", "http://10.0.0.5:8082/message"),
    ],
)
def test_the_address_is_one_that_this_machine_reaches(host: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_HOST", host)
    assert find_service().url == url


def test_where_nothing_answers_the_error_says_who_named_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_PORT", "9")
    ended = ask()
    assert ended.exit_code == 69
    assert ended.stderr.splitlines() == [
        "error: nothing answers at http://127.0.0.1:9/message",
        "  as said by server.port (environment variable SERVER_PORT)",
        "  start the service with: wework-message serve, or name another with --url",
    ]


def test_settings_that_cannot_be_read_ask_for_a_url_and_with_one_nobody_reads_them(folder: Path) -> None:
    (folder / "application.yml").write_text("server: {port: high}")
    ended = ask()
    assert ended.exit_code == 78
    assert "server.port" in ended.stderr
    assert "name the service with --url or WEWORK_MESSAGE_URL" in ended.stderr
    assert ask("--url", "http://127.0.0.1:9").exit_code == 69


def test_a_port_that_is_not_known_yet_asks_for_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_PORT", "0")
    with pytest.raises(CommandFailedError, match=r"server\.port is 0 .environment variable SERVER_PORT"):
        find_service()
