"""Lines that strangers, providers and overload can cause as often as they like."""

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Protocol

from wework_message.application.waiting import set_within

PAUSE_S: Final = 1.0
"""Between two lines of a kind."""

LINES_A_SECOND: Final = 20
"""Of all kinds that have a line each: a client's mistakes all have one, and a flood of them does not push out what else the log has."""


class WriteCount(Protocol):
    """Writes one line about so many."""

    def __call__(self, *, count: int) -> None:
        """`count` is the line's last field."""
        ...


@dataclass(slots=True)
class _Kind:
    """What has no line yet."""

    next_at: float
    count: int
    write: WriteCount


class RepeatedLines:
    """The first of a kind has its line at once; those of the second after it share one, whose `count` says how many they are."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now` in s."""
        self._now = now
        self._kinds: dict[Hashable, _Kind] = {}
        self._second = 0
        self._lines = 0
        self._stopping = asyncio.Event()

    def put(self, kind: Hashable, write: WriteCount, count: int = 1) -> None:
        """`write` makes the line of the last of its kind. There is only a closed set of kinds."""
        now = self._now()
        known = self._kinds.get(kind)
        if known is not None and now < known.next_at:
            known.count += count
            known.write = write
            return
        waiting = 0 if known is None else known.count
        self._kinds[kind] = _Kind(now + PAUSE_S, 0, write)
        write(count=count + waiting)

    def put_each(self, kind: Hashable, write: WriteCount) -> None:
        """`write` makes a line at once; beyond `LINES_A_SECOND` it is as `put`."""
        second = int(self._now())
        if second != self._second:
            self._second, self._lines = second, 0
        if self._lines < LINES_A_SECOND:
            self._lines += 1
            write(count=1)
        else:
            self.put(kind, write)

    def write_due(self) -> None:
        """Lines of those whose second is over: none waits for the next of its kind, which may come next week."""
        self._write(self._now())

    async def run(self) -> None:
        """`write_due` until `stop`, and then lines of all that have none yet."""
        while not await set_within(self._stopping, PAUSE_S):
            self.write_due()
        self._write(float("inf"))

    def stop(self) -> None:
        """`run` returns at once; what comes after that may have no line."""
        self._stopping.set()

    def _write(self, now: float) -> None:
        for name, kind in [*self._kinds.items()]:
            if now < kind.next_at:
                continue
            if kind.count == 0:
                del self._kinds[name]
                continue
            count, kind.count, kind.next_at = kind.count, 0, now + PAUSE_S
            kind.write(count=count)
