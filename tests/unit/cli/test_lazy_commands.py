"""The table of commands: each entry says of its command what the command says of itself, and imports it only when it is used."""

import inspect
import sys

import pytest
import rich_click as click
from click.testing import CliRunner

from wework_message.bootstrap.command_line import cli
from wework_message.entrypoints.cli.lazy_command import LazyCommand

ENTRIES = {name: command for name, command in cli.commands.items() if isinstance(command, LazyCommand)}


def test_every_command_is_lazy() -> None:
    assert list(ENTRIES) == list(cli.commands)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_summary_is_the_first_paragraph_of_the_command_s_help(name: str) -> None:
    command = ENTRIES[name].load()
    assert command.name == name
    assert ENTRIES[name].short_help == " ".join(inspect.cleandoc(command.help or "").split("\n\n")[0].split())


def test_a_command_s_own_help_makes_no_services() -> None:
    made = []
    group = click.RichGroup(name="root", commands=[LazyCommand("status", _MODULE, "", lambda: made.append("services"))])
    runner = CliRunner()
    assert "MESSAGE_ID" in runner.invoke(group, ["status", "--help"]).output
    assert made == []


def test_completion_makes_no_services() -> None:
    made = []
    entry = LazyCommand("status", _MODULE, "", lambda: made.append("services"))
    assert entry.make_context("status", [], resilient_parsing=True).command.name == "status"
    assert made == []


def test_a_missing_command_module_is_not_taken_for_a_missing_package() -> None:
    with pytest.raises(ModuleNotFoundError, match="wework_message"):
        LazyCommand("nothing", "wework_message.entrypoints.cli.commands.nothing", "").load()
    assert "wework_message.entrypoints.cli.commands.nothing" not in sys.modules


_MODULE = "wework_message.entrypoints.cli.commands.messages"
