"""The command line: `build_cli` makes it from the callables of `bootstrap`."""

from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError
from wework_message.entrypoints.cli.main import build_cli
from wework_message.entrypoints.cli.services import CreatedTopics, Provider, Services, SettingsSource, Startup

__all__ = [
    "CommandFailedError",
    "CreatedTopics",
    "ExitCode",
    "Provider",
    "Services",
    "SettingsSource",
    "Startup",
    "build_cli",
]
