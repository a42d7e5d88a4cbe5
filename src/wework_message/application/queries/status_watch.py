"""One look at the database for all requests of this process that wait: another process may move their messages."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import MessageId
from wework_message.domain.ports.queries import MessageReader

INTERVAL_S: Final = 0.5
"""Longest interval between two looks at a message."""

BACKOFF_FACTOR: Final = 1.5
"""Each interval of a message is so much longer than the one before, up to `INTERVAL_S`."""

JOIN_SHARE: Final = 0.5
"""A look takes along every message that has waited for this share of its interval: the looks of many fall into step."""

MAX_IDS: Final = 500
"""Messages of one query."""

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watched:
    """One wait for a message."""

    message_id: MessageId
    version: int
    """The version that the request has read."""
    looked_at: float
    interval_s: float

    @property
    def due_at(self) -> float:
        """When the next look is due."""
        return self.looked_at + self.interval_s


class StatusWatch:
    """Compares versions of the messages that are waited for with the stored ones, and reports those that differ.

    Its task exists only while somebody waits.
    """

    def __init__(self, reader: MessageReader, report: Callable[[MessageId], None], first_look_ms: int) -> None:
        """`report` is called with a message that changed, is gone, or could not be looked at.

        `first_look_ms` is the first interval of a message: short where only other processes move messages.
        """
        self._reader = reader
        self._report = report
        self._first_interval_s = first_look_ms / 1000
        self._watched: dict[int, _Watched] = {}
        self._numbers = count()
        self._task: asyncio.Task[None] | None = None
        self._earlier = asyncio.Event()
        """Set where a look is due before the one that the task waits for."""
        self._next_look_at = 0.0

    @contextmanager
    def watching(self, message_id: MessageId, version: int) -> Iterator[None]:
        """Look at the message now and then while the context is open, until its version is another one."""
        number, now = next(self._numbers), asyncio.get_running_loop().time()
        self._watched[number] = watched = _Watched(message_id, version, now, self._first_interval_s)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="status watch")
        elif watched.due_at < self._next_look_at:
            self._earlier.set()
        try:
            yield
        finally:
            del self._watched[number]
            if not self._watched:
                self._earlier.set()  # the task ends now

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._watched:
            self._next_look_at = min(watched.due_at for watched in self._watched.values())
            if (pause_s := self._next_look_at - loop.time()) > 0:
                self._earlier.clear()
                await set_within(self._earlier, pause_s)
            else:
                await self._look(loop.time())

    async def _look(self, now: float) -> None:
        joining = [
            watched for watched in self._watched.values() if now >= watched.looked_at + watched.interval_s * JOIN_SHARE
        ]
        for watched in joining:
            watched.looked_at = now
            watched.interval_s = min(watched.interval_s * BACKOFF_FACTOR, INTERVAL_S)
        message_ids = list(dict.fromkeys(watched.message_id for watched in joining))
        versions: dict[MessageId, int] = {}
        try:
            for start in range(0, len(message_ids), MAX_IDS):
                versions |= await self._reader.versions(message_ids[start : start + MAX_IDS])
        except UnavailableError:  # the requests find out themselves, and answer it
            versions = {}
        except Exception:  # noqa: BLE001 -- a defect costs waiting requests the changes of other processes, nothing else
            _log.exception("statuses of waiting requests could not be compared")
            return
        for watched in joining:
            if versions.get(watched.message_id) != watched.version:
                self._report(watched.message_id)
