"""Removes message content, secrets and ids of people from log lines (R-L1, R-L2).

Lines about messages have fixed fields and need no redaction. All other lines do: those of libraries, of exceptions, and
those with unforeseen fields.
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
"""The longest free text, in characters."""
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

_PATTERNS: Final = (
    (re.compile(r"(/callbacks/webhook/)[^\s/?\"'<>]+"), rf"\1{MASK}"),  # the token of a callback URL
    (re.compile(r"\bcb_[A-Za-z0-9_-]{8,}"), f"cb_{MASK}"),  # the same in any other place
    (re.compile(r"wmk_[A-Za-z0-9_]{8,}"), f"wmk_{MASK}"),  # an API key
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]*"), MASK),  # a token of an issuer
    (re.compile(r"(://)[^/\s@]+@"), rf"\1{MASK}@"),  # credentials of a URL
    (
        re.compile(r"(https?://[^\s/?#\"'<>]+)[/?#][^\s\"'<>]+"),
        rf"\1/{MASK}",
    ),  # path and query: providers put tokens there
    (re.compile(r"(?<![0-9A-Za-z])([SR]:)\d+(?:;\d+)?"), rf"\1{MASK}"),  # conversation ids
    (re.compile(r"(?<![0-9A-Za-z-])1[3-9]\d{9}(?![0-9A-Za-z-])"), MASK),  # mobile numbers
)
_SAFE_ERRORS: Final = (WeworkMessageError, OSError)
"""Errors whose text is known to contain no content. Of others only the type and the place are logged."""


def scrub(text: str) -> str:
    """A free text, shortened, and masked by the patterns."""
    text = text[:MAX_TEXT]
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


@lru_cache(maxsize=1024)
def camel(name: str) -> str:
    """``message_id`` as ``messageId``: all JSON of this service is in camelCase (D-9)."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


class Pseudonyms:
    """Keyed hashes of people's ids: equal ids have equal hashes, and only the key relates them to a person."""

    def __init__(self, key: bytes) -> None:
        """Processes whose lines are to be compared need the same `key`."""
        self._key = key

    def of(self, text: str) -> str:
        """The hash of `text`, 16 hexadecimal digits."""
        return hmac.digest(self._key, text.encode("utf-8", "backslashreplace"), "sha256").hex()[:16]


class Redaction:
    """Redacts the fields of a line."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        """`pseudonyms` replace ids of people."""
        self._pseudonyms = pseudonyms

    def fields(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Redacted fields with names in camelCase. None is omitted; an `exc_info` becomes the description of the error."""
        redacted: dict[str, Any] = {}
        for name, value in raw.items():
            if name == "exc_info":
                if (error := _error_of(value)) is not None:
                    redacted |= describe(error)
            elif value is not None and name != "stack_info":
                redacted[camel(scrub(name))] = self._value(name, value)
        return redacted

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
            return [self._value("", item) for item in tuple(value)[:MAX_ITEMS]]
        return f"<{type(value).__qualname__}>"


def describe(error: BaseException) -> dict[str, Any]:
    """The types and places of an error and its causes, and the text only of errors that are known to be safe."""
    fields: dict[str, Any] = {"error": _type(error), "trace": [*_frames(error.__traceback__)][-MAX_FRAMES:]}
    if isinstance(error, _SAFE_ERRORS):
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
    visited = {id(error)}
    cause = error.__cause__ or error.__context__
    while cause is not None and id(cause) not in visited:
        visited.add(id(cause))
        yield _type(cause)
        cause = cause.__cause__ or cause.__context__


def _frames(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield f"{'/'.join(Path(code.co_filename).parts[-3:])}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next
