"""Errors of the settings; each names the key or the variable, never a secret's value."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import ClassVar

from wework_message.bootstrap.settings.ignored import Ignored, remarks
from wework_message.domain.errors import WeworkMessageError


class SettingsError(WeworkMessageError):
    """The settings stop the start; `path` is a key, a variable's name or a file, `message` says what to do."""

    code: ClassVar[str] = "SETTINGS_INVALID"

    def __init__(self, path: str, message: str) -> None:
        """`message` never contains the value: it could be a password in the wrong place."""
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class SettingsFileError(SettingsError):
    """A settings file is missing, unreadable, no YAML, or names a key twice; `line` counts from 1, None if unknown."""

    def __init__(self, file: str, message: str, line: int | None = None) -> None:
        """`file` as it was given or found."""
        super().__init__(file if line is None else f"{file}, line {line}", message)
        self.file = file
        self.line = line


class UnknownSettingError(SettingsError):
    """A key or variable of ours that does not exist; `nearest` is the known name that looks most like it, or None."""

    def __init__(self, path: str, known_names: Sequence[str], where: str | None = None) -> None:
        """`known_names` are those it may have meant, `where` is the file that has it."""
        self.nearest = next(iter(get_close_matches(path, known_names, n=1, cutoff=0.6)), None)
        hint = f", did you mean {self.nearest}?" if self.nearest else ""
        super().__init__(path, f"unknown setting{f' in {where}' if where else ''}{hint}")


class InvalidSettingError(SettingsError):
    """A value is outside what the key allows, or contradicts another one."""


class MissingSettingError(SettingsError):
    """The active profile needs a value that is not set; `variable` is the environment variable that gives it."""

    def __init__(self, path: str, variable: str, reason: str) -> None:
        """`reason` says why the start needs the value."""
        super().__init__(path, f"{reason}; set it in a file or by {variable}")
        self.variable = variable


class MissingBackendError(SettingsError):
    """The setting needs an extra that is not installed, or has no effect without another setting."""


class ForeignSettingError(SettingsError):
    """Keys of a Java service that cannot be left unread: another server, or an encrypted link, would be meant."""


class StartRefusedError(SettingsError):
    """Several settings stop the start at once; `problems` holds each of them."""

    def __init__(self, problems: Sequence[SettingsError], ignored: Sequence[Ignored] = ()) -> None:
        """`problems` in the order in which they should be read; `ignored` are keys that stop nothing and should go."""
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"- {problem}" for problem in problems]
        if ignored:
            lines += ["without meaning here, and no problem:", *(f"- {remark}" for remark in remarks(ignored))]
        super().__init__("settings", "\n".join([count, *lines]))
        self.problems = tuple(problems)
        self.ignored = tuple(ignored)
