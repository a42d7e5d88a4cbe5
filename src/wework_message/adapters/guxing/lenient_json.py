"""JSON as lenient gateways write it. What they report is evidence: it is not refused for its wrapping."""

import json
import re
from typing import Any, Final

_BLANK: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2000-\u200f\u2028-\u202f\u3000\ufeff\ufffd-\uffff]*")
"""What may stand around a value: blanks, controls, byte order marks, and what was no character."""

_ESCAPE: Final = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|[\"\\/bfnrt]|(u[0-9A-Fa-f]{0,3})|(.))", re.DOTALL)
_REPLACEMENT: Final = "\ufffd"


def decoded(body: bytes) -> str:
    """`body` as a text; what is no character, such as the rest of a name that was cut, becomes U+FFFD."""
    is_utf8 = body[:1] == b"{" and body[1:2] != b"\0"  # the rule of `detect_encoding`, for what nearly all bodies are
    return body.decode("utf-8" if is_utf8 else json.detect_encoding(body), "replace")


def read_leniently(text: str) -> tuple[object, str]:
    """The value, and a text of it to store: `text` itself where only lone surrogates or NaN were in the way.

    Control characters in strings, escapes that were cut, endless integers, and blanks around the value are read, too.
    Raises `ValueError` where there is no value, or something readable behind it, and `RecursionError` for one that is
    nested too deep.
    """
    try:
        return json.loads(text), text
    except ValueError:
        repaired = _ESCAPE.sub(_repaired_escape, text)
    start = _end_of_blank(repaired, 0)
    value, end = _DECODER.raw_decode(repaired, start)
    if _end_of_blank(repaired, end) < len(repaired):
        raise ValueError("something stands behind the value")
    return value, json.dumps(value, separators=(",", ":"))


def _end_of_blank(text: str, start: int) -> int:
    match = _BLANK.match(text, start)
    return match.end() if match else start


def _repaired_escape(match: re.Match[str]) -> str:
    cut, other = match.groups()
    if cut is not None:
        return _REPLACEMENT
    return match[0] if other is None else f"\\\\{other}"


def _integer(digits: str) -> Any:
    try:
        return int(digits)
    except ValueError:  # more digits than Python converts
        return float(digits)


_DECODER: Final = json.JSONDecoder(strict=False, parse_int=_integer)
