"""What mass sends leave behind: days of recipients, and confirmations that nobody gave."""

from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, deleting
from wework_message.adapters.sql.mapping.mass_tables import mass_confirmation, mass_day
from wework_message.domain.mass.day import day_of
from wework_message.domain.ports.maintenance import Pruned

_OLD_DAYS: Final = Query(
    by_index(
        select(mass_day.c.account_id, mass_day.c.day, mass_day.c.conversation_id)
        .where(mass_day.c.day < bindparam("first"))
        .order_by(mass_day.c.day)
        .limit(bindparam("limit", 0)),
        mass_day,
        "ix_wm_mass_day_day",
    )
)
_DELETE_DAY: Final = deleting(
    mass_day, {"account_id": "account_id", "day": "day", "conversation_id": "conversation_id"}
)
OVER: Final = delete(mass_confirmation).where(mass_confirmation.c.expires_at <= bindparam("now"))
"""Confirmations that came too late for `now`, epoch ms."""


def prune_mass_sends(connection: Connection, *, before: int, now: int, limit: int) -> Pruned:
    """Days that ended before `before` wherever they were, and confirmations that are over `now`; both in epoch ms."""
    connection.execute(OVER, {"now": now})
    first = day_of(before, "UTC")
    old = _OLD_DAYS.rows(connection, first=first, limit=limit)
    _DELETE_DAY.many(connection, old)
    return Pruned(len(old), first if len(old) == limit else None)
