"""The place of one worker: the process that has it now, and what became of the one before."""

import signal
import time
from collections.abc import Callable
from typing import Final

from wework_message.bootstrap.workers.channel import Channel
from wework_message.bootstrap.workers.pauses import Pauses

SILENT_S: Final = 15.0
"""A worker that has not answered for so long is shown as down."""

HUNG_S: Final = 60.0
"""A worker whose event loop has not answered for so long is killed and started again."""


class Place:
    """One of the numbered places; a process at most has it at a time."""

    def __init__(self, number: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Empty, and to be filled at once. `clock` in seconds."""
        self.number = number
        """From 1 on; it stays when the process changes."""
        self.pid: int | None = None
        self.channel: Channel | None = None
        self.restarts = 0
        self.start_at: float | None = clock()
        """When the next process is due; None while there is one, or none shall be."""
        self._clock = clock
        self._pauses = Pauses()
        self._opened_at: float | None = None
        self._heard_at = 0.0
        self._last_end = "has not started yet"

    def fill(self, pid: int, channel: Channel) -> None:
        """Process `pid` has the place."""
        self.pid, self.channel, self.start_at = pid, channel, None
        self._opened_at, self._heard_at = None, self._clock()

    def open(self) -> None:
        """Its process works."""
        self._opened_at = self._heard_at = self._clock()

    def hear(self) -> None:
        """Its process has said something."""
        self._heard_at = self._clock()

    def end(self, status: int) -> float:
        """Its process has ended with `status` (an exit code, or the negative number of a signal); the pause until the next, s."""
        now = self._clock()
        pause_s = self._pauses.after(now - self._opened_at if self._opened_at is not None else 0.0)
        self._last_end = ending(status)
        self._opened_at = self.pid = None
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        self.start_at = now + pause_s
        return pause_s

    def postpone(self) -> None:
        """No process could be had; another try after a pause."""
        self.start_at = self._clock() + self._pauses.after(0.0)

    @property
    def is_open(self) -> bool:
        """Whether its process has opened."""
        return self._opened_at is not None

    @property
    def silent_s(self) -> float:
        """For how long an open process has said nothing, seconds."""
        return self._clock() - self._heard_at if self.is_open else 0.0

    @property
    def problem(self) -> str | None:
        """Why nobody works at this place; None = somebody does."""
        if self.pid is None:
            return f"worker {self.number} {self._last_end}"
        if not self.is_open:
            return f"worker {self.number} starts" + (f", the one before {self._last_end}" if self.restarts else "")
        if self.silent_s > SILENT_S:
            return f"worker {self.number} does not answer"
        return None


def ending(status: int) -> str:
    """An exit code, or the negative number of a signal, in words."""
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
