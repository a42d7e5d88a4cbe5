"""The audit trail on SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query, deleting, inserting
from wework_message.adapters.sql.mapping.audit_table import audit
from wework_message.domain.access.principal import PrincipalKind
from wework_message.domain.audit import AuditEntry, AuditFilter, AuditOutcome
from wework_message.domain.ids import AuditId, TenantId
from wework_message.domain.ports.audit import AuditReader, AuditRepository
from wework_message.domain.ports.maintenance import Pruned

_row = audit.c
_NEW: Final = inserting(audit, without=("seq",))
_OLDEST: Final = Query(
    by_index(
        select(_row.seq, _row.at).where(_row.seq > bindparam("after")).order_by(_row.seq).limit(bindparam("limit", 0)),
        audit,
    )
)
_DELETE: Final = deleting(audit, {"seq": "seq"})


class _Details(msgspec.Struct, frozen=True, omit_defaults=True):
    status: int | None = None
    fields: tuple[str, ...] = ()
    count: int = 1


_details: Final = msgspec.json.Decoder(_Details)


class SqlAuditTrail:
    """The trail inside one transaction."""

    def __init__(self, run: Run) -> None:
        """`run` is that of the transaction."""
        self._run = run

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """One insert of all."""
        if entries:
            await self._run(_NEW.many, [_row_of(entry) for entry in entries])


class SqlAuditReader:
    """What is committed."""

    def __init__(self, read: Run) -> None:
        """`read` runs a query on what is committed; it may take a while where filters take few entries."""
        self._read = read

    async def audit_entries(
        self, tenant_id: TenantId, filters: AuditFilter, *, limit: int, before: int | None
    ) -> Sequence[AuditEntry]:
        """From the end of an index: that of the target, or the tenant's own."""
        return await self._read(_page, tenant_id, filters, limit, before)


def _page(
    connection: Connection, tenant_id: TenantId, filters: AuditFilter, limit: int, before: int | None
) -> Sequence[AuditEntry]:
    statement = select(audit).where(_row.tenant_id == tenant_id).order_by(_row.seq.desc()).limit(limit)
    index = "ix_wm_audit_tenant"
    if filters.target is not None:
        statement, index = statement.where(_row.target == filters.target), "ix_wm_audit_target"
    if before is not None:
        statement = statement.where(_row.seq < before)
    if filters.action is not None:
        statement = statement.where(beside_index(_row.action) == filters.action.value)
    if filters.actor_id is not None:
        statement = statement.where(beside_index(_row.actor_id) == filters.actor_id)
    if filters.since is not None:
        statement = statement.where(beside_index(_row.at) >= filters.since)
    if filters.until is not None:
        statement = statement.where(beside_index(_row.at) < filters.until)
    return [_entry(row) for row in connection.execute(by_index(statement, audit, index)).mappings()]


def prune_audit(connection: Connection, *, before: int, limit: int, after: str) -> Pruned:
    """Delete the oldest entries that were added before `before` (epoch ms), up to the first one that is younger."""
    oldest = _OLDEST.rows(connection, after=int(after or 0), limit=limit)
    old = [row for row in oldest if row["at"] < before]
    _DELETE.many(connection, old)
    return Pruned(len(old), str(old[-1]["seq"]) if len(old) == len(oldest) == limit else None)


def _row_of(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at,
        "tenant_id": entry.tenant_id,
        "actor_kind": entry.actor_kind.value,
        "actor_id": entry.actor_id,
        "action": str(entry.action),
        "target": entry.target,
        "request_id": entry.request_id,
        "address": entry.address,
        "outcome": entry.outcome.value,
        "details": msgspec.json.encode(_Details(entry.status, entry.fields, entry.count)).decode(),
    }


def _entry(row: Mapping[Any, Any]) -> AuditEntry:
    details = _details.decode(row["details"])
    return AuditEntry(
        id=AuditId(row["id"]),
        at=row["at"],
        tenant_id=TenantId(row["tenant_id"]),
        actor_kind=PrincipalKind(row["actor_kind"]),
        actor_id=row["actor_id"],
        action=row["action"],
        outcome=AuditOutcome(row["outcome"]),
        target=row["target"],
        request_id=row["request_id"],
        address=row["address"],
        status=details.status,
        fields=details.fields,
        count=details.count,
        seq=row["seq"],
    )


def _conforms(trail: SqlAuditTrail, reader: SqlAuditReader) -> tuple[AuditRepository, AuditReader]:
    return trail, reader
