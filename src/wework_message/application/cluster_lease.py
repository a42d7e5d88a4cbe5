"""A named lease of the cluster, as one process asks for it."""

import contextlib
from dataclasses import dataclass

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class ClusterLease:
    """One named lease, as one process asks for it."""

    name: str
    holder: str
    """Names the process, in at most 64 characters; no two have the same."""
    lease_ms: int
    units: UnitOfWorkFactory

    async def acquire_in(self, unit: UnitOfWork) -> bool:
        """Take or renew it inside `unit`; True means that no other process writes what `unit` writes."""
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
        """Give it back, so that others need not wait for its end; without effect where it is not held."""
        with contextlib.suppress(UnavailableError):  # then it runs out
            async with self.units() as unit:
                await unit.leases.release(self.name, self.holder)
                await unit.commit()
