"""Dead letters on SQL."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import updating
from wework_message.adapters.sql.mapping.tables import dead_letter
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.dead_letters import (
    DeadLetter,
    DeadLetterReader,
    DeadLetters,
    DeadLetterSource,
    DeadLetterView,
    Fault,
)

_REPLAYED: Final = updating(dead_letter, {"id": "the_id"}, ["target", "replayed_at"])
_WITHOUT_BODY: Final = [column for column in dead_letter.columns if column.name != "body"]
_faults: Final = msgspec.json.Decoder(tuple[Fault, ...])


class SqlDeadLetters:
    """Dead letters inside one transaction."""

    def __init__(self, run: Run, dialect: Dialect) -> None:
        """`dialect` knows the insert that leaves known ones alone."""
        self._run = run
        self._dialect = dialect

    async def keep(self, letters: Sequence[DeadLetter]) -> int:
        """One multi-row insert that leaves known ones alone."""
        return await self._run(self._keep, letters) if letters else 0

    def _keep(self, connection: Connection, letters: Sequence[DeadLetter]) -> int:
        return max(0, self._dialect.new_dead_letter.many(connection, [_row(letter) for letter in letters]))

    async def replayed(self, letter_id: int, target: str, at: int) -> None:
        """By primary key."""
        await self._run(_replayed, letter_id, target, at)


class SqlDeadLetterReader:
    """Views of the stored dead letters."""

    def __init__(self, read: Run) -> None:
        """`read` runs a query on what is committed."""
        self._read = read

    async def dead_letters(
        self, tenant_id: TenantId, source: DeadLetterSource, *, limit: int, before: int | None
    ) -> Sequence[DeadLetterView]:
        """By the list's index, without the bodies."""
        return await self._read(_page, tenant_id, source, limit, before)

    async def dead_letter(self, tenant_id: TenantId, letter_id: int) -> tuple[DeadLetterView, bytes] | None:
        """By primary key."""
        return await self._read(_letter, tenant_id, letter_id)


def _row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "tenant_id": letter.tenant_id,
        "source": letter.source.value,
        "source_id": letter.source_id,
        "message_id": letter.message_id,
        "reason": letter.reason,
        "faults": msgspec.json.encode(letter.faults).decode(),
        "message_key": letter.key,
        "body": letter.body,
        "size": len(letter.body),
        "deliveries": letter.deliveries,
        "received_at": letter.received_at,
    }


def _replayed(connection: Connection, letter_id: int, target: str, at: int) -> None:
    _REPLAYED.many(connection, [{"the_id": letter_id, "target": target, "replayed_at": at}])


def _page(
    connection: Connection, tenant_id: TenantId, source: DeadLetterSource, limit: int, before: int | None
) -> Sequence[DeadLetterView]:
    columns = dead_letter.c
    statement = select(*_WITHOUT_BODY).where(columns.tenant_id == tenant_id, columns.source == source.value)
    if before is not None:
        statement = statement.where(columns.id < before)
    statement = by_index(statement, dead_letter, "ix_wm_dead_letter_list")
    return [_view(row) for row in connection.execute(statement.order_by(columns.id.desc()).limit(limit))]


def _letter(connection: Connection, tenant_id: TenantId, letter_id: int) -> tuple[DeadLetterView, bytes] | None:
    columns = dead_letter.c
    statement = select(dead_letter).where(columns.id == letter_id, columns.tenant_id == tenant_id)
    row = connection.execute(statement).first()
    return (_view(row), bytes(row.body)) if row is not None else None


def _view(row: Row[Any]) -> DeadLetterView:
    return DeadLetterView(
        id=row.id,
        source=DeadLetterSource(row.source),
        source_id=row.source_id,
        message_id=row.message_id if row.message_id is not None else row.source_id,  # stored before ADR 23
        reason=row.reason,
        faults=_faults.decode(row.faults),
        key=row.message_key,
        size=row.size,
        deliveries=row.deliveries,
        received_at=row.received_at,
        replayed_at=row.replayed_at,
        target=row.target,
    )


def _conforms(letters: SqlDeadLetters, reader: SqlDeadLetterReader) -> tuple[DeadLetters, DeadLetterReader]:
    return letters, reader
