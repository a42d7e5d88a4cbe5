"""Erasures on SQL."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import Dialect, literal_number
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, deleting, inserting, updating
from wework_message.adapters.sql.mapping.erasure_table import erasure
from wework_message.adapters.sql.repositories.erased_rows import erase_rows
from wework_message.domain.conversation import ERASED_CONVERSATION
from wework_message.domain.erasure import ErasedRows, Erasure, ErasureState, ErasureStep, Part, Subject
from wework_message.domain.ids import ErasureId, TenantId
from wework_message.domain.ports.erasures import ErasureReader, Erasures
from wework_message.domain.ports.maintenance import Pruned

_CHANGING: Final = (
    "conversation_id", "state", "part", "position", "round", "erased", "left_over", "next_at", "finished_at", "active",
)  # fmt: skip
_NEW: Final = inserting(erasure)
_SAVE: Final = updating(erasure, {"id": "the_id"}, _CHANGING)
_LOCKED: Final = Query(select(erasure).where(erasure.c.id == bindparam("the_id")).with_for_update())
_NEXT: Final = Query(
    by_index(
        select(erasure)
        .where(erasure.c.active == literal_number(1))
        .order_by(erasure.c.next_at, erasure.c.id)
        .limit(literal_number(1)),
        erasure,
        "ix_wm_erasure_active",
    )
)
_OLD: Final = Query(
    by_index(
        select(erasure.c.id)
        .where(erasure.c.id > bindparam("after"), erasure.c.finished_at < bindparam("before", 0))
        .order_by(erasure.c.id)
        .limit(bindparam("limit", 0)),
        erasure,
    )
)
_DELETE: Final = deleting(erasure, {"id": "id"})


class SqlErasures:
    """Erasures inside one transaction."""

    def __init__(self, run: Run, dialect: Dialect) -> None:
        """`dialect` knows how what is erased is overwritten."""
        self._run = run
        self._dialect = dialect

    async def add(self, erasure: Erasure) -> None:
        """One insert."""
        await self._run(_add, erasure)

    async def get(self, erasure_id: ErasureId) -> Erasure | None:
        """By primary key."""
        return await self._run(_get, erasure_id)

    async def save(self, erasure: Erasure) -> None:
        """By primary key."""
        await self._run(_save, erasure)

    async def erase(self, step: ErasureStep, *, limit: int) -> ErasedRows:
        """A range of an index or of a primary key, and changes by key."""
        return await self._run(self._erase, step, limit)

    def _erase(self, connection: Connection, step: ErasureStep, limit: int) -> ErasedRows:
        with self._dialect.overwriting(connection):
            return erase_rows(connection, self._dialect, step, limit)


class SqlErasureReader:
    """Reads what is committed."""

    def __init__(self, read: Run) -> None:
        """`read` runs a query on what is committed."""
        self._read = read

    async def erasure(self, tenant_id: TenantId, erasure_id: ErasureId) -> Erasure | None:
        """By primary key."""
        return await self._read(_stored, tenant_id, erasure_id)

    async def erasures(self, tenant_id: TenantId, *, limit: int, before: ErasureId | None) -> Sequence[Erasure]:
        """By primary key, from its end."""
        return await self._read(_page, tenant_id, limit, before)

    async def next(self) -> Erasure | None:
        """The first entry of an index."""
        return await self._read(_next)


def _add(connection: Connection, new: Erasure) -> None:
    fixed = {
        "id": new.id,
        "tenant_id": new.tenant_id,
        "dry_run": new.dry_run,
        "note": new.note,
        "created_at": new.created_at,
    }
    _NEW.many(connection, [fixed | _state_row(new)])


def _save(connection: Connection, changed: Erasure) -> None:
    _SAVE.many(connection, [{"the_id": changed.id, **_state_row(changed)}])


def _state_row(changed: Erasure) -> dict[str, Any]:
    return {
        "conversation_id": ERASED_CONVERSATION if changed.subject is None else changed.subject.conversation,
        "state": changed.state.value,
        "part": changed.part.value,
        "position": changed.position,
        "round": changed.round,
        "erased": msgspec.json.encode(changed.erased).decode(),
        "left_over": changed.left,
        "next_at": changed.next_at,
        "finished_at": changed.finished_at,
        "active": None if changed.done else 1,
    }


def _get(connection: Connection, erasure_id: ErasureId) -> Erasure | None:
    return next((_erasure_of(row) for row in _LOCKED.rows(connection, the_id=erasure_id)), None)


def _stored(connection: Connection, tenant_id: TenantId, erasure_id: ErasureId) -> Erasure | None:
    of_tenant = select(erasure).where(erasure.c.id == erasure_id, erasure.c.tenant_id == tenant_id)
    row = connection.execute(of_tenant).mappings().first()
    return _erasure_of(row) if row is not None else None


def _page(connection: Connection, tenant_id: TenantId, limit: int, before: ErasureId | None) -> Sequence[Erasure]:
    statement = select(erasure).where(erasure.c.tenant_id == tenant_id)
    if before is not None:
        statement = statement.where(erasure.c.id < before)
    statement = by_index(statement, erasure).order_by(erasure.c.id.desc()).limit(limit)
    return [_erasure_of(row) for row in connection.execute(statement).mappings()]


def _next(connection: Connection) -> Erasure | None:
    return next((_erasure_of(row) for row in _NEXT.rows(connection)), None)


def prune_erasures(connection: Connection, *, before: int, limit: int, after: str) -> Pruned:
    """Delete those that were done before `before` (epoch ms), by id."""
    old = _OLD.rows(connection, after=after, before=before, limit=limit)
    _DELETE.many(connection, old)
    return Pruned(len(old), str(old[-1]["id"]) if len(old) == limit else None)


def _erasure_of(row: Mapping[Any, Any]) -> Erasure:
    conversation_id = row["conversation_id"]
    counted = msgspec.json.decode(row["erased"])
    return Erasure(
        id=ErasureId(row["id"]),
        tenant_id=TenantId(row["tenant_id"]),
        subject=None if conversation_id == ERASED_CONVERSATION else Subject(conversation_id),
        dry_run=bool(row["dry_run"]),
        note=row["note"],
        created_at=row["created_at"],
        state=ErasureState(row["state"]),
        part=Part(row["part"]),
        position=row["position"],
        round=row["round"],
        erased=Counter({Part(name): count for name, count in counted.items()}),
        left=row["left_over"],
        next_at=row["next_at"],
        finished_at=row["finished_at"],
    )


def _conforms(erasures: SqlErasures, reader: SqlErasureReader) -> tuple[Erasures, ErasureReader]:
    return erasures, reader
