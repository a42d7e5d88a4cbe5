"""How busy the connections of a database are: numbers for operators, and the turns of units of work."""

import asyncio
from collections.abc import Callable
from typing import Any

from wework_message.domain.ports.connection_pools import Pool, PoolName


def unwatched(_seconds: float) -> None:
    """Nobody counts."""


class Turn:
    """Admits as many units of work of the process as the database takes at a time, in the order in which they come."""

    name: PoolName = "write"

    def __init__(self, limit: int = 1, idle: Callable[[], int] = lambda: 0) -> None:
        """`idle` counts the connections between two units of work."""
        self.limit = limit
        self.used = 0
        self.waited: Callable[[float], None] = unwatched
        self._idle = idle
        self._free = asyncio.Semaphore(limit)

    @property
    def idle(self) -> int:
        return max(0, self._idle())

    async def acquire(self) -> None:
        """Wait for the turn. One that is given up, too, has waited."""
        if self._free.locked():
            loop = asyncio.get_running_loop()
            began = loop.time()
            try:
                await self._free.acquire()
            finally:
                self.waited(loop.time() - began)
        else:
            await self._free.acquire()
            self.waited(0.0)
        self.used += 1

    def release(self) -> None:
        """Let the next one in."""
        self.used -= 1
        self._free.release()


class EnginePool:
    """The pool of an engine of SQLAlchemy."""

    def __init__(self, name: PoolName, limit: int, queue: Any) -> None:
        """`queue` is the engine's `QueuePool`."""
        self.name = name
        self.limit = limit
        self.waited: Callable[[float], None] = unwatched
        self._queue = queue

    @property
    def used(self) -> int:
        in_use: int = self._queue.checkedout()
        return in_use

    @property
    def idle(self) -> int:
        between: int = self._queue.checkedin()
        return between


def _conforms(turn: Turn, pool: EnginePool) -> tuple[Pool, ...]:
    return turn, pool
