"""The ports of the audit trail: added to inside a unit of work, read without waiting for writers."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.domain.audit import AuditEntry, AuditFilter
from wework_message.domain.ids import TenantId


class AuditRepository(Protocol):
    """The trail, inside a unit of work. Nothing of it is changed, and only what is too old is deleted (`Pruning.audit`)."""

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Add them in their order; their `seq` is the store's, higher than any before, and never used again."""
        ...


class AuditReader(Protocol):
    """What is committed, without waiting for writers."""

    async def audit_entries(
        self, tenant_id: TenantId, filters: AuditFilter, *, limit: int, before: int | None
    ) -> Sequence[AuditEntry]:
        """The newest entries of the tenant's trail, with a `seq` below `before`."""
        ...
