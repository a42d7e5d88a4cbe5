"""A pool of kept-alive connections to one server, and the call that uses them."""

import asyncio
import math
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from wework_message.adapters.http.connection import Connection
from wework_message.adapters.http.exchange import Answer, NotWrittenError, NotWrittenReason, Timing, boot_ms
from wework_message.adapters.http.origin import Origin
from wework_message.domain.outcomes import Reason


class HttpClient:
    """POSTs to one server over at most `max_connections` kept-alive HTTP/1.1 connections; belongs to one event loop.

    It never repeats a request and never follows a redirect. The connection used last is used first.
    """

    def __init__(
        self,
        base_url: str,
        *,
        max_connections: int = 200,
        response_cap: int = 256 * 1024,
        idle_ms: int = 4000,
        ca_file: Path | None = None,
        boot_clock_ms: Callable[[], float] = boot_ms,
    ) -> None:
        """Connects to nothing yet.

        Args:
            base_url: http or https, host, optional port and path prefix; see `Origin`.
            max_connections: calls in flight at once; further ones wait, first come first served.
            response_cap: most bytes of an answer's body.
            idle_ms: a connection idle for longer is not used again. Kept under the 5 s of common servers, as a server
                that closes while we write makes the outcome uncertain; a shorter ``Keep-Alive: timeout`` is obeyed.
            ca_file: PEM certificates trusted instead of the system's.
            boot_clock_ms: clock of `Timing.write_before_boot_ms` and of idle connections.

        Raises `ValueError` for a base URL, count or size that cannot be, `OSError` for an unreadable `ca_file`.
        """
        if max_connections < 1 or response_cap < 0 or idle_ms < 0:
            raise ValueError("max_connections is at least 1, response_cap and idle_ms at least 0")
        self._origin = Origin(base_url)
        self._tls = _verifying(ca_file) if self._origin.secure else None
        self._max_connections = max_connections
        self._response_cap = response_cap
        self._idle_ms = idle_ms
        self._boot_ms = boot_clock_ms
        self._idle: deque[Connection] = deque()
        self._open_connections: set[Connection] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._in_flight = 0
        self._reaper: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Calls that hold or open a connection now."""
        return self._in_flight

    @property
    def open_connections(self) -> int:
        """Connections in use and idle."""
        return len(self._open_connections)

    async def post(self, path: str, body: bytes, *, timing: Timing, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """Send one request once and read its answer, of whatever status.

        Args:
            path: appended to the base URL's, starts with ``/``, percent-encoded.
            body: sent as it is, with its content-length.
            timing: deadlines of this call.
            headers: printable ASCII; the ones that frame a message (host, content-length, ...) are not the caller's.

        Raises:
            NotWrittenError: no byte left us.
            LostError: at least one byte may have left us.
            ValueError: the path or a header cannot be written; nothing left us.
            asyncio.CancelledError: the connection is dropped; treat it like `LostError`.
        """
        started = time.monotonic()
        request = self._origin.post(path, body, headers)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timing.total_ms / 1000
        left_ms = self._left_to_write_ms(timing)
        begin_by = min(deadline, loop.time() + left_ms / 1000)
        await self._enter(begin_by)
        try:
            connection = self._take_idle() or await self._open(begin_by, timing.connect_ms)
            timer = None
            try:
                self._left_to_write_ms(timing)  # the loop's clock may have missed a suspension, this one has not
                answer = connection.send(request, started)
                timer = loop.call_at(deadline, connection.lose, Reason.DEADLINE)
                return await answer
            finally:
                if timer is not None:
                    timer.cancel()
                self._put_back(connection)
        finally:
            self._leave()

    async def aclose(self) -> None:
        """Drop every connection and wait until they are closed. Calls end with `CLOSED`, those still connecting when they are.

        Later calls are refused with `CLOSED`.
        """
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        while self._waiting:
            _refuse(self._waiting.popleft(), Reason.CLOSED)
        gone = list(self._open_connections)
        for connection in gone:
            connection.lose(Reason.CLOSED)
        for connection in gone:
            await connection.closed

    async def _enter(self, begin_by: float) -> None:
        """Become one of the calls in flight, at once or in turn. Raises `NotWrittenError` (POOL, CLOSED)."""
        if self._closed:
            raise NotWrittenError(Reason.CLOSED)
        if self._in_flight < self._max_connections:
            self._in_flight += 1
            return
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        timer = loop.call_at(begin_by, _refuse, turn, Reason.POOL)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:
                self._leave()  # the turn had come just before
            raise
        finally:
            timer.cancel()

    def _leave(self) -> None:
        """Hand the place to the next call that still waits."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._in_flight -= 1

    def _left_to_write_ms(self, timing: Timing) -> float:
        """Time until the first byte must be written. Raises `NotWrittenError` (TOO_LATE) if none is left."""
        if timing.write_before_boot_ms is None:
            return math.inf
        left = timing.write_before_boot_ms - self._boot_ms()
        if left < 0:
            raise NotWrittenError(Reason.TOO_LATE)
        return left

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.quiet and self._boot_ms() < connection.expires_boot_ms:
                return connection
            connection.lose(Reason.READ)
        return None

    async def _open(self, begin_by: float, connect_ms: int) -> Connection:
        """A new connection. Raises `NotWrittenError` (DNS, CONNECT, TLS, CLOSED)."""
        loop = asyncio.get_running_loop()
        until = min(begin_by, loop.time() + connect_ms / 1000)
        try:
            async with asyncio.timeout_at(until):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._response_cap, self._open_connections),
                    self._origin.host,
                    self._origin.port,
                    ssl=self._tls,
                )
        except (socket.gaierror, UnicodeError) as error:
            raise NotWrittenError(Reason.DNS) from error
        except ssl.SSLError as error:
            raise NotWrittenError(Reason.TLS) from error
        except OSError as error:  # a TimeoutError too
            raise NotWrittenError(Reason.CONNECT) from error
        if self._closed or not connection.clean:
            connection.lose(Reason.READ)
            raise NotWrittenError(Reason.CLOSED if self._closed else Reason.CONNECT)
        return connection

    def _put_back(self, connection: Connection) -> None:
        if self._closed or not connection.clean:
            connection.lose(Reason.READ)
            return
        idle_ms = self._idle_ms
        if connection.server_idle_ms is not None:
            idle_ms = min(idle_ms, connection.server_idle_ms)
        connection.expires_boot_ms = self._boot_ms() + idle_ms
        self._idle.append(connection)
        if self._reaper is None:
            self._reap_later()

    def _reap_later(self) -> None:
        self._reaper = asyncio.get_running_loop().call_later(self._idle_ms / 1000, self._reap)

    def _reap(self) -> None:
        """Drop what has been idle for too long: the oldest are in front."""
        now = self._boot_ms()
        while self._idle and self._idle[0].expires_boot_ms <= now:
            self._idle.popleft().lose(Reason.READ)
        self._reaper = None
        if self._idle:
            self._reap_later()


def _refuse(turn: asyncio.Future[None], reason: NotWrittenReason) -> None:
    if not turn.done():
        turn.set_exception(NotWrittenError(reason))


def _verifying(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
