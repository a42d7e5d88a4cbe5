"""Turns at a stream that several processes share: the lines of one batch stay together."""

import contextlib
import fcntl
import os
import select
from collections import deque
from typing import Final

from wework_message.adapters.observability.line_writer import Target

MAX_WAITING_LINES: Final = 1_000
"""Lines that wait for their turn in a process that must not wait itself; more are lost."""


class TurnTarget:
    """Writes to `target` while it has the lock of a file. The lock is the process's own, and ends with it."""

    def __init__(self, target: Target, descriptor: int) -> None:
        """`descriptor` is a file that every process has opened or inherited; it holds nothing."""
        self._target = target
        self._descriptor = descriptor

    def write(self, batch: bytes) -> None:
        """Wait for the turn, and write."""
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        try:
            self._target.write(batch)
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the target."""
        self._target.close()


class PatientLines:
    """Lines of a process that must never wait for a reader: each is written once the stream takes it and nobody has the turn."""

    def __init__(self, stream: int, descriptor: int) -> None:
        """`stream` is a descriptor; `descriptor` as for `TurnTarget`."""
        self._stream: int | None = stream
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque(maxlen=MAX_WAITING_LINES)

    def put(self, line: bytes) -> None:
        """Write it now or with a later `flush`. A line is no longer than what a pipe takes at once (4 KiB)."""
        self._lines.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what waits, as far as that is possible without waiting."""
        with contextlib.suppress(BlockingIOError):
            while self._lines and self._stream is not None and self._takes_more():
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                try:
                    self._write(self._lines[0])
                    self._lines.popleft()
                finally:
                    fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def _takes_more(self) -> bool:
        if self._stream is None:
            return False
        _, writable, _ = select.select([], [self._stream], [], 0)
        return bool(writable)

    def _write(self, line: bytes) -> None:
        try:
            if self._stream is not None:
                os.write(self._stream, line)
        except BlockingIOError:
            raise
        except OSError:  # a closed pipe, a full disk: the supervisor goes on
            self._stream = None
