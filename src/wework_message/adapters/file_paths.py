"""Whether a text can be the path of a file; the disk is not looked at."""

import os
from typing import Final

MAX_NAME: Final = 255
"""Bytes of one name in a path, on every file system that we know."""

MAX_PATH: Final = 4_095
"""Bytes of a path that Linux takes."""


def is_path(text: str) -> bool:
    """A path of a file or folder, absolute or relative, that the system would not refuse for its form."""
    if not text.strip() or "\0" in text:
        return False
    try:
        encoded = os.fsencode(text)
    except UnicodeError:
        return False
    return len(encoded) <= MAX_PATH and all(len(name) <= MAX_NAME for name in encoded.split(b"/"))


def is_file_path(text: str) -> bool:
    """As `is_path`, of a file: the path ends with its name."""
    return is_path(text) and text.rpartition("/")[2].strip() not in {"", ".", ".."}
