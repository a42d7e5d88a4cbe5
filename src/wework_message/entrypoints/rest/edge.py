"""The outermost layer: the documented paths, who may ask, a request id, safety headers, and one report per request."""

import time
from collections.abc import Mapping
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from wework_message.entrypoints.rest.config import Config, HttpExchange
from wework_message.entrypoints.rest.http.admission import Admission
from wework_message.entrypoints.rest.http.envelope import SAFETY, Header
from wework_message.entrypoints.rest.http.paths import Paths, raw_path
from wework_message.entrypoints.rest.http.problems import answer_to
from wework_message.entrypoints.rest.http.request_ids import request_id_in

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

UNMATCHED: Final = "UNMATCHED"
"""Route of a request that no route matched."""


class Edge:
    """Wraps the API. The path that Litestar sees has neither the context path nor the Java spelling, and is percent-encoded (D-26)."""

    def __init__(self, app: ASGIApp, config: Config, hot: Mapping[str, ASGIApp] | None = None) -> None:
        """`app` is the Litestar application; POSTs at a path of `hot` go there directly."""
        self.app = app
        self._hot = hot or {}
        self._paths = Paths(config.context_path, config.webhook_path)
        self._admission = Admission(config.allowed_hosts, config.allowed_origins)
        self._observe = config.observe
        self._now = config.now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass the lifespan on."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        requested_path, request_id = scope["path"], request_id_in(scope["headers"])
        scope["state"] = {"request_id": request_id, "prefix": ""}
        reply = _Reply(send, (b"x-request-id", request_id.encode()))
        try:
            scope["state"]["prefix"], scope["path"] = self._paths.route(raw_path(scope))
            self._admission.check(scope, scope["path"])
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
