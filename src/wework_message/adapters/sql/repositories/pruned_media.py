"""Media assets that nobody needs any more, on SQL: after a while without use, and with the messages of an erased person."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, literal, or_, select

from wework_message.adapters.sql.core.dialect import Dialect, literal_number
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query, deleting
from wework_message.adapters.sql.mapping.media_tables import media, media_use
from wework_message.adapters.sql.mapping.tables import message
from wework_message.adapters.sql.repositories.invariants import smallest_id
from wework_message.adapters.sql.repositories.media_assets import IDS, delete_with_previews, has_parents, is_named
from wework_message.domain.lifecycle import RESTING
from wework_message.domain.ports.maintenance import Pruned

_RESTING: Final = [literal(status.value, literal_execute=True) for status in sorted(RESTING)]
_END: Final = "~"
"""Behind every id."""

_OLD: Final = Query(
    by_index(
        select(media.c.id)
        .where(media.c.id >= bindparam("after"), media.c.id < bindparam("until"))
        .order_by(media.c.id)
        .limit(bindparam("limit", 0)),
        media,
    )
)
_UNLOCKED: Final = Query(
    by_index(select(media).where(media.c.id.in_(IDS)), media).with_for_update(skip_locked=True)
)  # fmt: skip
_USES: Final = Query(
    by_index(
        select(media_use.c.message_id)
        .where(media_use.c.media_id == bindparam("the_media"), media_use.c.message_id < bindparam("before"))
        .order_by(media_use.c.message_id.desc())
        .limit(bindparam("limit", 0)),
        media_use,
        "ix_wm_media_use_media",
    )
)
_KEEPING: Final = Query(
    by_index(
        select(message.c.id)
        .where(
            message.c.id.in_(IDS),
            or_(beside_index(message.c.status).not_in(_RESTING), message.c.updated_at >= bindparam("since", 0)),
        )
        .limit(literal_number(1)),
        message,
    )
)
_OF_MESSAGES: Final = Query(
    by_index(select(media_use.c.media_id).distinct().where(media_use.c.message_id.in_(IDS)), media_use)
)
_LOCKED: Final = Query(by_index(select(media).where(media.c.id.in_(IDS)), media).with_for_update())
DELETE_USES: Final = deleting(media_use, {"message_id": "id"})


def prune_media(connection: Connection, dialect: Dialect, *, before: int, limit: int, after: str, now: int) -> Pruned:
    """What `Pruning.media` does. A position is the asset that was looked at last, and of one with many uses the last use."""
    walk = _Walk(connection, before, limit)
    reached, _, use = after.partition(" ")
    rows = _OLD.rows(connection, after=reached, until=smallest_id(before), limit=limit + 1)
    ids = [row["id"] for row in rows if use or row["id"] != reached][:limit]
    position: str | None = None
    free = []
    for media_id in ids:
        position = walk.through(media_id, use if media_id == reached else "")
        if walk.is_free:
            free.append(media_id)
        if position is not None:
            break
        if walk.left <= 0:
            position = media_id
            break
    deleted = _delete(connection, dialect, free, before, limit, now)
    if position is None and len(ids) == limit:
        position = ids[-1]
    return Pruned(deleted, position)


class _Walk:
    """Looks at the uses of assets, newest first, and at no more than so many rows."""

    def __init__(self, connection: Connection, since: int, limit: int) -> None:
        self._connection = connection
        self._since = since
        self._limit = limit
        self.left = limit
        self.is_free = False

    def through(self, media_id: str, before: str) -> str | None:
        """`is_free` says whether no message keeps it; returns the position where it is not through."""
        self.is_free = False
        uses = _uses(self._connection, media_id, before or _END, self._limit)
        self.left -= max(1, len(uses))
        if _is_kept(self._connection, uses, self._since):
            return None
        if len(uses) == self._limit:
            return f"{media_id} {uses[-1]}"
        self.is_free = True
        return None


def _uses(connection: Connection, media_id: str, before: str, limit: int) -> list[str]:
    return [row["message_id"] for row in _USES.rows(connection, the_media=media_id, before=before, limit=limit)]


def _is_kept(connection: Connection, message_ids: Sequence[str], since: int) -> bool:
    return bool(message_ids) and bool(_KEEPING.rows(connection, ids=list(message_ids), since=since))


def _delete(
    connection: Connection, dialect: Dialect, media_ids: Sequence[str], since: int, limit: int, now: int
) -> int:
    """Those of them that nobody has begun to use meanwhile. Another transaction may be about to: its assets are locked."""
    if not media_ids:
        return 0
    unlocked = _UNLOCKED.rows(connection, ids=list(media_ids))
    shown = has_parents(connection, [row["id"] for row in unlocked])
    free = [
        row
        for row in unlocked
        if row["id"] not in shown and not _is_kept(connection, _uses(connection, row["id"], _END, limit), since)
    ]
    return delete_with_previews(connection, dialect, free, now)


def forget_uses(connection: Connection, dialect: Dialect, message_ids: Sequence[str], now: int) -> None:
    """The messages are erased: they name no asset any more, and those that no other message names go."""
    used = [row["media_id"] for row in _OF_MESSAGES.rows(connection, ids=list(message_ids))] if message_ids else []
    if not used:
        return
    locked: Sequence[dict[str, Any]] = _LOCKED.rows(connection, ids=sorted(used))
    DELETE_USES.many(connection, [{"id": message_id} for message_id in message_ids])
    shown = has_parents(connection, [row["id"] for row in locked])
    alone = [row for row in locked if row["id"] not in shown and not is_named(connection, row["id"])]
    delete_with_previews(connection, dialect, alone, now)
