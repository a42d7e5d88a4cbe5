"""How many processes send: each paces its part of the budgets where nothing else shares them (ADR 49)."""

import asyncio
import logging
from typing import Final

from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory

INTERVAL_S: Final = 5.0
"""How often a process renews its place and counts the others."""

LEASE_MS: Final = 15_000
"""How long a process that died still counts."""

PLACES: Final = tuple(f"sender:{number}" for number in range(1, 65))
"""Leases, one for each process that sends. A process beyond them is counted by itself alone."""

_log: Final = logging.getLogger(__name__)


class Fleet:
    """The number of processes that send, as last counted."""

    def __init__(self, least: int = 1) -> None:
        """`least`: as many start together, whether or not they are counted yet."""
        self._least = least
        self._counted = least

    def __call__(self) -> int:
        """At least 1, this process included."""
        return self._counted

    def counted(self, processes: int) -> None:
        """So many were found."""
        counted = max(self._least, processes)
        if counted != self._counted:
            _log.info("%d processes send", counted)
        self._counted = counted


class CountProcesses:
    """Holds one of the places, and counts those that are held."""

    def __init__(self, units: UnitOfWorkFactory, fleet: Fleet, holder: str) -> None:
        """`holder` identifies this process; `fleet` gets the number."""
        self._units = units
        self._fleet = fleet
        self._holder = holder
        self._place: str | None = None
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` gives the place back and returns."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`; the first count is at once. A database that is away changes nothing: nothing is claimed then."""
        while not self._stopped.is_set():
            await self._safely()
            await set_within(self._stopped, INTERVAL_S)
        await self._safely(leaves=True)

    async def _safely(self, *, leaves: bool = False) -> None:
        try:
            async with self._units() as unit:
                await (self._leave(unit) if leaves else self.count(unit))
                await unit.commit()
        except UnavailableError:
            _log.info("the count of processes waits for the database")
        except Exception:  # noqa: BLE001 -- a defect here must not end the process
            _log.exception("the processes could not be counted")

    async def count(self, unit: UnitOfWork) -> None:
        """Renew the place, or take the first free one, and count."""
        if self._place is not None and await unit.leases.take(self._place, self._holder, LEASE_MS) is None:
            self._place = None
        held = await unit.leases.held(PLACES)
        if self._place is None:
            self._place = await self._taken(unit, held)
        self._fleet.counted(len(held | {self._place or ""}))

    async def _taken(self, unit: UnitOfWork, held: frozenset[str]) -> str | None:
        for place in PLACES:
            if place not in held and await unit.leases.take(place, self._holder, LEASE_MS) is not None:
                return place
        return None

    async def _leave(self, unit: UnitOfWork) -> None:
        if self._place is not None:
            await unit.leases.release(self._place, self._holder)
