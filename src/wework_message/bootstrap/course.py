"""How far a process is between its start and its end, and the signals that end it."""

import asyncio
import os
import signal
from dataclasses import dataclass, field

from wework_message.bootstrap.last_timer import LastTimer


@dataclass(frozen=True, slots=True)
class Course:
    """Of one process."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    """It works."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """A signal asked it to end, or its supervisor has died."""
    last_timer: LastTimer = field(default_factory=LastTimer)
    """Runs from then on, or from the moment when a part ended by itself."""

    def end(self) -> None:
        """Begin to end, once."""
        self.stop.set()
        self.last_timer.start()


def stop_on_signal(course: Course) -> None:
    """SIGTERM or SIGINT begins the end, a second one ends the process at once."""
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if course.stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
            os._exit(128 + number)  # process 1, as in a container, has no default action
        course.end()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)


def stop_as_worker(course: Course) -> None:
    """SIGTERM begins the end, however often it comes.

    Whoever ends a whole group of processes (a terminal, systemd) signals a worker, and so does its supervisor; that one kills.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, course.end)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
