"""Signals of a process without an event loop: noticed by a pipe, so that none is lost between two waits."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final

_NOTICED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_CHUNK: Final = 4096


class Signals:
    """SIGTERM, SIGINT and SIGCHLD as bytes of a pipe, from `open` to `close`."""

    def __init__(self) -> None:
        """Nothing changes yet."""
        self._read_end = self._write_end = -1

    def open(self) -> None:
        """Notice from now on."""
        self._read_end, self._write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in _NOTICED:
            signal.signal(number, _noticed)

    def close(self) -> None:
        """Every signal has its default action again."""
        signal.set_wakeup_fd(-1)
        for number in _NOTICED:
            signal.signal(number, signal.SIG_DFL)
        os.close(self._read_end)
        os.close(self._write_end)

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._read_end

    def take(self) -> list[int]:
        """The numbers of the signals since the last call."""
        try:
            return list(os.read(self._read_end, _CHUNK))
        except BlockingIOError:
            return []


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Signals wait: a child that has just been forked must not write its own into its parent's pipe."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _NOTICED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _noticed(_number: int, _frame: FrameType | None) -> None:
    """The pipe has it."""
