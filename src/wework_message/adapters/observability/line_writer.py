"""Lines on their way out: put on the event loop for a fraction of a microsecond, written by a thread in batches."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final, Protocol

CAPACITY: Final = 100_000
"""Lines that may wait (some 40 MB). A disk that hangs costs lines, never messages; how many is told afterwards."""

LINGER_S: Final = 0.02
"""How long the thread collects before it writes: at most 50 wake-ups a second, whatever the traffic."""

BATCH: Final = 2_000
REOPEN_S: Final = 5.0
"""Pause before a file that could not be written is tried again, seconds."""


class Target(Protocol):
    """Where batches go. Does not raise."""

    def write(self, batch: bytes) -> None:
        """Whole lines."""
        ...

    def close(self) -> None:
        """Nothing follows."""
        ...


class StreamTarget:
    """Standard output, or any other binary stream; it is flushed, never closed."""

    def __init__(self, stream: BinaryIO) -> None:
        """`stream` belongs to the caller."""
        self._stream: BinaryIO | None = stream

    def write(self, batch: bytes) -> None:
        """A reader that went away (a closed pipe) ends this target, not the service."""
        if self._stream is None:
            return
        try:
            self._stream.write(batch)
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._stream = None

    def close(self) -> None:
        """The stream stays open."""
        self._stream = None


class FileTarget:
    """A log file that logrotate, or a person, may move away at any time: the next batch opens it anew."""

    def __init__(
        self, path: Path, complain: Callable[[OSError], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`complain` hears once of every period in which it cannot be written."""
        self._path = path
        self._complain = complain
        self._clock = clock
        self._file: int | None = None
        self._failing = False
        self._next_try = 0.0

    def open(self) -> None:
        """Try it now, so that a folder that cannot be written is known at the start."""
        self.write(b"")

    def write(self, batch: bytes) -> None:
        """Append in one system call, so that lines of several processes do not mix."""
        if self._failing and self._clock() < self._next_try:
            return
        try:
            descriptor = self._current()
            while batch:
                batch = batch[os.write(descriptor, batch) :]
            self._failing = False
        except OSError as error:
            self.close()
            self._next_try = self._clock() + REOPEN_S
            if not self._failing:
                self._failing = True
                self._complain(error)

    def close(self) -> None:
        """Another write would open it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _current(self) -> int:
        if self._file is not None and not self._is_there(self._file):
            self.close()
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        return self._file

    def _is_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except FileNotFoundError:
            return False


class LineWriter:
    """A bounded queue and the one thread that empties it."""

    def __init__(
        self,
        targets: Sequence[Target],
        dropped_line: Callable[[int], bytes],
        *,
        capacity: int = CAPACITY,
    ) -> None:
        """`dropped_line` words how many lines were lost since the last such line."""
        self._targets = targets
        self._dropped_line = dropped_line
        self._capacity = capacity
        self._lines: deque[bytes] = deque()
        self._dropped = 0
        self._told = 0
        self._awake = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)

    def start(self) -> None:
        """Begin to write; lines that were put before come first."""
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines lost so far because the queue was full."""
        return self._dropped

    def put(self, line: bytes) -> None:
        """One line with its end; never blocks, never raises."""
        if len(self._lines) >= self._capacity:
            self._dropped += 1
            return
        self._lines.append(line)
        if not self._awake:
            self._awake = True
            self._wake.set()

    def close(self, timeout_s: float) -> bool:
        """Write what waits and end the thread; False where that took longer than `timeout_s`."""
        self._closing.set()
        self._wake.set()
        self._thread.join(timeout_s)
        self._capacity = 0  # what comes now has no writer: it is counted as lost and takes no memory
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(LINGER_S)
            # In this order: whoever puts between the two lines has put before the batch is taken.
            self._wake.clear()
            self._awake = False
            self._write_all()
        self._write_all()
        for target in self._targets:
            target.close()

    def _write_all(self) -> None:
        while self._lines:
            lines = [self._lines.popleft() for _ in range(min(BATCH, len(self._lines)))]
            if (lost := self._dropped - self._told) > 0:
                self._told += lost
                lines.append(self._dropped_line(lost))
            batch = b"".join(lines)
            for target in self._targets:
                target.write(batch)
