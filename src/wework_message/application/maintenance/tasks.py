"""What one process of the cluster does at a time: pruning, orphans, the numbers that come from the database.

There is no leader: every process asks for each duty when its time has come, and whoever has it does it (D-36).
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory

_log: Final = logging.getLogger(__name__)

RETRY_DELAY_S: Final = 60.0
"""When a round that ended early, because the store was away, is begun again."""

LEASE_INTERVALS: Final = 2.5
"""A duty outlives two rounds of its holder: one that is late does not lose it, one that is gone is missed soon."""


@dataclass(frozen=True, slots=True)
class ClusterLease:
    """One named duty, as one process asks for it."""

    name: str
    holder: str
    """Names the process, in at most 64 characters; no two have the same."""
    lease_ms: int
    units: UnitOfWorkFactory

    async def acquire_in(self, unit: UnitOfWork) -> bool:
        """Whether this process has it, inside `unit`: what `unit` writes besides is written by nobody else."""
        return await unit.leases.take(self.name, self.holder, self.lease_ms) is not None

    async def acquire(self) -> bool:
        """Take or renew it; False where another process has it, or the store does not answer."""
        try:
            async with self.units() as unit:
                held = await self.acquire_in(unit)
                if held:
                    await unit.commit()
        except UnavailableError:
            return False
        return held

    async def release(self) -> None:
        """Give it back, so that others need not wait for the end of its lease; without effect where it is not held."""
        with contextlib.suppress(UnavailableError):  # then its lease runs out
            async with self.units() as unit:
                await unit.leases.release(self.name, self.holder)
                await unit.commit()


class MaintenanceTask(Protocol):
    """Something to do once per cluster and interval, in short steps."""

    @property
    def name(self) -> str:
        """The name of its duty."""
        ...

    @property
    def interval_s(self) -> float:
        """Between two rounds, seconds."""
        ...

    async def step(self, unit: UnitOfWork) -> bool:
        """One short transaction's part; whether another step should follow at once."""
        ...

    def begin(self) -> None:
        """A new round begins."""
        ...


class Maintenance:
    """Does each chore when its time has come, if this process gets its duty."""

    def __init__(self, units: UnitOfWorkFactory, tasks: Sequence[MaintenanceTask], holder: str) -> None:
        """`holder` names this process."""
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
        """Step by step, each in a transaction of its own that renews the duty; ends where it is lost."""
        task.begin()
        more = True
        while more and not self._stopped.is_set():
            async with self._units() as unit:
                if not await lease.acquire_in(unit):
                    return
                more = await task.step(unit)
                await unit.commit()
