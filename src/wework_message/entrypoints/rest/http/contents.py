"""Bytes as an answer: single ranges (RFC 9110 section 14), and the headers with which a browser runs nothing of them."""

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from litestar.types import Receive, Scope, Send

from wework_message.entrypoints.rest.http.envelope import Header
from wework_message.entrypoints.wire.problems import RequestRejected

_RANGE: Final = re.compile(rb"\s*bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)
_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,63}/[a-z0-9!#$&^_.+-]{1,63}")
_UNKNOWN_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` to before `end`; `partial`: they were asked for."""

    start: int
    end: int
    partial: bool = False


def span_of(header: bytes | None, size: int) -> Span:
    """What a `Range` asks for of `size` bytes. All of them where it is none, or several. Raises `RequestRejected` (416)."""
    match = None if header is None else _RANGE.fullmatch(header)
    if match is None or not (match[1] or match[2]):
        return Span(0, size)
    if match[1]:
        start, end = int(match[1]), min(int(match[2]) + 1, size) if match[2] else size
        if match[2] and int(match[2]) < start:
            return Span(0, size)
    else:
        start, end = max(0, size - int(match[2])), size
    if start >= end:
        headers = ((b"content-range", b"bytes */%d" % size),)
        raise RequestRejected(416, "RANGE_NOT_SATISFIABLE", f"the content has {size} bytes", headers=headers)
    return Span(start, end, partial=True)


def names_tag(header: bytes | None, tag: bytes) -> bool:
    """Whether an `If-None-Match` has this entity tag, weak or strong, or `*`."""
    if header is None:
        return False
    tags = {part.strip().removeprefix(b"W/") for part in header.split(b",")}
    return b"*" in tags or tag in tags


def safe_headers(mime_type: str, file_name: str | None, tag: bytes) -> list[Header]:
    """The content's type, its name (RFC 6266), its tag; no script of it runs, and no shared cache keeps it."""
    kind = mime_type if _TYPE.fullmatch(mime_type) else _UNKNOWN_TYPE
    return [
        (b"content-type", kind.encode()),
        (b"content-disposition", _disposition(file_name)),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        (b"cache-control", b"private, no-cache"),
        (b"accept-ranges", b"bytes"),
        (b"etag", tag),
    ]


def _disposition(file_name: str | None) -> bytes:
    if file_name is None:
        return b"attachment"
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}".encode()


class Sent(Protocol):
    """An answer that is an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        ...


class Streamed:
    """An answer whose body is read while it is sent, as an ASGI application."""

    __slots__ = ("_first", "_rest", "headers", "status")

    def __init__(
        self, status: int, headers: Iterable[Header], length: int, first: bytes, rest: AsyncGenerator[bytes, None]
    ) -> None:
        """`first` and what comes of `rest` are the body of `length` bytes."""
        self.status = status
        self.headers = [*headers, (b"content-length", b"%d" % length)]
        self._first = first
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI
        """Send it; the reading ends, whatever happens."""
        async with aclosing(self._rest) as rest:
            await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
            piece = self._first
            async for following in rest:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = following
            await send({"type": "http.response.body", "body": piece, "more_body": False})
