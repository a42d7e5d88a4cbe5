"""The endpoints as this process knows them: read every two seconds, and at once where this process changed them (ADR 56).

Nothing asks the database for a message. What is older than `MAX_AGE_MS` does not count: a transaction that has something to
tell reads the endpoints itself then.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from wework_message.application.waiting import read_or_log, set_within
from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.ports.system import Clock
from wework_message.domain.ports.webhooks import WebhookReader
from wework_message.domain.webhooks.endpoint import Endpoint

REREAD_MS: Final = 2_000
"""How old they may be before they are read anew."""

MAX_AGE_MS: Final = 4_500
"""How old they may be at all: with the read, a change counts in every process within five seconds."""

_log: Final = logging.getLogger(__name__)


class EndpointDirectory:
    """All endpoints of all tenants."""

    def __init__(self, reader: WebhookReader, clock: Clock) -> None:
        """Nothing is known before the first read. Ages go by `clock.boot`."""
        self._reader = reader
        self._clock = clock
        self._reading = asyncio.Lock()
        self._read_at = float("-inf")
        self._expired_at = float("-inf")
        self._endpoints: Sequence[Endpoint] = ()
        self._enabled = False
        self._wake = asyncio.Event()
        self._stopped = False

    @property
    def nobody_listens(self) -> bool:
        """Whether it is known that no endpoint is enabled; asked for every transaction."""
        return not self._enabled and self.known() is not None

    def known(self) -> Sequence[Endpoint] | None:
        """All endpoints; None where what was read is too old, or this process has changed one since."""
        fresh = self._read_at > self._expired_at and self._clock.boot() - self._read_at < MAX_AGE_MS
        return self._endpoints if fresh else None

    async def current(self) -> Sequence[Endpoint]:
        """The same; they are read where they are not known. Raises `UnavailableError`."""
        known = self.known()
        return known if known is not None else await self.read()

    async def within(self, unit: UnitOfWork) -> Sequence[Endpoint]:
        """The same inside a transaction, which reads them itself where they are not known."""
        known = self.known()
        return known if known is not None else await unit.webhooks.endpoints()

    async def read(self) -> Sequence[Endpoint]:
        """Read them now, by one read for all who wait; raises `UnavailableError`."""
        asked_at = self._clock.boot()
        async with self._reading:
            if self._read_at <= asked_at:  # else a read that began later has answered meanwhile
                began = self._clock.boot()
                self._endpoints = await self._reader.endpoints()
                self._read_at = began
                self._enabled = any(endpoint.enabled for endpoint in self._endpoints)
            return self._endpoints

    def expire(self) -> None:
        """This process has changed an endpoint: what was read before now does not count."""
        self._expired_at = self._clock.boot()
        self._wake.set()

    async def run(self) -> None:
        """Read again and again until `stop`. Where the store is away, what was read last holds until it is too old."""
        while not self._stopped:
            self._wake.clear()
            await read_or_log(self.read, "webhooks", _log)
            if not self._stopped:
                await set_within(self._wake, REREAD_MS / 1000)

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the read at hand."""
        self._stopped = True
        self._wake.set()
