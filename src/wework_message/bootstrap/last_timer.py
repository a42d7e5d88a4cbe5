"""The last timer: a process that was told to end does end, and says what hung."""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

EXIT_WITHIN_S: Final = 25.0
"""The longest time from SIGTERM to the end of the process (D-39)."""

HUNG: Final = 70
"""Exit code of a process that had to be cut off: the same as that of a part that ended by a defect."""

_OWN: Final = "wework_message"
_log: Final = logging.getLogger(__name__)


class LastTimer:
    """A daemon thread, since the event loop itself may be what hangs. It also counts while the interpreter ends."""

    def __init__(self, seconds: float = EXIT_WITHIN_S, end: Callable[[int], None] = os._exit) -> None:
        """`end` is called with the exit code."""
        self._seconds = seconds
        self._end = end
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = False

    def start(self) -> None:
        """Start to count, once; called in the event loop."""
        if self._started:
            return
        self._started = True
        self._loop = asyncio.get_running_loop()
        timer = threading.Timer(self._seconds, self._cut_off)
        timer.daemon = True
        timer.name = "last-timer"
        timer.start()

    def _cut_off(self) -> None:
        try:
            text = f"the process did not end within {self._seconds:.0f} s and is cut off; what hangs: {self._hanging()}"
            _log.critical("%s", text)
            for handler in logging.getLogger().handlers:
                handler.flush()
        finally:
            self._end(HUNG)

    def _hanging(self) -> str:
        return "; ".join([*_tasks(self._loop), *_threads()]) or "nothing that is known"


def _tasks(loop: asyncio.AbstractEventLoop | None) -> Iterator[str]:
    try:
        tasks = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()) if loop is not None else []
    except RuntimeError:  # the loop changed the set at this moment
        tasks = []
    for task in tasks:
        yield f"task {task.get_name()} at {_innermost(task)}"


def _innermost(task: "asyncio.Task[object]") -> str:
    """Where the innermost coroutine waits."""
    place = "?"
    awaited: object = task.get_coro()
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if isinstance(frame, FrameType):
            place = _place(frame)
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return place


def _threads() -> Iterator[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate() if thread is not threading.current_thread()}
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 -- documented; there is no other way
        if ident in names:
            yield f"thread {names[ident]} at {_own_place(frame)}"


def _own_place(frame: FrameType) -> str:
    """The innermost line, and the innermost one of our own above it."""
    own: FrameType | None = frame
    while own is not None and _OWN not in own.f_code.co_filename:
        own = own.f_back
    return _place(frame) if own is None or own is frame else f"{_place(frame)}, from {_place(own)}"


def _place(frame: FrameType) -> str:
    """File and line; neither names of variables nor values."""
    path = frame.f_code.co_filename
    return f"{path[path.rfind(_OWN) :] if _OWN in path else os.path.basename(path)}:{frame.f_lineno}"  # noqa: PTH119 -- a text
