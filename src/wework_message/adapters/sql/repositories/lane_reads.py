"""Which lanes are busy."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping import rows
from wework_message.adapters.sql.mapping.tables import due
from wework_message.domain.message.scheduling import Lane

_BUSY: Final = Query(
    by_index(
        select(due.c.lane).distinct().where(due.c.lane.in_(bindparam("lanes", expanding=True))), due, "ix_wm_due_lane"
    )
)


def busy_lanes(connection: Connection, lanes: Collection[Lane]) -> frozenset[Lane]:
    """Those of `lanes` that have a due row."""
    by_key = {rows.lane(*lane): lane for lane in lanes}
    return frozenset(by_key[row["lane"]] for row in _BUSY.rows(connection, lanes=list(by_key)))
