"""The API key of the command line: from the environment, or from a file that nobody else can read; never from the command line itself."""

import os
import stat
from pathlib import Path
from typing import Final

from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

KEY_VARIABLE: Final = "WEWORK_MESSAGE_API_KEY"
"""The key itself."""

FILE_VARIABLE: Final = "WEWORK_MESSAGE_API_KEY_FILE"
"""The path of its file."""

DEFAULT_FILE: Final = "~/.config/wework-message/key"
"""Where it is looked for unless something else is said; it need not exist."""

HINT: Final = f"the key is read from {KEY_VARIABLE}, from --key-file, or from {DEFAULT_FILE}"

_MAX_BYTES: Final = 16_384
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def key_of(named: str | None) -> str | None:
    """The key in the file `named`, else that of the environment, else that of `DEFAULT_FILE`; None where there is none.

    Raises `CommandFailedError` for a file that others can read, or that holds no key: no error has the text.
    """
    if named is not None:
        return _in_file(
            Path(named).expanduser(), "the file of --key-file"
        )  # its name may be the key itself, by mistake
    if text := os.environ.get(KEY_VARIABLE):
        return _checked(text, KEY_VARIABLE)
    try:
        usual = Path(DEFAULT_FILE).expanduser()
        is_there = usual.exists()
    except (OSError, RuntimeError):  # a user without a home
        return None
    return _in_file(usual, DEFAULT_FILE) if is_there else None


def _in_file(path: Path, name: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _refused(f"{name} is no regular file")
            if status.st_mode & _OTHERS:
                raise _refused(f"{name} can be read or changed by others", "give it the mode 0600: chmod 600 FILE")
            content = file.read(_MAX_BYTES)
    except OSError as error:
        raise _refused(f"{name} cannot be read: {error.strerror}") from None
    return _checked(content.decode("latin-1"), name)


def _checked(text: str, where: str) -> str:
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise _refused(f"{where} does not hold one API key or token")
    return key


def _refused(what: str, *advice: str) -> CommandFailedError:
    return CommandFailedError(ExitCode.CONFIGURATION, what, *advice)
