"""The claim of due rows that a wake-up named: read by their ids, and not more of them than there are free slots.

Rows are sorted here and not by the database: it would lock them first and sort then, and a set of ids is small.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.tables import due

IDS: Final[BindParameter[str]] = bindparam("ids", expanding=True)

BY_MESSAGE: Final = "uq_wm_due_message_id"
"""The unique index on message ids."""


def claim_order(row: Mapping[str, Any]) -> tuple[int, int, int]:
    """Most urgent class first, then oldest due, then in the order of insertion."""
    return row["urgency"], row["due_at"], row["seq"]


def named(columns: Sequence[ColumnElement[Any]], now: ColumnElement[int]) -> Select[Any]:
    """`columns` of the due rows among `ids` whose time has come; `now` in epoch ms."""
    return by_index(select(*columns).where(due.c.message_id.in_(IDS), due.c.due_at <= now), due, BY_MESSAGE)


class FirstNamed:
    """Which of many ids come first."""

    def __init__(self, now: ColumnElement[int]) -> None:
        """`now` in epoch ms."""
        self._peek = Query(named((due.c.seq, due.c.message_id, due.c.urgency, due.c.due_at), now))

    def of(self, connection: Connection, *, now: int, ids: Sequence[str], limit: int) -> list[str]:
        """At most `limit` of `ids`, read without locks; all of `ids`, due or not, where they are not more."""
        if len(ids) <= limit:
            return list(ids)
        due_rows = sorted(self._peek.rows(connection, now=now, ids=list(ids)), key=claim_order)
        return [row["message_id"] for row in due_rows[:limit]]


class ClaimNamed:
    """A claim without locks, for a database where a unit of work is the only writer."""

    def __init__(self, columns: Sequence[ColumnElement[Any]], now: ColumnElement[int]) -> None:
        """`columns` are those of the claim; `now` in epoch ms."""
        self._first = FirstNamed(now)
        self._take = Query(named(columns, now))

    def rows(self, connection: Connection, /, **parameters: Any) -> list[dict[str, Any]]:
        """`parameters` are `now`, `limit` and `ids`."""
        ids = self._first.of(connection, **parameters)
        claimed = self._take.rows(connection, now=parameters["now"], ids=ids) if ids else []
        return sorted(claimed, key=claim_order)
