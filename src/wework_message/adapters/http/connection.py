"""One connection to a server: one exchange at a time, used again only if the last one left it clean."""

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
        closed: done once the transport is gone.
        server_idle_ms: how long the server said it keeps an idle connection, less a margin; `None` if it did not say.
        expires_boot_ms: when it is too old to be used again; its pool sets it.
    """

    __slots__ = (
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
        """`response_cap`: most bytes of a body."""
        self._reader = ResponseReader(response_cap)
        self._register = register
        self._answer: asyncio.Future[Answer] | None = None
        self._started = 0.0
        self._clean = False
        self.closed = asyncio.get_running_loop().create_future()
        self.expires_boot_ms = 0.0
        self.server_idle_ms: int | None = None

    @property
    def clean(self) -> bool:
        """Open, no exchange running, and the last one ended where the next can begin."""
        return self._clean and not self._transport.is_closing()

    @property
    def quiet(self) -> bool:
        """`clean`, and the kernel holds nothing from the server either: no end of stream, no unasked byte.

        The event loop learns of an end only when it next looks; a process that was busy or stopped has not looked yet.
        """
        return self.clean and not self._poll.poll(0)

    def send(self, request: bytes, started: float) -> asyncio.Future[Answer]:
        """Hand the whole request to the transport; only while `clean`. The future ends with the answer or `LostError`.

        `started`: `time.monotonic()` at the call's start. The future that is returned must be awaited.
        """
        self._clean = False
        self._started = started
        self._reader.reset()
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return answer

    def lose(self, reason: LostReason) -> None:
        """End a running exchange with `LostError` and drop the connection; without one, only drop the connection."""
        answer, self._answer = self._answer, None
        self._clean = False
        self._transport.abort()
        if answer is not None and not answer.done():
            answer.set_exception(LostError(reason))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected; over TLS also verified."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), _READABLE)
        self._register.add(self)
        self._clean = True

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer; bytes nobody asked for end the connection."""
        if self._answer is None:
            self.lose(Reason.PROTOCOL)
        elif self._reader.feed(data):
            self._settle()

    def eof_received(self) -> None:
        """The server sends no more; the transport closes itself."""
        self._clean = False
        if self._answer is not None:
            self._reader.end()
            self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone."""
        self.lose(Reason.WRITE if isinstance(exc, BrokenPipeError) else Reason.READ)
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
            said = _KEEP_ALIVE_TIMEOUT.search(reader.headers["keep-alive"])
            self.server_idle_ms = None if said is None else int(said[1]) * 1000 - _KEEP_ALIVE_MARGIN_MS
        if answer is not None and not answer.done():
            elapsed_ms = (time.monotonic() - self._started) * 1000
            answer.set_result(Answer(reader.status, reader.headers, reader.body, elapsed_ms))
