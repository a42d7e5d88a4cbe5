"""Headers of a request, and its body within a limit, for the handlers that read them themselves."""

from typing import Any

from litestar import Request
from litestar.types import HTTPScope, Receive

from wework_message.entrypoints.wire.problems import RequestRejected


class HotRequest(Request[Any, Any, Any]):
    """A request of a hot route. It has `scope` and `receive`; nothing is prepared for the rest, which raises `AttributeError`."""

    def __init__(self, scope: HTTPScope, receive: Receive) -> None:
        """Litestar's own prepares a dozen caches, for every request."""
        self.scope = scope
        self.receive = receive


def request_header(request: Request[Any, Any, Any], name: bytes) -> bytes | None:
    """The header of this (lower case) name; several of them are one list (RFC 9110 section 5.3)."""
    joined: bytes | None = None
    for key, value in request.scope["headers"]:
        if key == name:
            joined = value if joined is None else b"%b, %b" % (joined, value)
    return joined


async def read_body(request: Request[Any, Any, Any], *, max_bytes: int) -> bytes:
    """The whole body; raises `RequestRejected` (413) beyond `max_bytes` bytes, before they are read if the request has a length."""
    length = request_header(request, b"content-length")
    if length is not None and length.isdigit() and int(length) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size, receive = 0, request.receive
    while (message := await receive())["type"] == "http.request":
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        if not message.get("more_body"):
            return b"".join((*chunks, chunk)) if chunks else chunk
        chunks.append(chunk)
    raise RequestRejected(400, "INVALID_REQUEST", "the connection ended before the body did")


def _too_large(max_bytes: int) -> RequestRejected:
    return RequestRejected(413, "PAYLOAD_TOO_LARGE", f"the body may have {max_bytes} bytes")
