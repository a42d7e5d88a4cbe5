"""Which messages wait for which assets, on SQL."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import literal_number
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query, updating
from wework_message.adapters.sql.mapping.media_tables import media_job, media_use
from wework_message.adapters.sql.repositories.media_assets import BY_ID, IDS, with_parents
from wework_message.domain.ids import MessageId
from wework_message.domain.ports.media import MAX_WAITING

_PIECE: Final = 500
"""Messages in one list of ids."""

_WAITING: Final = Query(
    by_index(
        select(media_use.c.message_id, media_use.c.media_id)
        .where(media_use.c.media_id.in_(IDS), media_use.c.waits == literal_number(1))
        .limit(bindparam("limit", 0)),
        media_use,
        "ix_wm_media_use_waits",
    )
)
_WAITS_NO_MORE: Final = updating(media_use, {"message_id": "message_id", "media_id": "media_id"}, ["waits"])
_WAITS: Final = updating(media_use, {"message_id": "message_id"}, ["waits"])
_WAIT_FOR: Final = Query(
    by_index(
        select(media_use.c.message_id, media_use.c.media_id).where(
            media_use.c.message_id.in_(IDS), beside_index(media_use.c.waits) == literal_number(1)
        ),
        media_use,
    )
)
_JOBS: Final = Query(
    by_index(
        select(media_job.c.subject).where(
            media_job.c.tenant_id == bindparam("the_tenant"),
            media_job.c.subject.in_(bindparam("subjects", expanding=True)),
        ),
        media_job,
    )
)


def take_waiting(connection: Connection, media_ids: Sequence[str], *, made: bool) -> Sequence[MessageId]:
    """The messages that wait for these assets, or for their videos; they are not marked any more.

    Where something was `made`, those that wait for more, with jobs of its own, are left to the end of these.
    """
    if not media_ids:
        return ()
    rows = _WAITING.rows(connection, ids=list(with_parents(connection, media_ids)), limit=MAX_WAITING)
    _WAITS_NO_MORE.many(connection, [row | {"waits": None} for row in rows])
    waiting = {row["message_id"] for row in rows}
    return sorted(
        MessageId(message_id) for message_id in waiting - (_wait_for_more(connection, waiting) if made else set())
    )


def _wait_for_more(connection: Connection, message_ids: set[str]) -> set[str]:
    """Those that are marked for other assets that somebody fetches or uploads: two ends at once may each leave one to the other."""
    ordered = sorted(message_ids)
    uses = [
        row
        for start in range(0, len(ordered), _PIECE)
        for row in _WAIT_FOR.rows(connection, ids=ordered[start : start + _PIECE])
    ]
    busy = _being_made(connection, sorted({row["media_id"] for row in uses}))
    return {row["message_id"] for row in uses if row["media_id"] in busy}


def _being_made(connection: Connection, media_ids: Sequence[str]) -> set[str]:
    """Those of these assets that have jobs."""
    busy: set[str] = set()
    for start in range(0, len(media_ids), _PIECE):
        assets = BY_ID.rows(connection, ids=list(media_ids[start : start + _PIECE]))
        for tenant_id in sorted({row["tenant_id"] for row in assets}):
            own = {row["id"]: row["sha256"] or row["id"] for row in assets if row["tenant_id"] == tenant_id}
            jobs = _JOBS.rows(connection, the_tenant=tenant_id, subjects=sorted(set(own.values())))
            subjects = {row["subject"] for row in jobs}
            busy |= {media_id for media_id, subject in own.items() if subject in subjects}
    return busy


def mark_waiting(connection: Connection, message_ids: Sequence[MessageId]) -> None:
    """These messages became HELD for media."""
    _WAITS.many(connection, [{"message_id": message_id, "waits": 1} for message_id in message_ids])
