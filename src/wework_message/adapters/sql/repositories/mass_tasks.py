"""Calls of mass sends that the provider named, on SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, select

from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query, updating
from wework_message.adapters.sql.mapping.mass_tables import mass_chunk
from wework_message.adapters.sql.mapping.tables import message
from wework_message.adapters.sql.repositories.mass_reader import chunk_of
from wework_message.domain.ids import Guid, MessageId, ProviderCode
from wework_message.domain.mass.chunks import MassChunk
from wework_message.domain.ports.mass import MassTask

TASK_COLUMNS: Final = ("task_id", "provider_code", "guid", "called_at", "checks", "check_at")
MAX_TASK_ID: Final = 128

_KEY: Final = {"batch_id": "the_batch", "number": "the_number"}
CALLED: Final = updating(mass_chunk, _KEY, TASK_COLUMNS)
"""Rows of `task_row`."""
CHECKED: Final = updating(mass_chunk, {**_KEY, "called_at": "the_call"}, ["checks", "check_at"])
"""Only where the chunk has had no other call."""
_NEXT_CHECK: Final = updating(mass_chunk, _KEY, ["check_at"])
_CHECKS: Final = Query(
    by_index(
        select(mass_chunk)
        .where(mass_chunk.c.check_at <= bindparam("now", 0))
        .order_by(mass_chunk.c.check_at)
        .limit(bindparam("limit", 0)),
        mass_chunk,
        "ix_wm_mass_chunk_check",
    ).with_for_update(skip_locked=True)
)


def members(*conditions: ColumnElement[bool]) -> Query:
    """The messages of a chunk that meet these conditions, in the order of the batch."""
    return Query(
        by_index(
            select(message.c.id)
            .where(
                message.c.batch_id == bindparam("the_batch"),
                message.c.item_index >= bindparam("first", 0),
                message.c.item_index <= bindparam("last", 0),
                beside_index(message.c.account_id) == bindparam("the_account"),
                *conditions,
            )
            .order_by(message.c.item_index),
            message,
            "ix_wm_message_batch",
        )
    )


_RECIPIENTS: Final = members()


def task_row(task: MassTask, check_at: int | None) -> dict[str, Any]:
    """What `CALLED` writes."""
    return {
        "the_batch": task.chunk.batch_id,
        "the_number": task.chunk.number,
        "task_id": task.task_id[:MAX_TASK_ID],
        "provider_code": task.provider_code,
        "guid": task.guid,
        "called_at": task.started_at,
        "checks": task.checks,
        "check_at": check_at,
    }


def due_checks(connection: Connection, *, now: int, limit: int, again_at: int) -> Sequence[MassTask]:
    """What `MassRepository.checks` does; instants by the store's clock."""
    due = _CHECKS.rows(connection, now=now, limit=limit)
    later = [{"the_batch": row["batch_id"], "the_number": row["number"], "check_at": again_at} for row in due]
    _NEXT_CHECK.many(connection, later)
    return [_task(row) for row in due]


def _task(row: Mapping[str, Any]) -> MassTask:
    return MassTask(
        chunk_of(row),
        ProviderCode(row["provider_code"]),
        Guid(row["guid"]),
        row["task_id"],
        row["called_at"],
        row["checks"],
    )


def recipients_of(connection: Connection, chunk: MassChunk) -> Sequence[MessageId]:
    """All messages of a chunk."""
    rows = _RECIPIENTS.rows(
        connection, the_batch=chunk.batch_id, first=chunk.first, last=chunk.last, the_account=chunk.account_id
    )
    return [MessageId(row["id"]) for row in rows]
