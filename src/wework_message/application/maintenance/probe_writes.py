"""Writes a row where nothing else is written: readiness must know that a disk is full before a client does (D-48)."""

import asyncio
import logging
from typing import Final

from wework_message.application.waiting import set_within
from wework_message.application.writes import Writes
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.repositories import UnitOfWorkFactory

INTERVAL_S: Final = 5.0
"""How often a write is tried where none was committed since."""

FAILING_INTERVAL_S: Final = 1.0
"""How often while writes fail."""

_LEASE: Final = "writes"
_log: Final = logging.getLogger(__name__)


class ProbeWrites:
    """Takes a lease that ends at once, so that each process writes the row."""

    def __init__(self, units: UnitOfWorkFactory, writes: Writes, holder: str) -> None:
        """`writes` gets the results; `holder` identifies this process."""
        self._units = units
        self._writes = writes
        self._holder = holder
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the write at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`."""
        while not self._stopped.is_set():
            if not self._writes.succeeded_within(INTERVAL_S):
                await self.write()
            await set_within(self._stopped, INTERVAL_S if self._writes.cause is None else FAILING_INTERVAL_S)

    async def write(self) -> None:
        """One row, committed; never raises."""
        try:
            async with self._units() as unit:
                await unit.leases.take(_LEASE, self._holder, 1)
                await unit.commit()
        except UnavailableError as error:
            self._writes.failed(error)
        except Exception:  # noqa: BLE001 -- a defect here must not end the process
            _log.exception("a write could not be tried")
        else:
            self._writes.succeeded()
