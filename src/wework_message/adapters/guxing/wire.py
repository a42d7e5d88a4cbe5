"""JSON of the vendor: the small requests, and a tolerant parser of its answers (P-2)."""

import re
from typing import Any, Final

import msgspec

from wework_message.domain.instants import send_instant

_DECODER: Final = msgspec.json.Decoder()
_IDENTIFIER: Final = re.compile(r"[!-~]{1,64}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_MAX_INTEGER: Final = 2**53 - 1
"""Larger integers are not documented by this vendor, and not exact in all JSON parsers."""


class SendText(msgspec.Struct, frozen=True):
    """Request of `/msg/send_text`."""

    guid: str
    conversation_id: str
    content: str


class RevokeMessage(msgspec.Struct, frozen=True):
    """Request of `/msg/revoke_msg`; `msgid` is the `id` of the answer to the send (inferred by the contract)."""

    guid: str
    conversation_id: str
    msgid: str


class OfInstance(msgspec.Struct, frozen=True):
    """Request of every call whose only field is the instance."""

    guid: str


class Envelope(msgspec.Struct, frozen=True):
    """An answer of the vendor, of any HTTP status."""

    code: int | None
    """`error_code`; None where it is absent: with `data` that is a success."""
    message: str
    data: Any

    @property
    def refused(self) -> bool:
        """Whether the code is not 0."""
        return self.code not in {None, 0}

    @property
    def fields(self) -> dict[str, Any]:
        """`data` where it is an object, else an empty one."""
        return self.data if isinstance(self.data, dict) else {}


def parse(raw: bytes | str) -> object:
    """One JSON value. Raises `ValueError` for everything else, including too deep nesting."""
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("no JSON") from error


def read_envelope(body: bytes) -> Envelope | None:
    """The vendor's envelope; None where the body is something else.

    Most of its schemas declare a string, so the content of a JSON string is parsed too. An `error_code` may be missing
    where `data` is present; an `error_code` that is no integer makes the body unreadable.
    """
    try:
        value = parse(body)
        if isinstance(value, str):
            value = parse(value)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    data = value.get("data")
    code = number(value.get("error_code"))
    if code is None and (value.get("error_code") is not None or data is None):
        return None
    message = value.get("error_message")
    return Envelope(code, message if isinstance(message, str) else "", data)


def number(value: object) -> int | None:
    """An integer, also one written as a string or as 1.0; None for everything else and for |value| >= 2**53."""
    if (isinstance(value, str) and _INTEGER.fullmatch(value)) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    return value if type(value) is int and abs(value) <= _MAX_INTEGER else None  # no bool


def send_instant_of(value: object) -> int | None:
    """A `sendtime` (s) as epoch ms; None for everything that is no time of a message, such as one in another unit."""
    seconds = number(value)
    return None if seconds is None else send_instant(seconds * 1_000)


def identifier(value: object) -> str | None:
    """An id: 1-64 printable ASCII characters, also written as an integer; "0" of the vendor means None."""
    if type(value) is int:  # no bool
        value = str(value) if abs(value) < 2**64 else None
    return value if type(value) is str and value != "0" and _IDENTIFIER.fullmatch(value) else None


def short_text(value: object, max_length: int) -> str | None:
    """A string of at most `max_length` characters; None for a longer one, because a part of an opaque value is useless."""
    return value if isinstance(value, str) and len(value) <= max_length else None
