"""The rules for fields of contents, and the types of fields that carry one.

A content declares a field as `file_id: Key`; its construction then asks the rule of `Key`. A rule returns the problem
of a value as a text that never contains the value, or None. It does not check the Python type: the decoder does that,
and mypy does it where a content is built in Python.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Final, TypeAlias, Union, get_args, get_origin

MAX_URL_CHARS: Final = 2_048
MAX_KEY_CHARS: Final = 4_096
"""Longest file id, key, name or title, in characters."""
MAX_OPAQUE_CHARS: Final = 65_536
"""Longest value that is copied from a received message and only passed on, in characters."""
MAX_USER_ID_CHARS: Final = 128
MAX_DIGEST_CHARS: Final = 64
MAX_MERGED_ITEMS: Final = 100
MAX_MERGED_DEPTH: Final = 10
"""Records inside records. Every level costs two levels of JSON depth, of which a request has 32."""
MAX_MENTIONS: Final = 1_000
BIG_FILE_BYTES: Final = 20_000_000
"""Above this a file lives in the provider's store for big files and has no key."""
MAX_BYTES: Final = 2**53 - 1
"""Largest size that every JSON reader keeps exact."""
MAX_INT32: Final = 2**31 - 1

EMPTY_TEXT: Final = "must not be empty"

_URL: Final = re.compile(r"https?://[^\s/?#\x00-\x20\x7f][^\s\x00-\x20\x7f]*", re.IGNORECASE)


def _unsendable(value: str) -> str | None:
    if "\0" in value:
        return "must not contain NUL"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "must not contain lone surrogates"
    return None


class Rule(ABC):
    """A rule for the values of one field."""

    __slots__ = ()

    @abstractmethod
    def problem(self, value: Any) -> str | None:
        """What is wrong with `value`, which has the field's type; None if nothing is."""


@dataclass(frozen=True, slots=True)
class Words(Rule):
    """Text for people: not empty, no NUL, no lone surrogate. The longest text is a setting, see the wire's limits."""

    def problem(self, value: str) -> str | None:
        """See `Rule.problem`."""
        return _unsendable(value) if value else EMPTY_TEXT


@dataclass(frozen=True, slots=True)
class Chars(Rule):
    """At most `max_chars` characters, no NUL, no lone surrogate."""

    max_chars: int
    may_be_empty: bool = False
    """True for what a received message may leave empty."""

    def problem(self, value: str) -> str | None:
        """See `Rule.problem`."""
        if not value:
            return None if self.may_be_empty else EMPTY_TEXT
        return f"must have at most {self.max_chars} characters" if len(value) > self.max_chars else _unsendable(value)


@dataclass(frozen=True, slots=True)
class WebAddress(Rule):
    """An absolute http or https address of at most 2,048 characters."""

    def problem(self, value: str) -> str | None:
        """See `Rule.problem`."""
        if not value:
            return EMPTY_TEXT
        if len(value) > MAX_URL_CHARS:
            return f"must have at most {MAX_URL_CHARS} characters"
        if _URL.fullmatch(value) is None:
            return "must be an absolute http or https URL"
        return _unsendable(value)


@dataclass(frozen=True, slots=True)
class Between(Rule):
    """A number from `minimum` to `maximum`, both allowed."""

    minimum: float
    maximum: float

    def problem(self, value: float) -> str | None:
        """See `Rule.problem`. NaN compares false and is refused."""
        return None if self.minimum <= value <= self.maximum else f"must be {self.minimum} to {self.maximum}"


@dataclass(frozen=True, slots=True)
class Users(Rule):
    """1 to `max_entries` user ids."""

    max_entries: int

    def problem(self, value: Sequence[str]) -> str | None:
        """See `Rule.problem`."""
        if not value:
            return EMPTY_TEXT
        if len(value) > self.max_entries:
            return f"must have at most {self.max_entries} entries"
        problems = (_USER_ID.problem(entry) for entry in value)
        return next((f"entries {problem}" for problem in problems if problem is not None), None)


@dataclass(frozen=True, slots=True)
class Items(Rule):
    """1 to `max_items` items."""

    max_items: int

    def problem(self, value: Sequence[object]) -> str | None:
        """See `Rule.problem`."""
        if not value:
            return EMPTY_TEXT
        return f"must have at most {self.max_items} items" if len(value) > self.max_items else None


_USER_ID: Final = Chars(MAX_USER_ID_CHARS)

Text: TypeAlias = Annotated[str, Words()]
Key: TypeAlias = Annotated[str, Chars(MAX_KEY_CHARS)]
"""A file id, key, name or title."""
UserId: TypeAlias = Annotated[str, _USER_ID]
Digest: TypeAlias = Annotated[str, Chars(MAX_DIGEST_CHARS)]
Received: TypeAlias = Annotated[str, Chars(MAX_OPAQUE_CHARS)]
"""Copied from a received message and only passed on."""
MaybeReceived: TypeAlias = Annotated[str, Chars(MAX_OPAQUE_CHARS, may_be_empty=True)]
"""The same, where the received message may leave it empty."""
Url: TypeAlias = Annotated[str, WebAddress()]
Size: TypeAlias = Annotated[int, Between(1, MAX_BYTES)]
"""Bytes."""
Pixels: TypeAlias = Annotated[int, Between(1, MAX_INT32)]
Number: TypeAlias = Annotated[int, Between(0, MAX_INT32)]
Longitude: TypeAlias = Annotated[float, Between(-180, 180)]
Latitude: TypeAlias = Annotated[float, Between(-90, 90)]
Mentions: TypeAlias = Annotated[tuple[str, ...], Users(MAX_MENTIONS)]


def rule_of(annotation: Any) -> Rule | None:
    """The rule that a field's type carries, also where the field may be None; None if the type alone is the rule."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return next((mark for mark in annotation.__metadata__ if isinstance(mark, Rule)), None)
    if origin in (Union, UnionType):
        rules = (rule_of(member) for member in get_args(annotation))
        return next((rule for rule in rules if rule is not None), None)
    return None
