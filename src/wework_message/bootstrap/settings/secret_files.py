"""Secrets in files: a variable with ``_FILE`` behind its name holds the path of a file with the value."""

import os
import stat
from collections.abc import Mapping
from typing import Final

from wework_message.bootstrap.settings.errors import InvalidSettingError

SUFFIX: Final = "_FILE"
MAX_BYTES: Final = 65_536
"""Size of the largest secret; a variable of this size would be refused by the operating system's own limits, too."""


def from_file(variable: str, environ: Mapping[str, str], *, many_lines: bool) -> str:
    """The content of the file that `variable` names, without the line break at its end.

    Raises `InvalidSettingError` with the variable's name where the file cannot be read, is no regular file, is empty, too
    large, no UTF-8 text or, unless `many_lines`, has several lines, and where the variable without ``_FILE`` is set as
    well. No error contains the path: it could be the secret itself, in the wrong variable.
    """
    plain = variable.removesuffix(SUFFIX)
    if environ.get(plain):
        raise InvalidSettingError(variable, f"{plain} is set as well; keep one of them")
    text = _text(variable, _content(variable, environ[variable]))
    if not text:
        raise InvalidSettingError(variable, "its file is empty")
    if "\0" in text or (not many_lines and ("\n" in text or "\r" in text)):
        raise InvalidSettingError(variable, "its file must hold one line of text")
    return text


def _content(variable: str, path: str) -> bytes:
    try:
        # Without waiting: the other end of a named pipe may never be opened.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InvalidSettingError(variable, "it must name a regular file")
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise InvalidSettingError(variable, f"its file cannot be read: {reason or 'no path'}") from None
    if len(content) > MAX_BYTES:
        raise InvalidSettingError(variable, f"its file has more than {MAX_BYTES} bytes")
    return content


def _text(variable: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidSettingError(variable, "its file is not UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")
