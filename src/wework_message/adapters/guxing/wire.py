"""JSON of the vendor: the small requests, and a tolerant reading of what it answers (P-2)."""

import re
from typing import Any, Final

import msgspec

_DECODER: Final = msgspec.json.Decoder()
_IDENTIFIER: Final = re.compile(r"[!-~]{1,64}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,19}")
_LARGEST: Final = 2**53 - 1
"""Beyond it an integer is no value that this vendor documents, and not exact everywhere."""


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
    """Request of every call that names an instance and nothing else."""

    guid: str


class Envelope(msgspec.Struct, frozen=True):
    """An answer of the vendor, of whatever HTTP status."""

    code: int | None
    """`error_code`; None where it is absent, which is a success as `data` is there then."""
    message: str
    data: Any

    @property
    def refused(self) -> bool:
        """It carries a code that is not 0."""
        return self.code not in {None, 0}

    @property
    def fields(self) -> dict[str, Any]:
        """`data` where it is an object, else nothing."""
        return self.data if isinstance(self.data, dict) else {}


def parse(raw: bytes | str) -> object:
    """One JSON value; raises `ValueError` for everything else, nesting too deep to read included."""
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError("no JSON") from error


def read_envelope(body: bytes) -> Envelope | None:
    """The vendor's envelope, or None where the body is something else.

    Most of its schemas declare a string, so a JSON string is read once more. An `error_code` may be missing where
    `data` is present; one that is no integer makes the body unreadable.
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
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        return value
    return None


def identifier(value: object) -> str | None:
    """An id: 1-64 printable ASCII characters, also one written as an integer; "0" is the vendor's word for none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 2**64 else None
    return value if isinstance(value, str) and value != "0" and _IDENTIFIER.fullmatch(value) else None


def short_text(value: object, most: int) -> str | None:
    """A string of at most `most` characters; a longer one is none, as half of an opaque value is worth nothing."""
    return value if isinstance(value, str) and len(value) <= most else None
