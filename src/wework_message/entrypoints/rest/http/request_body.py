"""Headers of a request, and its body within a limit, for the handlers that read them themselves."""

import re
from functools import lru_cache
from typing import Any, Final

from litestar import Request

from wework_message.entrypoints.wire.problems import RequestRejected

_JSON: Final = re.compile(
    r"application/(json|[\w.!#$&^-]+\+json)\s*(;\s*charset\s*=\s*\"?(utf-8|utf8)\"?\s*)?", re.IGNORECASE
)


def request_header(request: Request[Any, Any, Any], name: bytes) -> bytes | None:
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
    content_type = request_header(request, b"content-type")
    if content_type is not None and not _is_json(content_type):
        raise RequestRejected(415, "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json in UTF-8")


async def read_body(request: Request[Any, Any, Any], *, max_bytes: int) -> bytes:
    """The whole body; raises `RequestRejected` (413) beyond `max_bytes` bytes, before they are read if the request has a length."""
    length = request_header(request, b"content-length")
    if length is not None and length.isdigit() and int(length) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size = 0
    while (message := await request.receive())["type"] == "http.request":
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
