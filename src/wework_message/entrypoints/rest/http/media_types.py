"""Which media types of a body are JSON, or a form with files."""

import re
from functools import lru_cache
from typing import Final

_TYPE: Final = re.compile(r"\s*application/(json|[\w.!#$&^-]+\+json)\s*(?=;|$)", re.IGNORECASE)
_PARAMETER: Final = re.compile(r";\s*(?:([\w.!#$%&'*+^`|~-]+)\s*(?:=\s*(\"(?:[^\"\\]|\\.)*\"|[^\s;\"]*)\s*)?)?")
_OPENMETRICS: Final = b"application/openmetrics-text"
_REFUSED: Final = re.compile(rb"\s*q\s*=\s*0(\.0*)?\s*")
_UTF_8: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
"""Charsets whose texts are UTF-8."""


@lru_cache(64)
def is_json(content_type: bytes) -> bool:
    """Whether a Content-Type is JSON in UTF-8. Parameters other than ``charset`` mean nothing for JSON (RFC 8259 section 11)."""
    text = content_type.decode("latin-1")
    match = _TYPE.match(text)
    place = match.end() if match else 0
    while match is not None and place < len(text):
        match = _PARAMETER.match(text, place)
        if match is None:
            break
        name, value = match.groups()
        if name is not None and name.lower() == "charset" and (value or "").strip('"').lower() not in _UTF_8:
            return False
        place = match.end()
    return match is not None


def accepts_openmetrics(accept: bytes | None) -> bool:
    """Whether an Accept has OpenMetrics, of whatever version and however much it is liked."""
    parts = [] if accept is None else [part.split(b";") for part in accept.lower().split(b",")]
    return any(part[0].strip() == _OPENMETRICS and not any(map(_REFUSED.fullmatch, part[1:])) for part in parts)


def is_multipart(content_type: bytes | None) -> bool:
    """Whether a Content-Type is multipart/form-data."""
    return content_type is not None and content_type.split(b";")[0].strip().lower() == b"multipart/form-data"
