"""What may not be read in a log: message content, secrets, and ids of people (R-L1, R-L2).

Lines about messages are made of closed fields and need none of this. It guards every other line: those of libraries, of
exceptions, and of whoever logs a field too many.
"""

import hmac
import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from wework_message.domain.errors import WeworkMessageError

MASK: Final = "***"
MAX_TEXT: Final = 500
"""Characters of one free text."""
MAX_ITEMS: Final = 20
MAX_FRAMES: Final = 12
MAX_CAUSES: Final = 5

_HIDDEN: Final = re.compile(
    r"content|body|payload|raw|password|passwd|secret|token|authorization|cookie|credential|api_?key|signature",
    re.IGNORECASE,
)
_PERSON: Final = re.compile(
    r"conversation|receiver|sender|recipient|user_?id|vid$|mobile|phone|nickname|real_?name", re.IGNORECASE
)

_NETS: Final = (
    (re.compile(r"(/callbacks/webhook/)[^\s/?\"'<>]+"), rf"\1{MASK}"),  # the token of a callback URL
    (re.compile(r"(://)[^/\s@]+@"), rf"\1{MASK}@"),  # credentials of a URL
    (re.compile(r"(?<![0-9A-Za-z])([SR]:)\d+(?:;\d+)?"), rf"\1{MASK}"),  # conversations
    (re.compile(r"(?<![0-9A-Za-z-])1[3-9]\d{9}(?![0-9A-Za-z-])"), MASK),  # mobile numbers
)
_SPEAKING: Final = (WeworkMessageError, OSError)
"""Errors whose text is known to hold no content. Of others only the type and the place are logged."""


def scrub(text: str) -> str:
    """A free text, cut and without what the nets catch."""
    text = text[:MAX_TEXT]
    for pattern, instead in _NETS:
        text = pattern.sub(instead, text)
    return text


@lru_cache(maxsize=1024)
def camel(name: str) -> str:
    """``message_id`` as ``messageId``: every JSON of this service is spelled so (D-9)."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


class Pseudonyms:
    """Ids of people as keyed hashes: equal ids stay equal, and nobody reads them without the key."""

    def __init__(self, key: bytes) -> None:
        """The same `key` in every process, where their lines are to be compared."""
        self._key = key

    def of(self, text: str) -> str:
        """16 hexadecimal digits."""
        return hmac.digest(self._key, text.encode("utf-8", "backslashreplace"), "sha256").hex()[:16]


class Redaction:
    """Makes the fields of a line fit to print."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        """`pseudonyms` stand for ids of people."""
        self._pseudonyms = pseudonyms

    def fields(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Names in camelCase; None is left out; an `exc_info` becomes the description of the error."""
        fit: dict[str, Any] = {}
        for name, value in raw.items():
            if name == "exc_info":
                if (error := _error_of(value)) is not None:
                    fit |= describe(error)
            elif value is not None and name != "stack_info":
                fit[camel(scrub(name))] = self._value(name, value)
        return fit

    def _value(self, name: str, value: object) -> object:
        if _HIDDEN.search(name):
            return MASK
        if isinstance(value, str):
            return self._pseudonyms.of(value) if _PERSON.search(name) else scrub(value)
        if _PERSON.search(name):
            return self._pseudonyms.of(repr(value))
        if isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self._value("", one) for one in tuple(value)[:MAX_ITEMS]]
        return f"<{type(value).__qualname__}>"


def describe(error: BaseException) -> dict[str, Any]:
    """An error without what it may quote: types and places, and the text only of errors that are known to be safe."""
    fields: dict[str, Any] = {"error": _type(error), "trace": [*_frames(error.__traceback__)][-MAX_FRAMES:]}
    if isinstance(error, _SPEAKING):
        fields["errorText"] = scrub(str(error))
    if causes := [*_causes(error)][:MAX_CAUSES]:
        fields["causes"] = causes
    return fields


def _error_of(value: object) -> BaseException | None:
    if isinstance(value, BaseException):
        return value
    if isinstance(value, tuple):
        return next((part for part in value if isinstance(part, BaseException)), None)
    return sys.exc_info()[1] if value else None


def _type(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _causes(error: BaseException) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        yield from (_type(part) for part in error.exceptions)
    seen = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield _type(cause)
        cause = cause.__cause__ or cause.__context__


def _frames(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield f"{'/'.join(Path(code.co_filename).parts[-3:])}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next
