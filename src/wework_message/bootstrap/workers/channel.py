"""The supervisor's end of the pair of sockets to one worker; it never blocks."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

from wework_message.bootstrap.workers.messages import (
    FromSupervisor,
    FromWorker,
    framed,
    read_from_worker,
    whole_bodies,
)

MAX_WAITING_BYTES: Final = 16 * 1024 * 1024
"""What may wait for a worker that does not read; further messages to it are left out."""

_CHUNK: Final = 1 << 18


class Channel:
    """Sends and receives what the sockets take and have at the moment."""

    def __init__(self, end: socket.socket) -> None:
        """`end` belongs to the channel from now on."""
        end.setblocking(False)
        self._end = end
        self._waiting = bytearray()
        self._received = bytearray()
        self.closed = False
        """The worker has closed its end: it has ended, or is about to."""

    def fileno(self) -> int:
        """The descriptor."""
        return self._end.fileno()

    @property
    def has_waiting(self) -> bool:
        """Whether something waits to be sent."""
        return bool(self._waiting)

    def send(self, message: FromSupervisor) -> None:
        """Send now or, where the worker does not read, with a later `flush`."""
        if len(self._waiting) < MAX_WAITING_BYTES:
            self._waiting += framed(message)
            self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        try:
            while self._waiting and not self.closed:
                del self._waiting[: self._end.send(self._waiting)]
        except BlockingIOError:
            return
        except OSError:
            self._waiting.clear()
            self.closed = True

    def receive(self) -> Iterator[FromWorker]:
        """The messages that have arrived whole."""
        with contextlib.suppress(BlockingIOError):
            while not self.closed:
                try:
                    received = self._end.recv(_CHUNK)
                except ConnectionError:
                    received = b""
                self._received += received
                self.closed = not received
        for body in whole_bodies(self._received):
            yield read_from_worker(body)

    def close(self) -> None:
        """Close this end."""
        self.closed = True
        self._end.close()
