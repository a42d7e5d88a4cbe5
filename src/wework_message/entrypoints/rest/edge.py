"""The outermost layer: the documented paths, who may ask, a request id, safety headers, and one report per request."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send

from wework_message.domain.access.principal import NOBODY, OPEN_PRINCIPAL
from wework_message.domain.ports.tracer import RequestSpan, Tracer
from wework_message.domain.trace import TRACEPARENT, TRACESTATE, context_in
from wework_message.entrypoints.rest.config import Config, HttpExchange
from wework_message.entrypoints.rest.http.admission import Admission, without_body
from wework_message.entrypoints.rest.http.auditing import WHEN_ANSWERED
from wework_message.entrypoints.rest.http.envelope import BEGAN, SAFETY, WHOLE, Answer, Header
from wework_message.entrypoints.rest.http.noted_problems import PROBLEM
from wework_message.entrypoints.rest.http.paths import Paths, raw_path
from wework_message.entrypoints.rest.http.problems import answer_to
from wework_message.entrypoints.rest.http.request_ids import request_id_in
from wework_message.entrypoints.rest.load.in_flight import STATE, InFlight
from wework_message.entrypoints.wire.answer_form import AnswerForm, answering_in

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_CARRIERS: Final = frozenset({TRACEPARENT.encode(), TRACESTATE.encode()})
UNTRACED: Final = ("/actuator", "/api/health")
"""Paths that machines ask for all the time: nobody looks for their traces."""

UNMATCHED: Final = "UNMATCHED"
"""Route of a request that no route matched."""

HotRoute: TypeAlias = Callable[[HTTPScope, Receive], Awaitable[Answer]]
"""Makes the answer of a route past the framework; its errors are the edge's."""


class Edge:
    """Wraps the API. The path that Litestar sees has neither the context path nor the Java spelling, and is percent-encoded (D-26)."""

    def __init__(self, app: ASGIApp, config: Config, hot: Mapping[str, HotRoute] | None = None) -> None:
        """`app` is the Litestar application; POSTs at a path of `hot` go there directly."""
        self.app = app
        self._hot = hot or {}
        self._paths = Paths(config.context_path, config.webhook_path)
        self._admission = Admission(config.allowed_hosts, config.allowed_origins)
        self._watch = None if config.request_limits is None else config.request_limits.watch()
        self._unproven = OPEN_PRINCIPAL if config.credentials is None else NOBODY
        self._observe = config.observe
        self._tracer = config.tracer
        self._now = config.now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass the lifespan on."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        now = time.perf_counter()
        began: float = scope.pop(BEGAN, now)  # type: ignore[typeddict-item] # of our server
        request_id = request_id_in(scope["headers"])
        state = scope["state"] = {"request_id": request_id, "prefix": "", "principal": self._unproven}
        in_flight = None
        if self._watch is not None:
            state[STATE] = receive = in_flight = self._watch(receive, now - began)
        span = None
        reply = _Reply(send, (b"x-request-id", request_id.encode()), state, in_flight)
        try:
            state["prefix"], path = self._paths.route(raw_path(scope))
            scope["path"] = path
            span = None if self._tracer is None else _serving(self._tracer, scope, path)
            if self._admission.check(scope, path):
                receive = await without_body(scope, receive)
            hot = self._hot.get(path) if scope["method"] == "POST" else None
            if hot is None:
                await self.app(scope, receive, reply)
            else:
                await reply.whole(scope, await hot(scope, receive))
        except Exception as error:
            if reply.status:
                raise  # the answer has begun: only the server can end the connection
            await reply.whole(scope, answer_to(error, scope, now=self._now()))
        finally:
            if in_flight is not None:
                in_flight.leave()
                # It refers to the request, which refers to it: the garbage collector would have to find both.
                del state[STATE]
            if WHEN_ANSWERED in state:  # there was no answer
                await reply.begin()
            self._report(scope, reply.status, time.perf_counter() - began, request_id, span)

    def _report(self, scope: HTTPScope, status: int, seconds: float, request_id: str, span: RequestSpan | None) -> None:
        route = scope.get("path_template", UNMATCHED)
        if self._observe is not None:
            problem = scope["state"].get(PROBLEM)
            self._observe(HttpExchange(route, _method(scope), status, seconds, request_id, problem))
        if span is not None:
            span.answered(route, status)


class EdgeInForm(Edge):
    """The edge where answers have another form than the documented one: without it, no request pays for that."""

    def __init__(self, form: AnswerForm, app: ASGIApp, config: Config, hot: Mapping[str, HotRoute]) -> None:
        """As `Edge`, with the form of all answers."""
        super().__init__(app, config, hot)
        self._form = form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As `Edge`."""
        with answering_in(self._form):
            await super().__call__(scope, receive, send)


def edge_of(app: ASGIApp, config: Config, hot: Mapping[str, HotRoute]) -> Edge:
    """The edge for the form of answers that `config` says."""
    return Edge(app, config, hot) if config.answers is None else EdgeInForm(config.answers, app, config, hot)


def _method(scope: HTTPScope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def _serving(tracer: Tracer, scope: HTTPScope, path: str) -> RequestSpan | None:
    if path.startswith(UNTRACED):
        return None
    carried = [(name.decode(), value.decode("latin-1")) for name, value in scope["headers"] if name in _CARRIERS]
    return tracer.serving(_method(scope), context_in(carried))


class _Reply:
    """`send` that adds the request id and the safety headers, and keeps the status."""

    __slots__ = ("_header", "_in_flight", "_send", "_state", "status")

    def __init__(self, send: Send, header: Header, state: dict[str, Any], in_flight: InFlight | None) -> None:
        self._send = send
        self._header = header
        self._state = state
        self._in_flight = in_flight
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if WHEN_ANSWERED in self._state:
                await self.begin()
            if self._in_flight is not None:
                self._in_flight.leave()  # a client may take long for its answer
            message["headers"] = [*message["headers"], self._header, *SAFETY]
        await self._send(message)

    async def begin(self) -> None:
        """What must be written before an answer begins, or where there is none."""
        await self._state.pop(WHEN_ANSWERED)(self.status)

    async def whole(self, scope: Scope, answer: Answer) -> None:
        """Send `answer`: in one message where the server takes that."""
        answer.headers += (self._header, *SAFETY)
        self.status = answer.status
        if WHOLE in (scope.get("extensions") or ()):
            await self._send({"type": WHOLE, "answer": answer})  # type: ignore[arg-type] # an extension of our server
        else:
            await answer(scope, _nothing, self._send)


async def _nothing() -> HTTPReceiveMessage:
    raise RuntimeError("an answer reads nothing")
