"""One connection of a client: uvicorn's, within limits, and closed so that the client sees the last answer."""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config as ServerConfig

from wework_message.domain.errors import UnavailableError, WeworkMessageError
from wework_message.entrypoints.rest.http.problems import failure
from wework_message.entrypoints.rest.server.ending import IdleWatch, Linger, WriteWatch
from wework_message.entrypoints.rest.server.exchange import Output
from wework_message.entrypoints.rest.server.limits import ConnectionLimits, Peers, Verdict, peer_of
from wework_message.entrypoints.rest.server.listener_state import ListenerState
from wework_message.entrypoints.rest.server.own_answers import OwnAnswers, as_bytes
from wework_message.entrypoints.rest.server.reader import RequestReader, Stage
from wework_message.entrypoints.wire.problems import RequestRejected


class Connection(RequestReader):
    """Lets no connection wait, send or take its answers for longer than the limits say."""

    def __init__(
        self,
        config: ServerConfig,
        server_state: ListenerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits,
        peers: Peers,
        own_answers: OwnAnswers,
    ) -> None:
        """The last three belong to the listener, the others are uvicorn's."""
        super().__init__(config, server_state, app_state, _loop, head_bytes=limits.head_bytes, own_answers=own_answers)
        self._limits = limits
        self._peers = peers
        self._half_closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._refusal: WeworkMessageError | None = None
        self._linger: Linger | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Take it, or say that there are too many."""
        super().connection_made(transport)
        self.headers = []
        self._output = Output(transport, self._close)
        self._writing = WriteWatch(self.loop, transport, self._limits)
        self._idle = IdleWatch(self.loop, self.timeout_keep_alive, self._close)
        self._peer = peer_of(self.client)
        self._verdict = self._peers.opened(self._peer)
        if self._verdict is Verdict.CUT:
            self._stage = Stage.END
            transport.abort()
        elif self._verdict is Verdict.REFUSED:
            self._refuse(UnavailableError("service", "has too many connections"))
        else:
            self._watch(self._on_late_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stage = Stage.END
        self._peers.closed(self._peer, self._verdict)
        self._writing.cancel()
        self._idle.cancel()
        self._unwatch()
        if self._linger is not None:
            self._linger.cancel()
        super().connection_lost(exc)

    def leave(self) -> None:
        """The answer to the newest request is the last one, as the listener's state says of those to come."""
        if self._exchange is not None:
            self._exchange.keep_alive = False

    def close_idle(self) -> None:
        """Close between two requests. One that has not brought its first request yet is left: it comes now."""
        if self._exchange is not None and not self._is_busy and not self._begun and self._reads(Stage.HEAD):
            self._close()

    def shutdown(self) -> None:
        """Let the request that comes or waits have its answer, and close; called by the server."""
        if self._linger is not None:
            self.transport.abort()
        elif not self._begun:  # the answer to one that comes is the last one anyway
            super().shutdown()

    @property
    def _is_busy(self) -> bool:
        """Whether a request waits for its answer."""
        return self._exchange is not None and not self._exchange.response_complete

    def data_received(self, data: bytes) -> None:
        """Read a part of a head or a body."""
        if not self._reads(Stage.HEAD, Stage.BODY):
            if self._linger is not None:
                self._linger.drop(len(data))
            return
        self._idle.stop()
        try:
            self._read(data)
        except RequestRejected as problem:
            self._refuse(problem)
        if self._reads(Stage.BODY):
            self._watch(self._on_late_body)
        elif self._reads(Stage.HEAD) and (self._begun or not self._is_busy):
            self._watch(self._on_late_head)

    def on_headers_complete(self) -> None:
        """The head is there in time."""
        self._unwatch()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there in time."""
        self._unwatch()
        super().on_message_complete()

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio takes it, uvicorn never says so
        """The client sends nothing more. It still gets the answers to what it has sent."""
        self._half_closed = True
        if self._stage is Stage.END:
            return False
        if self._stage is Stage.BODY or self._begun:
            self._refuse(RequestRejected(400, "INVALID_REQUEST", "the connection ended before the request did"))
        return self._is_busy or self._reads(Stage.END)

    def on_response_complete(self) -> None:
        """An answer is written: take the next request, or end."""
        self.server_state.total_requests += 1
        if self._stage is Stage.END or self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle.start()
        if self._refusal is not None:
            self._refuse(self._refusal)
        elif self._half_closed:
            self._close()

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than we write it."""
        super().pause_writing()
        self._writing.start()

    # -- limits of time ------------------------------------------------------------------------------------------------

    def _watch(self, on_late: Callable[[int], None]) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._limits.head_s, on_late, self._body_bytes)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_late_head(self, _: int) -> None:
        self._timer = None
        if self._is_busy:
            self._watch(self._on_late_head)  # it was not read meanwhile
        else:
            self._refuse(RequestRejected(408, "REQUEST_TIMEOUT", "the request did not come in time"))

    def _on_late_body(self, before: int) -> None:
        self._timer = None
        expected = self._limits.body_bytes_per_s * self._limits.head_s
        if self.flow.read_paused or self._body_bytes - before >= expected:
            self._watch(self._on_late_body)
        else:
            self._refuse(RequestRejected(408, "REQUEST_TIMEOUT", "the body came too slowly"))

    # -- the end -------------------------------------------------------------------------------------------------------

    def _refuse(self, problem: WeworkMessageError) -> None:
        """Read nothing more, and say why: by the application where it reads this body, else behind all other answers."""
        self._unwatch()
        self._idle.stop()
        if self._is_busy and self._exchange and self._reads(Stage.BODY) and isinstance(problem, RequestRejected):
            self._exchange.reject(problem)
        elif self._is_busy:
            self._refusal = problem
            self.flow.pause_reading()
        else:
            answer = self._own_answers.to(failure(problem), self.headers)
            self.transport.write(as_bytes(answer, self.server_state.default_headers))
            self._stage = Stage.NOTHING
            self._close()
            return
        self._stage = Stage.NOTHING

    def _close(self) -> None:
        """Close behind the last answer; a client that still sends gets the time to see it."""
        if self._stage is Stage.END or self.transport.is_closing():
            return
        is_unread = self._stage is not Stage.HEAD and not self._half_closed
        self._stage = Stage.END
        self._unwatch()
        self._writing.start()
        if is_unread:
            self.flow.resume_reading()
            self._linger = Linger(self.loop, self.transport, self._limits)
        else:
            self.transport.close()
