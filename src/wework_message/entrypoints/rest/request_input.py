"""What handlers take from a request: its body within a limit, headers, query parameters."""

import base64
import binascii
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request

from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, RequestRejected

_JSON: Final = re.compile(
    r"application/(json|[\w.!#$&^-]+\+json)\s*(;\s*charset\s*=\s*\"?(utf-8|utf8)\"?\s*)?", re.IGNORECASE
)
_UUIDISH: Final = re.compile(r"[0-9A-Za-z-]{1,64}")

MAX_PAGE: Final = 100


def header(request: Request[Any, Any, Any], name: bytes) -> bytes | None:
    """The first header of this (lower case) name."""
    for key, value in request.scope["headers"]:
        if key == name:
            return value
    return None


@lru_cache(64)
def _is_json(content_type: bytes) -> bool:
    return _JSON.fullmatch(content_type.decode("latin-1").strip()) is not None


def check_json(request: Request[Any, Any, Any]) -> None:
    """Raises `RequestRejected` (415) unless the body says that it is JSON in UTF-8, or says nothing."""
    content_type = header(request, b"content-type")
    if content_type is not None and not _is_json(content_type):
        raise RequestRejected(415, "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json in UTF-8")


async def read_body(request: Request[Any, Any, Any], *, most: int) -> bytes:
    """The whole body; raises `RequestRejected` (413) beyond `most` bytes, before they are read if the length is told."""
    length = header(request, b"content-length")
    if length is not None and length.isdigit() and int(length) > most:
        raise _too_large(most)
    chunks: list[bytes] = []
    size = 0
    while (message := await request.receive())["type"] == "http.request":
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        if not message.get("more_body"):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)
    raise RequestRejected(400, "INVALID_REQUEST", "the connection ended before the body did")


def _too_large(most: int) -> RequestRejected:
    return RequestRejected(413, "PAYLOAD_TOO_LARGE", f"the body may have {most} bytes")


class Query:
    """Query parameters; each problem names its parameter. Unknown ones are refused: a misspelt filter would list everything."""

    def __init__(self, request: Request[Any, Any, Any], known: frozenset[str]) -> None:
        """Raises `RequestRejected` (422) for a parameter that is not in `known`, or is given twice."""
        pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        self._values: Mapping[str, str] = dict(pairs)
        for name in self._values:
            if name not in known:
                raise _bad(name, ProblemCode.UNKNOWN_FIELD, "is not a known parameter")
        if len(self._values) < len(pairs):
            raise _bad(pairs[-1][0], ProblemCode.INVALID_VALUE, "must be given once")

    def text(self, name: str, *, most: int = 255) -> str | None:
        """A text, or None where it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if not 0 < len(value) <= most or not value.isprintable():
            raise _bad(name, ProblemCode.INVALID_VALUE, f"must have 1 to {most} printable characters")
        return value

    def integer(self, name: str, default: int, *, least: int, most: int) -> int:
        """An integer within the bounds."""
        value = self._values.get(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 9 and least <= int(value) <= most):  # noqa: PLR2004 -- digits of any number that can be meant
            raise _bad(name, ProblemCode.INVALID_VALUE, f"must be an integer from {least} to {most}")
        return int(value)

    def flag(self, name: str) -> bool:
        """True or false, false where it is absent."""
        value = self._values.get(name, "false")
        if value not in ("true", "false"):
            raise _bad(name, ProblemCode.INVALID_VALUE, "must be true or false")
        return value == "true"

    def cursor(self) -> str | None:
        """What `next_cursor` hid."""
        value = self._values.get("cursor")
        if value is None:
            return None
        try:
            hidden = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode("ascii")
        except (binascii.Error, ValueError):
            hidden = ""
        if not _UUIDISH.fullmatch(hidden):
            raise bad_cursor()
        return hidden

    def numeric_cursor(self) -> int | None:
        """What `next_cursor` hid, where it is a number."""
        hidden = self.cursor()
        if hidden is None:
            return None
        if not hidden.isdigit() or len(hidden) > 18:  # noqa: PLR2004 -- fits into a database integer
            raise bad_cursor()
        return int(hidden)

    def limit(self, default: int = 50, *, most: int = MAX_PAGE) -> int:
        """Items of one page."""
        return self.integer("limit", default, least=1, most=most)


def bad_parameter(name: str, message: str) -> RequestRejected:
    """A 422 that names a query parameter."""
    return _bad(name, ProblemCode.INVALID_VALUE, message)


def bad_cursor() -> RequestRejected:
    """A 422 for a cursor that no list gave."""
    return bad_parameter("cursor", "must be a cursor of an earlier answer")


def next_cursor(last: str | int) -> str:
    """An opaque cursor for what comes after `last`."""
    return base64.urlsafe_b64encode(str(last).encode()).rstrip(b"=").decode()


def _bad(name: str, code: ProblemCode, message: str) -> RequestRejected:
    return RequestRejected(422, "VALIDATION_FAILED", f"{name} {message}", (FieldProblem(name, code, message),))
