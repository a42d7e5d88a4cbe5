"""Ctrl-C ends a run behind the request that is under way; a second one ends it at once."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

_NOTE: Final = b"\nends behind the batch that is under way; Ctrl-C once more ends at once\n"
"""Written past Python's own buffers: the signal may have come in the middle of a write to them."""


@dataclass(slots=True)
class Interrupts:
    """Whether the user wants an end."""

    sleep: Callable[[float], None] = time.sleep
    wished: bool = False
    _pausing: bool = field(default=False, init=False)

    def pause(self, seconds: float) -> None:
        """Wait; raises `KeyboardInterrupt` where the user wants an end, also before or meanwhile."""
        if self.wished:
            raise KeyboardInterrupt
        if seconds <= 0:
            return
        self._pausing = True
        try:
            self.sleep(seconds)
        finally:
            self._pausing = False

    def ask(self, _number: int = signal.SIGINT, _frame: FrameType | None = None) -> None:
        """The user wants an end; raises `KeyboardInterrupt` in a pause, and the second time."""
        again, self.wished = self.wished, True
        if again or self._pausing:
            raise KeyboardInterrupt
        with suppress(OSError):
            os.write(2, _NOTE)

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Ctrl-C asks, as long as this is open. Python delivers signals to the main thread only: others never hear of it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self.ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
