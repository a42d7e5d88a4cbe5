"""Pauses on SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.prepared import Query, deleting
from wework_message.adapters.sql.mapping.pause_table import pause
from wework_message.domain.control import Pause, PauseScope
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.control import PauseReader, PauseRepository

_ALL: Final = Query(select(pause).order_by(pause.c.since, pause.c.scope, pause.c.id))
_ONE: Final = Query(select(pause).where(pause.c.scope == bindparam("the_scope"), pause.c.id == bindparam("the_id")))
_RESUME: Final = deleting(pause, {"scope": "the_scope", "id": "the_id", "tenant_id": "the_tenant_id"})


class SqlPauses:
    """Pauses inside one transaction."""

    def __init__(self, run: Run, dialect: Dialect) -> None:
        """`dialect` knows the insert that leaves existing rows alone."""
        self._run = run
        self._dialect = dialect

    async def pause(self, new: Pause) -> Pause:
        """An insert that leaves an earlier one alone, then a read by primary key."""
        return await self._run(self._pause, new)

    def _pause(self, connection: Connection, new: Pause) -> Pause:
        self._dialect.new_pause.many(connection, [_row(new)])
        stored = _ONE.rows(connection, the_scope=new.scope.value, the_id=new.id)
        return _pause_of(stored[0]) if stored else new

    async def resume(self, tenant_id: TenantId, scope: PauseScope, scope_id: str) -> bool:
        """By primary key."""
        return await self._run(_resume, tenant_id, scope, scope_id)


class SqlPauseReader:
    """What is committed."""

    def __init__(self, read: Run) -> None:
        """`read` runs a query on what is committed."""
        self._read = read

    async def pauses(self) -> Sequence[Pause]:
        """The whole table."""
        return await self._read(read_pauses)


def _row(new: Pause) -> dict[str, Any]:
    return {
        "scope": new.scope.value,
        "id": new.id,
        "tenant_id": new.tenant_id,
        "reason": new.reason,
        "paused_by": new.by,
        "since": new.since,
    }


def _resume(connection: Connection, tenant_id: TenantId, scope: PauseScope, scope_id: str) -> bool:
    row = {"the_scope": scope.value, "the_id": scope_id, "the_tenant_id": tenant_id}
    return _RESUME.many(connection, [row]) > 0


def read_pauses(connection: Connection) -> Sequence[Pause]:
    """All of them, the oldest first."""
    return [_pause_of(row) for row in _ALL.rows(connection)]


def _pause_of(row: Mapping[str, Any]) -> Pause:
    owner = TenantId(row["tenant_id"])
    return Pause(PauseScope(row["scope"]), row["id"], row["since"], row["reason"], row["paused_by"], owner)


def _conforms(pauses: SqlPauses, reader: SqlPauseReader) -> tuple[PauseRepository, PauseReader]:
    return pauses, reader
