"""Pauses in memory."""

from collections.abc import Iterable, Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.domain.control import Pause, PauseScope
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.control import PauseReader, PauseRepository


class MemoryPauses:
    """Pauses, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def pause(self, pause: Pause) -> Pause:
        key = (pause.scope, pause.id)
        stored = self._db.pauses.get(key)
        if stored is None:
            self._db.pauses.put(key, pause)
        return stored or pause

    async def resume(self, tenant_id: TenantId, scope: PauseScope, scope_id: str) -> bool:
        stored = self._db.pauses.get((scope, scope_id))
        if stored is None or stored.tenant_id != tenant_id:
            return False
        self._db.pauses.drop((scope, scope_id))
        return True


class MemoryPauseReader:
    """What is committed."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Reads independently of units of work."""
        self._db = database

    async def pauses(self) -> Sequence[Pause]:
        self._db.check_available()
        return _in_order(self._db.pauses.committed_rows())


def _in_order(pauses: Iterable[Pause]) -> Sequence[Pause]:
    return sorted(pauses, key=lambda pause: (pause.since, pause.scope, pause.id))


def _conforms(pauses: MemoryPauses, reader: MemoryPauseReader) -> tuple[PauseRepository, PauseReader]:
    return pauses, reader
