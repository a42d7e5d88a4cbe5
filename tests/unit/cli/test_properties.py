"""Settings among the arguments of commands that start or look at the service."""

import json

import pytest
from click.testing import CliRunner
from tests.support.apps.command_line import FakeService

from wework_message.application.role import Role
from wework_message.bootstrap.command_line import cli
from wework_message.bootstrap.commands import command_line
from wework_message.entrypoints.cli.services import SettingsSource


@pytest.mark.parametrize("command", [("serve",), ("consume",), ("migrate",), ("config", "check"), ("doctor",)])
def test_a_setting_is_an_argument_as_in_spring(command: tuple[str, ...]) -> None:
    app = FakeService()
    app.run(*command, "--server.port=9", "--property", "a=b c", "--app.wework.providers[x].code=y=z")
    (source,) = app.sources
    assert source.properties == ("server.port=9", "a=b c", "app.wework.providers[x].code=y=z")


@pytest.mark.parametrize("argument", ["--server.port", "--debug=1", "--property=x", "--property= =1", "--.=1"])
def test_what_is_no_setting_is_a_wrong_command_line(argument: str) -> None:
    app = FakeService()
    assert app.run("serve", argument).exit_code == 64
    assert app.sources == []


def test_options_are_stronger_than_settings_among_the_arguments() -> None:
    source = SettingsSource(None, "dev", "h", 1, 2, properties=("server.port=9",))
    assert command_line(source) == [
        "server.port=9", "spring.profiles.active=dev", "server.host=h", "server.port=1", "server.workers=2",
    ]  # fmt: skip
    assert command_line(SettingsSource(port=3, role=Role.CONSUMING)) == ["management.server.port=3"]


def test_arguments_are_stronger_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_PORT", "7")
    monkeypatch.setenv("SPRING_APPLICATION_JSON", '{"server.port": 8}')
    ended = CliRunner().invoke(cli, ["config", "check", "--json", "--server.port=9", "--server.contextPath=/x"])
    document = json.loads(ended.stdout)
    assert (document["settings"]["server"]["port"], document["settings"]["server"]["context-path"]) == (9, "/x")
    assert document["origins"]["server.port"] == "command line"
