"""The exit codes of the command line: one table, printed below ``wework-message --help``.

The numbers are those of BSD's ``sysexits.h``, so that scripts can read them without this table.
"""

from enum import IntEnum
from types import MappingProxyType
from typing import Final


class ExitCode(IntEnum):
    """The status with which a command ends; `MEANINGS` explains each."""

    OK = 0
    DIFFERENT = 1
    USAGE = 64
    REFUSED = 65
    NOT_FOUND = 66
    UNAVAILABLE = 69
    BUG = 70
    TRY_AGAIN = 75
    FORBIDDEN = 77
    CONFIGURATION = 78
    INTERRUPTED = 130


MEANINGS: Final = MappingProxyType(
    {
        ExitCode.OK: "done",
        ExitCode.DIFFERENT: "the demo ran and its result, or what the doctor found stored, is not what it must be",
        ExitCode.USAGE: "the command line is wrong",
        ExitCode.REFUSED: "the request was refused, or its message ended unsent; repeating it changes nothing",
        ExitCode.NOT_FOUND: "no such message, provider, route or file",
        ExitCode.UNAVAILABLE: "something that is needed does not answer, or a package is not installed",
        ExitCode.BUG: "a bug, here or in the service",
        ExitCode.TRY_AGAIN: "not now, or not settled yet: ask again (a send: with the same --key)",
        ExitCode.FORBIDDEN: "the service does not let this caller do that",
        ExitCode.CONFIGURATION: "the settings stop the start",
        ExitCode.INTERRUPTED: "interrupted from the keyboard",
    }
)
"""Every code in one line."""

_OF_STATUS: Final = MappingProxyType(
    {
        401: ExitCode.FORBIDDEN,
        403: ExitCode.FORBIDDEN,
        404: ExitCode.NOT_FOUND,
        408: ExitCode.TRY_AGAIN,
        429: ExitCode.TRY_AGAIN,
        500: ExitCode.BUG,
        501: ExitCode.UNAVAILABLE,
    }
)
_TRANSIENT_CONFLICT: Final = "CONFLICT"


def of_answer(status: int, error: str | None) -> ExitCode:
    """The code for an HTTP answer of the service; `error` is the stable code of its envelope, None where it has none."""
    if status < 300:  # noqa: PLR2004 - every 2xx is a success (D-23)
        return ExitCode.OK
    if error == _TRANSIENT_CONFLICT:
        return ExitCode.TRY_AGAIN
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    return ExitCode.REFUSED if status < 500 else ExitCode.TRY_AGAIN  # noqa: PLR2004 - 5xx: the server's side


def table() -> str:
    """The table for the end of ``--help``, a paragraph per line, as click needs it."""
    return "\n\n".join(f"{code:<4}{MEANINGS[code]}" for code in ExitCode)
