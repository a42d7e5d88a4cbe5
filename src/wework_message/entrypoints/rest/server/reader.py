"""From bytes to requests: heads within a size, and no offer to speak something else taken up."""

import asyncio
import time
from enum import Enum, auto
from typing import Any, Final
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config as ServerConfig
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from wework_message.entrypoints.rest.http.envelope import BEGAN
from wework_message.entrypoints.rest.server.exchange import EXTENSIONS, Exchange, Output
from wework_message.entrypoints.rest.server.listener_state import ListenerState
from wework_message.entrypoints.rest.server.own_answers import OwnAnswers
from wework_message.entrypoints.wire.problems import RequestRejected


class Stage(Enum):
    """What is read next."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()
    """What came last cannot be read; earlier requests still get their answers."""
    END = auto()
    """The last answer is written."""


_FRAMING: Final = 8
"""Bytes on the wire for one byte of a body, at most: chunks of one byte each take six."""
_FRAMING_SLACK: Final = 1_048_576


class RequestReader(HttpToolsProtocol):
    """The half of a connection that reads. `HttpToolsProtocol` has no limits, and takes a body behind `Upgrade` for another protocol."""

    _output: Output
    server_state: ListenerState

    def __init__(
        self,
        config: ServerConfig,
        server_state: ListenerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        head_bytes: int,
        own_answers: OwnAnswers,
    ) -> None:
        """The last two belong to the listener, the others are uvicorn's."""
        super().__init__(config, server_state, app_state, _loop)
        self._max_head_bytes = head_bytes
        self._own_answers = own_answers
        self._exchange: Exchange | None = None
        """The newest one; earlier ones may still wait for their answers."""
        self._stage = Stage.HEAD
        self._begun = False
        """Whether a part of a request has come whose end has not."""
        self._offered = False
        self._wire_bytes = 0
        """Since the stage began, but without the part of a chunk in which it began."""
        self._head_bytes = 0
        self._body_bytes = 0

    def _reads(self, *stages: Stage) -> bool:
        return self._stage in stages

    def _check_head(self, size: int) -> None:
        if size > self._max_head_bytes:
            text = f"line and headers of a request may have {self._max_head_bytes} bytes"
            raise RequestRejected(431, "HEAD_TOO_LARGE", text)

    def _read(self, data: bytes) -> None:
        """Read a part of a head or a body; raises `RequestRejected` where it is no HTTP, or more than is allowed."""
        self._wire_bytes += len(data)
        try:
            rest: bytes | memoryview | None = data
            while rest is not None:
                rest = self._parse(rest)
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, RequestRejected):
                raise error.__context__ from None
            raise RequestRejected(400, "INVALID_REQUEST", "the request is no HTTP/1.1") from None
        if self._stage is Stage.HEAD and self._begun:
            self._check_head(self._wire_bytes)
        if self._stage is Stage.BODY and self._wire_bytes > _FRAMING_SLACK + _FRAMING * self._body_bytes:
            raise RequestRejected(400, "INVALID_REQUEST", "the body is hardly anything but framing")

    def _parse(self, data: bytes | memoryview) -> memoryview | None:
        """Parse as far as an offer to upgrade, which is ignored (RFC 9110 section 7.8); what is behind its head."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            head = self._head_without_offer()  # and a new parser
            self.parser.feed_data(head)
            return memoryview(data)[offer.args[0] :]
        return None

    def _head_without_offer(self) -> bytes:
        """The head that was read last, for a new parser: this one has taken the body for another protocol."""
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + self.parser.get_http_version().encode()]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._offered = False
        return b"\r\n".join((*lines, b"", b""))

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._begun = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        self._head_bytes += len(url)
        self._check_head(self._head_bytes)
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; those behind the body (trailers) say nothing about the request and are dropped."""
        if self._stage is Stage.BODY:
            return
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._max_head_bytes:
            self._check_head(self._head_bytes)
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Start the request."""
        self._wire_bytes = self._body_bytes = 0
        method = self.parser.get_method()
        if self.parser.should_upgrade():
            if method == b"CONNECT":
                raise RequestRejected(400, "INVALID_REQUEST", "this is no proxy")
            self._offered = True
            return
        self._stage = Stage.BODY
        version = self.parser.get_http_version()
        self._complete_scope(method, version)
        existing = self._exchange
        exchange = Exchange(
            scope=self.scope,
            transport=self._output,  # type: ignore[arg-type] # all that is used of it
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive() and not self.server_state.leaving,
            on_response=self.on_response_complete,
        )
        exchange.own_answers = self._own_answers
        self.cycle = self._exchange = exchange
        if existing is None or existing.response_complete:
            self._start_asgi_task(exchange, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope[BEGAN] = time.perf_counter()  # type: ignore[typeddict-unknown-key] # ours
        super()._start_asgi_task(cycle, app)

    def _complete_scope(self, method: bytes, version: str) -> None:
        if b"#" in self.url:
            raise RequestRejected(400, "INVALID_REQUEST", "the target of a request has no fragment")
        target = httptools.parse_url(self.url)
        if self.url[:1] not in {b"/", b"*"}:  # a whole URL: its host replaces the header's (RFC 9112 section 3.2.2)
            host = b"%b:%d" % (target.host, target.port) if target.port else target.host
            self.headers[:] = [(b"host", host), *(header for header in self.headers if header[0] != b"host")]
        raw_path = target.path or b"/"
        path = raw_path.decode("ascii")
        self.scope["method"] = method.decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = unquote(path) if "%" in path else path
        self.scope["raw_path"] = raw_path
        self.scope["query_string"] = target.query or b""
        self.scope["extensions"] = EXTENSIONS

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_bytes += len(body)
        if self.cycle.response_complete:
            return
        self.cycle.body += body
        if len(self.cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The request has ended."""
        self._begun = False
        self._wire_bytes = 0
        if self._offered:
            return
        self._stage = Stage.HEAD
        if not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.message_event.set()
