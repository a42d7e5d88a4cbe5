"""Names of files, as clients call them: without folders, and without what a terminal or a header would obey."""

from typing import Final
from urllib.parse import unquote, urlsplit

from wework_message.domain.errors import InvalidValueError

MAX_FILE_NAME: Final = 255
"""Characters."""


def plain_name(text: str) -> str | None:
    """The last part of a path of any system, its unprintable characters left out, and of a long one its end; None where nothing is left."""
    last = text.replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in last if character.isprintable())
    name = name.strip()[-MAX_FILE_NAME:].lstrip()
    return name if name.strip(".") else None


def checked_name(path: str, text: str) -> str:
    """A name that a client chose. Raises `InvalidValueError`, which names the field `path`."""
    name = plain_name(text)
    if name != text:
        raise InvalidValueError(path, f"must have 1 to {MAX_FILE_NAME} printable characters, and no folders")
    return text


def name_of_url(url: str) -> str | None:
    """The last part of its path, at most `MAX_FILE_NAME` characters; None where it has none."""
    return plain_name(unquote(urlsplit(url).path.rpartition("/")[2], errors="ignore"))
