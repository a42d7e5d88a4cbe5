"""The outermost layer: one path out of three, a request id and safety headers, and one report per request."""

import re
import time
from collections.abc import Mapping
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from wework_message.entrypoints.rest.config import Config, HttpExchange
from wework_message.entrypoints.rest.http.envelope import SAFETY, Header
from wework_message.entrypoints.rest.http.problems import answer_to
from wework_message.entrypoints.rest.http.request_ids import new_request_id

_REQUEST_ID: Final = re.compile(rb"[!-~]{1,128}")
_OLD_PATHS: Final = re.compile(r"/(messages|providers|callbacks)(/|$)")
"""The Java service's own paths, without ``/api`` (D-53)."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

UNMATCHED: Final = "UNMATCHED"
"""Route of a request that no route matched."""


class Edge:
    """Wraps the API. The path that Litestar sees has neither the context path nor the Java spelling (D-26)."""

    def __init__(self, app: ASGIApp, config: Config, hot: Mapping[str, ASGIApp] | None = None) -> None:
        """`app` is the Litestar application; POSTs at a path of `hot` go there directly."""
        self.app = app
        self._hot = hot or {}
        self._context = config.context_path.rstrip("/")
        self._observe = config.observe
        self._now = config.now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass the lifespan on."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        requested_path, request_id = scope["path"], _request_id(scope["headers"])
        prefix, scope["path"] = self._split(requested_path)
        scope["state"] = {"request_id": request_id, "prefix": prefix}
        reply = _Reply(send, (b"x-request-id", request_id.encode()))
        try:
            hot = self._hot.get(scope["path"]) if scope["method"] == "POST" else None
            await (hot or self.app)(scope, receive, reply)
        except Exception as error:
            if reply.status:
                raise  # the answer has begun: only the server can end the connection
            await answer_to(error, scope, now=self._now())(scope, receive, reply)
        finally:
            if self._observe is not None:
                method = scope["method"] if scope["method"] in _METHODS else "OTHER"
                route = scope.get("path_template", UNMATCHED)
                seconds = time.perf_counter() - began
                self._observe(HttpExchange(method, route, requested_path, reply.status, seconds, request_id))

    def _split(self, path: str) -> tuple[str, str]:
        """The context path, if it was used, and the path without it, in today's spelling."""
        prefix, context = "", self._context
        if context and path.startswith(context) and path[len(context) : len(context) + 1] in ("/", ""):
            prefix, path = context, path[len(context) :] or "/"
        return prefix, f"/api{path}" if _OLD_PATHS.match(path) else path


class _Reply:
    """`send` that adds the request id and the safety headers, and keeps the status."""

    __slots__ = ("_header", "_send", "status")

    def __init__(self, send: Send, header: Header) -> None:
        self._send = send
        self._header = header
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], self._header, *SAFETY]
        await self._send(message)


def _request_id(headers: Any) -> str:
    """The client's own id where it is 1-128 printable characters, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            text: str = value.decode()
            return text
    return new_request_id()
