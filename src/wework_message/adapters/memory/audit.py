"""The audit trail in memory."""

import dataclasses
from collections.abc import Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.domain.audit import AuditEntry, AuditFilter
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.audit import AuditReader, AuditRepository


class MemoryAuditTrail:
    """The trail, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            seq = next(self._db.serial)
            self._db.audit.put(seq, dataclasses.replace(entry, seq=seq))


class MemoryAuditReader:
    """What is committed."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Reads independently of units of work."""
        self._db = database

    async def audit_entries(
        self, tenant_id: TenantId, filters: AuditFilter, *, limit: int, before: int | None
    ) -> Sequence[AuditEntry]:
        self._db.check_available()
        own = [
            entry
            for entry in self._db.audit.committed_rows()
            if entry.tenant_id == tenant_id and filters.takes(entry) and (before is None or entry.seq < before)
        ]
        return sorted(own, key=lambda entry: -entry.seq)[:limit]


def _conforms(trail: MemoryAuditTrail, reader: MemoryAuditReader) -> tuple[AuditRepository, AuditReader]:
    return trail, reader
