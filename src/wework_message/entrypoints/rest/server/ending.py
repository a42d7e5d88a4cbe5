"""How a connection ends: so that the client sees the last answer, and within a time."""

import asyncio
from collections.abc import Callable

from wework_message.entrypoints.rest.server.limits import ConnectionLimits


class Linger:
    """Reads and drops what a client still sends after the last answer, for a while.

    Closing at once would reset the connection, and many clients then lose an answer that they have not read yet.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, limits: ConnectionLimits) -> None:
        """Begin to linger: everything has been written."""
        self._loop = loop
        self._transport = transport
        self._limits = limits
        self._left = limits.linger_bytes
        self._until = loop.time() + limits.linger_s
        transport.write_eof()
        self._timer = self._wait()

    def drop(self, size: int) -> None:
        """Take note of `size` bytes that came."""
        self._left -= size
        if self._left < 0:
            self._transport.abort()

    def cancel(self) -> None:
        """The connection is lost."""
        self._timer.cancel()

    def _wait(self) -> asyncio.TimerHandle:
        return self._loop.call_later(self._limits.linger_idle_s, self._look, self._left)

    def _look(self, before: int) -> None:
        if self._left == before or self._loop.time() >= self._until:
            self._transport.abort()
        else:
            self._timer = self._wait()


class IdleWatch:
    """Closes a connection on which no further request comes.

    It has one timer for many pauses: most of them are short, and a timer for each would cost every request.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, idle_s: float, close: Callable[[], None]) -> None:
        """No pause has begun; one of `idle_s` calls `close`."""
        self._loop = loop
        self._idle_s = idle_s
        self._close = close
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """A pause begins."""
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._idle_s, self._look)

    def stop(self) -> None:
        """It is over."""
        self._since = None

    def cancel(self) -> None:
        """The connection is lost."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._since is None:
            return
        left_s = self._since + self._idle_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
        else:
            self._close()


class WriteWatch:
    """Cuts off a client that does not take its answers."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, limits: ConnectionLimits) -> None:
        """Nothing is watched yet."""
        self._loop = loop
        self._transport = transport
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Something waits to be taken; goes on until nothing does."""
        waiting = self._transport.get_write_buffer_size()
        if self._timer is None and waiting:
            self._timer = self._loop.call_later(self._limits.head_s, self._look, waiting)

    def cancel(self) -> None:
        """The connection is lost."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, before: int) -> None:
        self._timer = None
        taken = before - self._transport.get_write_buffer_size()
        if taken < min(before, self._limits.body_bytes_per_s * self._limits.head_s):
            self._transport.abort()
        else:
            self.start()
