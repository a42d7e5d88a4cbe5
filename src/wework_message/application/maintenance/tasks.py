"""Maintenance tasks, each done by one process of the cluster at a time.

There is no leader: every process asks for the lease of each task when its time has come, and the holder does it (D-36).
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory

_log: Final = logging.getLogger(__name__)

RETRY_DELAY_S: Final = 60.0
"""When a round that the store interrupted begins again."""

LEASE_INTERVALS: Final = 2.5
"""A lease lasts two rounds and a half: a late holder keeps it, and one that died loses it soon."""


class MaintenanceTask(Protocol):
    """Work that is done once per cluster and interval, in short steps."""

    @property
    def name(self) -> str:
        """The name of its lease."""
        ...

    @property
    def interval_s(self) -> float:
        """Seconds between two rounds."""
        ...

    async def step(self, unit: UnitOfWork) -> bool:
        """One short transaction's part; True if another step should follow at once."""
        ...

    def begin(self) -> None:
        """A new round begins."""
        ...


class Maintenance:
    """Runs each task when its time has come, if this process gets its lease."""

    def __init__(self, units: UnitOfWorkFactory, tasks: Sequence[MaintenanceTask], holder: str) -> None:
        """`holder` identifies this process."""
        self._units = units
        self._leases = [
            (task, ClusterLease(task.name, holder, int(task.interval_s * LEASE_INTERVALS * 1000), units))
            for task in tasks
        ]
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the step at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`; the first round is at once."""
        await asyncio.gather(*(self._repeat(task, lease) for task, lease in self._leases))

    async def _repeat(self, task: MaintenanceTask, lease: ClusterLease) -> None:
        while not self._stopped.is_set():
            wait_s = task.interval_s
            try:
                await self.round(task, lease)
            except UnavailableError:
                _log.info("%s waits for the database", task.name)
                wait_s = min(wait_s, RETRY_DELAY_S)
            except Exception:  # noqa: BLE001 -- one defect must not end the others
                _log.exception("%s failed", task.name)
            await set_within(self._stopped, wait_s)
        await lease.release()

    async def round(self, task: MaintenanceTask, lease: ClusterLease) -> None:
        """Step by step, each in a transaction of its own that renews the lease; ends where the lease is lost."""
        task.begin()
        more = True
        while more and not self._stopped.is_set():
            async with self._units() as unit:
                if not await lease.acquire_in(unit):
                    return
                more = await task.step(unit)
                await unit.commit()
