"""Mass sends on SQL: what is committed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import Dialect, literal_number
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.mass_tables import mass_chunk
from wework_message.domain.ids import BatchId, MessageId
from wework_message.domain.mass.chunks import MassChunk
from wework_message.domain.message.message import Message
from wework_message.domain.ports.mass import MassReader
from wework_message.domain.ports.queries import ChunkView
from wework_message.domain.ports.system import Clock

_C: Final = mass_chunk.c
_ANY_DUE: Final = Query(
    by_index(
        select(_C.due_at).where(_C.due_at.is_not(None)).order_by(_C.due_at).limit(literal_number(1)),
        mass_chunk,
        "ix_wm_mass_chunk_due",
    )
)
_ANY_CHECK: Final = Query(
    by_index(
        select(_C.check_at).where(_C.check_at.is_not(None)).order_by(_C.check_at).limit(literal_number(1)),
        mass_chunk,
        "ix_wm_mass_chunk_check",
    )
)
_OF_BATCH: Final = Query(
    by_index(
        select(mass_chunk)
        .where(_C.batch_id.in_(bindparam("batches", expanding=True)))
        .order_by(_C.batch_id, _C.number),
        mass_chunk,
    )
)


def chunk_views(connection: Connection, batch_id: BatchId) -> Sequence[ChunkView]:
    """The chunks of a batch, in order."""
    return [
        ChunkView(row["number"], row["recipients"], bool(row["are_rooms"]), row["due_at"], row["task_id"])
        for row in _OF_BATCH.rows(connection, batches=[batch_id])
    ]


def chunk_times(connection: Connection, waiting: Sequence[Message]) -> Mapping[MessageId, int]:
    """When the chunks of messages that wait in them are due."""
    batches = sorted({message.batch_id for message in waiting if message.batch_id is not None})
    if not batches:
        return {}
    chunks = [(chunk_of(row), row["due_at"]) for row in _OF_BATCH.rows(connection, batches=batches)]
    return {
        message.id: due_at
        for message in waiting
        for chunk, due_at in chunks
        if due_at is not None and chunk.has(message)
    }


def chunk_of(row: Mapping[str, Any]) -> MassChunk:
    """A stored chunk."""
    return MassChunk(
        BatchId(row["batch_id"]), row["number"], row["tenant_id"], row["account_id"], bool(row["are_rooms"]),
        row["first_index"], row["last_index"], row["recipients"],
    )  # fmt: skip


class SqlMassReader:
    """What is committed."""

    def __init__(self, read: Run, dialect: Dialect, clock: Clock) -> None:
        """`clock` is the store's where the database has none of its own (D-61)."""
        self._read = read
        self._dialect = dialect
        self._clock = clock

    async def chunk_due(self) -> bool:
        """The first entry of an index."""
        return await self._read(self._chunk_due)

    def _chunk_due(self, connection: Connection) -> bool:
        first = _ANY_DUE.rows(connection)
        return bool(first) and int(first[0]["due_at"]) <= self._dialect.instant(connection, self._clock.now())

    async def check_due(self) -> bool:
        """The same, of another index."""
        return await self._read(self._check_due)

    def _check_due(self, connection: Connection) -> bool:
        first = _ANY_CHECK.rows(connection)
        return bool(first) and int(first[0]["check_at"]) <= self._dialect.instant(connection, self._clock.now())


def _conforms(reader: SqlMassReader) -> MassReader:
    return reader
