"""The texts of finished callbacks go before their rows: by state and id, and changes by key."""

from typing import Final

from sqlalchemy import BindParameter, Connection, bindparam, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, updating
from wework_message.adapters.sql.mapping.tables import callback
from wework_message.domain.inbox import ERASED_RAW, InboxState, Walk
from wework_message.domain.ports.maintenance import Pruned

_LIMIT: Final[BindParameter[int]] = bindparam("limit", 0)
_OLDEST: Final = Query(
    by_index(
        select(callback.c.id, callback.c.received_at, (callback.c.raw != ERASED_RAW).label("is_full"))
        .where(callback.c.state == bindparam("the_state"), callback.c.id > bindparam("after", 0))
        .order_by(callback.c.id)
        .limit(_LIMIT),
        callback,
        "ix_wm_callback_state",
    )
)
_EMPTY: Final = updating(callback, {"id": "id", "state": "state"}, ["raw", "waits_for"])


def erase_texts(connection: Connection, state: InboxState, *, before: int, limit: int, walk: Walk) -> Pruned:
    """What `Pruning.texts` does with those that were received before `before` (epoch ms)."""
    oldest = _OLDEST.rows(connection, the_state=state.value, after=walk.after, limit=limit)
    old = [row for row in oldest if row["received_at"] < before]
    full = [
        {"id": row["id"], "state": state.value, "raw": ERASED_RAW, "waits_for": None} for row in old if row["is_full"]
    ]
    erased = _EMPTY.many(connection, full)
    following = walk.following([row["id"] for row in oldest], limit, old=bool(old))
    return Pruned(erased, str(following) if following is not None else None)
