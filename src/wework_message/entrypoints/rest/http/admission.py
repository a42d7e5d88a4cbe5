"""What a request must look like before any route sees it: one Host, no other site's page, a body of a known kind."""

import ipaddress
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final, TypeAlias

from litestar.types import HTTPReceiveMessage, HTTPScope, Receive, WebSocketReceiveMessage

from wework_message.entrypoints.rest.config import MEDIA
from wework_message.entrypoints.rest.http.media_types import is_json, is_multipart
from wework_message.entrypoints.rest.http.paths import is_webhook
from wework_message.entrypoints.wire.problems import FieldProblem, ProblemCode, RequestRejected

Authority: TypeAlias = tuple[str, int | None]
"""A host in lower case without brackets and final dot, and its port if it was written."""

ANY: Final = "*"
"""The entry of a list that allows everything."""

_CHECKED: Final = frozenset({
    b"host", b"origin", b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"content-type", b"content-length",
    b"content-encoding", b"transfer-encoding", b"idempotency-key",
})  # fmt: skip
"""Headers that a request has once."""

_CHECKED_OF_CALLBACKS: Final = _CHECKED - {b"content-type"}
"""Nothing is read from the type of a callback, so evidence is not refused for two of them."""

_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
MAX_AUTHORITY: Final = 260
"""Bytes of a host, 253 at most, and a port: what is looked at is remembered, so a stranger must not choose its size."""

_ORIGIN: Final = re.compile(r"(https?)://([^/?#@\s]+)")
_PORTS: Final = {"http": 80, "https": 443}

_PRIVATE: Final = (".localhost", ".internal", ".svc", ".local")
"""Nobody can register a name below these, so no foreign site can have one that resolves to our address."""


class Admission:
    """Refuses what a browser could be made to send while nobody has to show a key (`security.mode: open`).

    A page of another site can send without preflight whatever a form can; and by a name of its own that resolves to our
    address it is even of the same origin. So Origin and Host are compared, and a body must say that it is JSON. No body
    needs no type: Java's own client gives even that the type of a form, or sends it in chunks. A browser must not, since
    a form without fields is what it can be made to send. The
    webhook takes any Host and any type, but not from a browser: providers send what they like, and none of them is one.
    """

    def __init__(self, allowed_hosts: Collection[str], allowed_origins: Collection[str]) -> None:
        """`allowed_hosts` are names in addition to addresses and private names, ``*.example`` all below one; `*` allows all."""
        hosts = {host.lower().rstrip(".") for host in allowed_hosts}
        self._hosts = frozenset(host for host in hosts if not host.startswith("*."))
        self._below = (*(host[1:] for host in hosts if host.startswith("*.")), *_PRIVATE)
        self._is_known = lru_cache(1_024)(self._knows)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in allowed_origins)

    def check(self, scope: HTTPScope, path: str) -> bool:
        """Whether `without_body` must see to it that no body comes. Raises `RequestRejected`; `path` is in today's spelling."""
        of_callback = is_webhook(path)
        headers = _once(scope, _CHECKED_OF_CALLBACKS if of_callback else _CHECKED)
        host = _host(scope, headers.get(b"host"))
        of_browser = b"origin" in headers or b"sec-fetch-site" in headers
        if of_browser:
            self._check_site(scope, headers, host)
        changing = scope["method"] in _CHANGING
        if changing and (b"content-encoding" in headers or b"transfer-encoding" in headers):
            _check_codings(headers)
        if of_callback and not of_browser:
            return False
        if host is not None and not self._is_known(host[0]):
            raise _unknown_host()
        return changing and not of_callback and _check_type(headers, files=path == MEDIA, of_browser=of_browser)

    def _knows(self, name: str) -> bool:
        # A name without a dot is none of the public DNS: a container's, a service's, localhost.
        if "." not in name or name in self._hosts or ANY in self._hosts:
            return True
        return name.endswith(self._below) or _is_address(name)

    def _check_site(self, scope: HTTPScope, headers: dict[bytes, bytes], host: Authority | None) -> None:
        origin = headers.get(b"origin")
        if origin is not None and not self._is_ours(origin.decode("latin-1").strip().lower(), host):
            raise _foreign()
        if headers.get(b"sec-fetch-site", b"").strip().lower() != b"cross-site" or origin is not None:
            return
        # Following a link to us shows our page to its reader, and to nobody else.
        followed = (headers.get(b"sec-fetch-mode"), headers.get(b"sec-fetch-dest")) == (b"navigate", b"document")
        if not (followed and scope["method"] in {"GET", "HEAD"}):
            raise _foreign()

    def _is_ours(self, origin: str, host: Authority | None) -> bool:
        if origin in self._origins or ANY in self._origins:
            return True
        match = _ORIGIN.fullmatch(origin)
        authority = authority_of(match[2].encode()) if match else None
        if match is None or authority is None or host is None:
            return False
        port = _PORTS[match[1]]
        return (authority[0], authority[1] or port) == (host[0], host[1] or port)


def _once(scope: HTTPScope, names: Collection[bytes]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in names:
            if name in headers:
                raise _twice(name)
            headers[name] = value
    return headers


def _check_codings(headers: dict[bytes, bytes]) -> None:
    if headers.get(b"content-encoding", b"identity").strip().lower() not in {b"identity", b""}:
        raise _compressed()
    if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":  # RFC 9112 section 6.1
        raise RequestRejected(501, "NOT_IMPLEMENTED", "Transfer-Encoding must be chunked and nothing else")


async def without_body(scope: HTTPScope, receive: Receive) -> Receive:
    """Wait for the end of a body of no type; what there is to receive then. Raises `RequestRejected` where the body is not empty."""
    message = await receive()
    while message["type"] == "http.request" and message.get("more_body") and not message.get("body"):
        message = await receive()
    if message["type"] == "http.request" and message.get("body"):
        raise _no_json_type(files=scope["path"] == MEDIA)
    ended = [message]

    async def again() -> HTTPReceiveMessage | WebSocketReceiveMessage:
        return ended.pop() if ended else await receive()

    return again


def _check_type(headers: dict[bytes, bytes], *, files: bool, of_browser: bool) -> bool:
    """Whether it has no type and perhaps no body, which chunks do not say before they have come.

    `files`: it may be a form with a file. Such a form needs no preflight; the browser says its origin, as with every POST.
    """
    content_type = headers.get(b"content-type")
    if content_type is not None and (is_json(content_type) or (files and is_multipart(content_type))):
        return False
    is_form = of_browser and content_type is not None
    if is_form or headers.get(b"content-length", b"0").strip(b"0"):
        raise _no_json_type(files=files)
    return b"transfer-encoding" in headers


def _host(scope: HTTPScope, value: bytes | None) -> Authority | None:
    """The Host; None in HTTP/1.0, which has none. Raises `RequestRejected` (400)."""
    if value is None:
        if scope.get("http_version") == "1.0":
            return None
        raise RequestRejected(400, "INVALID_REQUEST", "Host is missing")
    host = authority_of(value)
    if host is None:
        raise RequestRejected(400, "INVALID_REQUEST", "Host is no host")
    return host


def _unknown_host() -> RequestRejected:
    return RequestRejected(421, "MISDIRECTED", "Host is not a name of this service (security.allowed-hosts)")


def _foreign() -> RequestRejected:
    return RequestRejected(403, "FORBIDDEN", "requests of another site's pages are refused (security.allowed-origins)")


def _compressed() -> RequestRejected:
    """Says which encodings are taken (RFC 9110 section 12.5.3)."""
    text = "the body must not be compressed"
    return RequestRejected(415, "UNSUPPORTED_MEDIA_TYPE", text, headers=((b"accept-encoding", b"identity"),))


def _no_json_type(*, files: bool) -> RequestRejected:
    form = "multipart/form-data with a file, or " if files else ""
    return RequestRejected(415, "UNSUPPORTED_MEDIA_TYPE", f"the body must be {form}application/json in UTF-8")


def _twice(name: bytes) -> RequestRejected:
    if name == b"idempotency-key":
        problem = FieldProblem("Idempotency-Key", ProblemCode.INVALID_VALUE, "must be given once")
        return RequestRejected(422, "VALIDATION_FAILED", "Idempotency-Key must be given once", (problem,))
    return RequestRejected(400, "INVALID_REQUEST", f"{name.decode().title()} must be given once")


def authority_of(value: bytes) -> Authority | None:
    """Host and port of such as ``gateway.example:8082``; None where it is none."""
    return _parsed(value) if len(value) <= MAX_AUTHORITY else None


@lru_cache(1024)
def _parsed(value: bytes) -> Authority | None:
    match = _AUTHORITY.fullmatch(value.decode("latin-1"))
    if match is None:
        return None
    port = int(match[2]) if match[2] else None
    host = match[1].strip("[]").lower().rstrip(".")
    if not host or (match[1].startswith("[") and not _is_address(host)):
        return None
    return host, port


@lru_cache(1024)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
