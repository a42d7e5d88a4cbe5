"""Leases in memory."""

from collections.abc import Collection

from wework_message.adapters.memory.database import LeaseRow, MemoryDatabase
from wework_message.domain.ports.maintenance import START, LeaseStore, Pruned
from wework_message.domain.ports.system import Clock
from wework_message.domain.waits import is_running


class MemoryLeaseStore:
    """Leases, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` is the database's own."""
        self._db = database
        self._clock = clock

    async def take(self, lease_name: str, holder: str, lease_ms: int) -> int | None:
        now = self._clock.now()
        tenure = self._db.leases.get(lease_name) or LeaseRow("", 0, 0, 0)
        held = is_running(tenure.held_until, length_ms=tenure.lease_ms, now=now)
        if held and tenure.holder != holder:
            return None
        renewed = held and tenure.holder == holder
        epoch = tenure.epoch if renewed else tenure.epoch + 1
        self._db.leases.put(lease_name, LeaseRow(holder, epoch, now + lease_ms, lease_ms))
        return epoch

    async def held(self, lease_names: Collection[str]) -> frozenset[str]:
        now = self._clock.now()
        tenures = [(name, self._db.leases.get(name)) for name in lease_names]
        return frozenset(
            name
            for name, tenure in tenures
            if tenure is not None and is_running(tenure.held_until, length_ms=tenure.lease_ms, now=now)
        )

    async def release(self, lease_name: str, holder: str) -> None:
        tenure = self._db.leases.get(lease_name)
        if tenure is not None and tenure.holder == holder:
            self._db.leases.put(lease_name, LeaseRow(holder, tenure.epoch, 0, 0))

    async def prune(self, prefix: str, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        before = self._clock.now() - older_than_ms
        named = sorted(name for name, _ in self._db.leases.items() if name.startswith(prefix) and name > after)[:limit]
        tenures = [(name, self._db.leases.get(name)) for name in named]
        old = [name for name, tenure in tenures if tenure is not None and tenure.held_until < before]
        for name in old:
            self._db.leases.drop(name)
        return Pruned(len(old), named[-1] if len(named) == limit else None)


def _conforms(leases: MemoryLeaseStore) -> LeaseStore:
    return leases
