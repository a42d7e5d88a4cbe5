"""A pool of kept-alive connections to one server, and the calls over them."""

import asyncio
import math
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from wework_message.adapters import tls
from wework_message.adapters.http.connection import Connection
from wework_message.adapters.http.exchange import Answer, NotWrittenError, NotWrittenReason, Timing, boot_ms
from wework_message.adapters.http.origin import Origin
from wework_message.domain.outcomes import Reason

CLOSE_S: Final = 1.0
"""How long connections that were dropped may take to close."""


class HttpClient:
    """POSTs to one server over at most `max_connections` kept-alive HTTP/1.1 connections; belongs to one event loop.

    It never repeats a request and never follows a redirect. The connection that was used last is used first.
    """

    def __init__(
        self,
        base_url: str,
        *,
        max_connections: int = 200,
        response_cap: int = 256 * 1024,
        idle_ms: int = 4000,
        ca_file: Path | None = None,
        address: str | None = None,
        tls: ssl.SSLContext | None = None,
        boot_clock_ms: Callable[[], float] = boot_ms,
    ) -> None:
        """Does not connect yet.

        Args:
            base_url: http or https, host, optional port and path prefix; see `Origin`.
            max_connections: maximum of calls in flight; further calls wait in their order.
            response_cap: maximum size of a body, bytes.
            idle_ms: a connection that was idle for longer is not used again. It is below the 5 s of common servers,
                because a server that closes during our write makes the outcome uncertain. A shorter
                ``Keep-Alive: timeout`` of the server takes precedence.
            ca_file: PEM certificates that are trusted instead of those of the system.
            address: where to connect, without asking for the addresses of the host; the host stays the name in `Host`
                and in TLS.
            tls: made by `verifying_context` and shared, where there are many clients; not with `ca_file`.
            boot_clock_ms: clock of `Timing.write_before_boot_ms` and of idle connections.

        Raises `ValueError` for an invalid base URL, count or size, `OSError` for an unreadable `ca_file`.
        """
        if max_connections < 1 or response_cap < 0 or idle_ms < 0:
            raise ValueError("max_connections is at least 1, response_cap and idle_ms at least 0")
        self._origin = Origin(base_url)
        self._address = self._origin.host if address is None else address
        self._tls = (tls or verifying_context(ca_file)) if self._origin.secure else None
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
        """Send one request once and read its answer, of any status.

        Args:
            path: appended to the path of the base URL, starts with ``/``, percent-encoded.
            body: sent unchanged, with its content-length.
            timing: deadlines of this call.
            headers: printable ASCII; not the ones that frame a message (host, content-length, ...).

        Raises:
            NotWrittenError: no byte was sent.
            LostError: at least one byte may have been sent.
            ValueError: the path or a header is invalid; no byte was sent.
            asyncio.CancelledError: the connection is dropped; treat it like `LostError`.
        """
        started = time.monotonic()
        request = self._origin.post(path, body, headers)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timing.total_ms / 1000
        remaining_ms = self._remaining_to_write_ms(timing)
        begin_by = min(deadline, loop.time() + remaining_ms / 1000)
        await self._enter(begin_by)
        try:
            connection = self._take_idle() or await self._open(begin_by, timing.connect_ms)
            timer = None
            try:
                self._remaining_to_write_ms(timing)  # the boot clock counts a suspension, the loop's clock may not
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
        """Drop every connection and wait until they are closed, for at most `CLOSE_S`. Later calls fail with `CLOSED`.

        Calls in flight end with `CLOSED`; those that still connect end so once they are connected.
        """
        self._closed = True
        if self._reaper is not None:
            self._reaper.cancel()
        while self._waiting:
            _refuse(self._waiting.popleft(), Reason.CLOSED)
        connections = list(self._open_connections)
        for connection in connections:
            connection.lose(Reason.CLOSED)
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=CLOSE_S)

    async def _enter(self, begin_by: float) -> None:
        """Take a place among the calls in flight, at once or in turn. Raises `NotWrittenError` (POOL, CLOSED)."""
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
                self._leave()  # the place was granted just before the cancellation
            raise
        finally:
            timer.cancel()

    def _leave(self) -> None:
        """Pass the place to the next waiting call."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._in_flight -= 1

    def _remaining_to_write_ms(self, timing: Timing) -> float:
        """Time until the first byte must be written. Raises `NotWrittenError` (TOO_LATE) after that."""
        if timing.write_before_boot_ms is None:
            return math.inf
        remaining_ms = timing.write_before_boot_ms - self._boot_ms()
        if remaining_ms < 0:
            raise NotWrittenError(Reason.TOO_LATE)
        return remaining_ms

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
        connection = Connection(self._response_cap, self._open_connections)
        try:
            async with asyncio.timeout_at(until):
                await loop.create_connection(
                    lambda: connection, self._address, self._origin.port, ssl=self._tls,
                    server_hostname=self._origin.host if self._origin.secure else None,
                )  # fmt: skip
        except asyncio.CancelledError:
            connection.abandon()
            raise
        except (socket.gaierror, UnicodeError) as error:
            raise NotWrittenError(Reason.DNS) from error
        except ssl.SSLError as error:
            raise NotWrittenError(Reason.TLS) from error
        except OSError as error:  # includes TimeoutError
            connection.abandon()
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
        """Drop connections that were idle for too long; the oldest are in front."""
        now = self._boot_ms()
        while self._idle and self._idle[0].expires_boot_ms <= now:
            self._idle.popleft().lose(Reason.READ)
        self._reaper = None
        if self._idle:
            self._reap_later()


def _refuse(turn: asyncio.Future[None], reason: NotWrittenReason) -> None:
    if not turn.done():
        turn.set_exception(NotWrittenError(reason))


def verifying_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """That of `tls`, for HTTP/1.1."""
    context = tls.verifying_context(ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context
