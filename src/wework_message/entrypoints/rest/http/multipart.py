"""A file in the body of a request (multipart/form-data), written where it belongs as it comes in, never held as a whole."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Request
from multipart import (  # type: ignore[import-untyped] # ships no types
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from wework_message.entrypoints.rest.http.request_body import request_header
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, RequestRejected, rejection

FILE: Final = "file"

_FRAMING_BYTES: Final = 65_536
"""How much longer than its file a body may be: names, types, delimiters."""
GRACE_S: Final = 30.0
SLOWEST: Final = 32 * 1024
"""Bytes a second, all in all and after `GRACE_S`. A connection may be slower, but uploads have few places."""

_MAX_HEADERS: Final = 8
_MAX_LINE_BYTES: Final = 4_096
_MAX_BOUNDARY: Final = 70
"""Characters (RFC 2046 section 5.1.1)."""


async def receive_file(
    request: Request[Any, Any, Any], write: Callable[[bytes], Awaitable[None]], *, max_bytes: int
) -> str | None:
    """Pass the bytes of the part ``file`` to `write`, at most `max_bytes` of them; the name that the client gave it.

    Raises `RequestRejected`: 408 for less than `SLOWEST`, 413 (before anything is read, where the request has a length), 422 naming the part, 400 for what
    is no such body.
    """
    length = request_header(request, b"content-length")
    if length is not None and length.isdigit() and int(length) > max_bytes + _FRAMING_BYTES:
        raise _too_large(max_bytes)
    form = _Form(request_header(request, b"content-type") or b"", max_bytes)
    loop, read, waited_s, more = asyncio.get_running_loop(), 0, 0.0, True
    while more:
        began = loop.time()
        try:
            async with asyncio.timeout(GRACE_S + read / SLOWEST - waited_s):
                message = await request.receive()
        except TimeoutError:
            raise RequestRejected(408, "REQUEST_TIMEOUT", "the file came too slowly") from None
        waited_s += loop.time() - began
        if message["type"] != "http.request":
            raise RequestRejected(400, "INVALID_REQUEST", "the connection ended before the body did")
        body, more = message.get("body", b""), message.get("more_body", False)
        read += len(body)
        for piece in form.read(body):
            await write(piece)
    return form.end()


class _Form:
    """The parts of one body, in the order in which they come."""

    def __init__(self, content_type: bytes, max_bytes: int) -> None:
        boundary = parse_options_header(content_type.decode("latin-1"))[1].get("boundary", "")
        if not (0 < len(boundary) <= _MAX_BOUNDARY and boundary.isascii() and boundary.isprintable()):
            raise _malformed()
        self._parser = PushMultipartParser(boundary, max_header_size=_MAX_LINE_BYTES, max_header_count=_MAX_HEADERS)
        self._max_bytes = max_bytes
        self._left = max_bytes + _FRAMING_BYTES
        self._part: MultipartSegment | None = None
        self._file: MultipartSegment | None = None

    def read(self, body: bytes) -> list[bytes]:
        """The pieces of the file in the next part of the body."""
        self._left -= len(body)
        if self._left < 0:
            raise _too_large(self._max_bytes)
        try:
            return [event for event in self._parser.parse(body) if self._is_piece(event)] if body else []
        except (MultipartError, UnicodeError):
            raise _malformed() from None

    def end(self) -> str | None:
        """The name of the file."""
        if self._file is None and self._part is None:
            raise rejection([FieldProblem(FILE, ProblemCode.REQUIRED, "is required")])
        try:
            self._parser.close()
        except MultipartError:
            raise _malformed() from None
        if self._file is None or not self._file.size:
            raise rejection([FieldProblem(FILE, ProblemCode.REQUIRED, "must not be empty")])
        name: str | None = self._file.filename
        return name

    def _is_piece(self, event: MultipartSegment | bytes | None) -> bool:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is not None and self._file is not None:
            if self._file.bytes_received > self._max_bytes:
                raise _too_large(self._max_bytes)
            return True
        return False

    def _begin(self, part: MultipartSegment) -> None:
        self._part = part
        name = part.name or ""
        if name != FILE:
            beside = (
                "belongs into a JSON body, without a file" if name in {"url", "fileName"} else "is not a known field"
            )
            raise rejection([FieldProblem(name, ProblemCode.UNKNOWN_FIELD, beside)])
        if self._file is not None:
            raise rejection([FieldProblem(FILE, ProblemCode.INVALID_VALUE, "must be given once")])
        if part.filename is None:
            raise rejection([FieldProblem(FILE, ProblemCode.WRONG_TYPE, "must be a file: a part with a filename")])
        self._file = part


def _too_large(max_bytes: int) -> RequestRejected:
    problem = FieldProblem(FILE, ProblemCode.TOO_LONG, f"may have {max_bytes} bytes (app.media.max-bytes)")
    return RequestRejected(413, "PAYLOAD_TOO_LARGE", f"{FILE} {problem.message}", (problem,))


def _malformed() -> RequestRejected:
    return RequestRejected(400, "INVALID_REQUEST", "the body is no multipart/form-data with the boundary of its type")
