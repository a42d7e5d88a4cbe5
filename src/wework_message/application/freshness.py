"""What every request needs, and no request may ask the database for: read again and again, and believed for a while only."""

import asyncio
from collections.abc import Awaitable, Callable

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.system import Clock


class Freshness:
    """How old is what a process has read, and who reads it again."""

    def __init__(
        self,
        read: Callable[[], Awaitable[None]],
        clock: Clock,
        what: str,
        *,
        reread_ms: float,
        max_age_ms: float,
        retry_ms: float,
    ) -> None:
        """`read` reads `what` and remembers it; it raises `UnavailableError`. Ages go by `clock.boot`.

        What is older than `reread_ms` is read again, what is older than `max_age_ms` is not believed. While requests wait for it, a
        store that is away is asked once in `retry_ms`, and not for each of them.
        """
        self._load = read
        self._clock = clock
        self._what = what
        self._reread_ms = reread_ms
        self._max_age_ms = max_age_ms
        self._retry_ms = retry_ms
        self._read_at = self._failed_at = float("-inf")
        self._reading = asyncio.Lock()

    def is_believed(self) -> bool:
        """Whether what was read last is young enough."""
        return self._clock.boot() - self._read_at <= self._max_age_ms

    async def refresh(self) -> None:
        """Read if the last time is `reread_ms` ago; raises `UnavailableError`."""
        if self._clock.boot() - self._read_at >= self._reread_ms:
            await self.read()

    async def read(self) -> None:
        """Read now; raises `UnavailableError`."""
        async with self._reading:
            await self._read()

    async def require(self) -> None:
        """For a request: of those that wait one reads, and the others take what it has read, or its failure.

        Raises `UnavailableError` where that cannot be believed.
        """
        if self.is_believed():
            return
        async with self._reading:
            if self.is_believed():
                return
            if self._clock.boot() - self._failed_at < self._retry_ms:
                raise UnavailableError(self._what, "are not known now")
            await self._read()

    async def _read(self) -> None:
        began = self._clock.boot()
        try:
            await self._load()
        except UnavailableError:
            self._failed_at = self._clock.boot()
            raise
        self._read_at, self._failed_at = began, float("-inf")
