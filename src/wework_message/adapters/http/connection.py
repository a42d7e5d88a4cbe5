"""One connection to a server: one exchange at a time, used again only if it is clean after the last one."""

import asyncio
import re
import select
import time
from typing import Final, cast

from wework_message.adapters.http.exchange import Answer, LostError, LostReason
from wework_message.adapters.http.response import ResponseReader
from wework_message.domain.outcomes import Reason

_KEEP_ALIVE_TIMEOUT: Final = re.compile(r"timeout=(\d{1,6})(?!\d)")
_KEEP_ALIVE_MARGIN_MS: Final = 1000
_READABLE: Final = select.POLLIN | getattr(select, "POLLRDHUP", 0)


class Connection(asyncio.Protocol):
    """Made by the event loop's `create_connection`; enters `register` once connected and leaves it when closed.

    Attributes:
        closed: done once the transport is closed.
        server_idle_ms: how long the server keeps an idle connection, as announced, less a margin; `None` if unknown.
        expires_boot_ms: from when on it is not used again; its pool sets it.
    """

    __slots__ = (
        "_abandoned",
        "_answer",
        "_clean",
        "_poll",
        "_reader",
        "_register",
        "_started",
        "_transport",
        "closed",
        "expires_boot_ms",
        "server_idle_ms",
    )

    def __init__(self, response_cap: int, register: "set[Connection]") -> None:
        """`response_cap`: maximum size of a body, bytes."""
        self._reader = ResponseReader(response_cap)
        self._register = register
        self._answer: asyncio.Future[Answer] | None = None
        self._started = 0.0
        self._clean = False
        self._abandoned = False
        self.closed = asyncio.get_running_loop().create_future()
        self.expires_boot_ms = 0.0
        self.server_idle_ms: int | None = None

    @property
    def clean(self) -> bool:
        """Whether it is open and idle, and the last exchange ended so that another can begin."""
        return self._clean and not self._transport.is_closing()

    @property
    def quiet(self) -> bool:
        """Whether it is `clean` and the kernel has nothing from the server: no end of stream, no unexpected byte.

        The event loop notices an end of stream only with its next poll, which a busy or stopped process has not done yet.
        """
        return self.clean and not self._poll.poll(0)

    def send(self, request: bytes, started: float) -> asyncio.Future[Answer]:
        """Pass the whole request to the transport; only while `clean`. The future ends with the answer or `LostError`.

        `started`: `time.monotonic()` at the start of the call. The returned future must be awaited.
        """
        self._clean = False
        self._started = started
        self._reader.reset()
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return answer

    def lose(self, reason: LostReason) -> None:
        """Drop the connection; a running exchange ends with `LostError`."""
        answer, self._answer = self._answer, None
        self._clean = False
        self._transport.abort()
        if answer is not None and not answer.done():
            reader = self._reader
            answer.set_exception(LostError(reason, reader.head_status, reader.headers if reader.head_status else None))

    def abandon(self) -> None:
        """Drop it for good, connected or not: an event loop may never report the end of a connect that was cancelled."""
        self._abandoned = True
        if self in self._register:
            self.lose(Reason.CLOSED)
        self._end()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open; over TLS also verified."""
        self._transport = cast("asyncio.Transport", transport)  # the transport of uvloop does not inherit from it
        if self._abandoned:
            self._transport.abort()
            return
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), _READABLE)
        self._register.add(self)
        self._clean = True

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer; unexpected bytes end the connection."""
        if self._answer is None:
            self.lose(Reason.PROTOCOL)
        elif self._reader.feed(data):
            self._settle()

    def eof_received(self) -> None:
        """The server sends nothing more; the transport closes itself."""
        self._clean = False
        if self._answer is not None:
            self._reader.end()
            self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is closed."""
        self.lose(Reason.WRITE if isinstance(exc, BrokenPipeError) else Reason.READ)
        self._end()

    def _end(self) -> None:
        self._register.discard(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def _settle(self) -> None:
        reader = self._reader
        if reader.failure is not None:
            self.lose(reader.failure)
            return
        answer, self._answer = self._answer, None
        self._clean = reader.keep_alive
        if "keep-alive" in reader.headers:
            timeout = _KEEP_ALIVE_TIMEOUT.search(reader.headers["keep-alive"])
            self.server_idle_ms = None if timeout is None else int(timeout[1]) * 1000 - _KEEP_ALIVE_MARGIN_MS
        if answer is not None and not answer.done():
            elapsed_ms = (time.monotonic() - self._started) * 1000
            answer.set_result(Answer(reader.status, reader.headers, reader.body, elapsed_ms))
