"""The claim of due rows that a ring named: found by their ids, and not more of them than there are free slots.

Sorted here and not by the database: it would sort what it has locked already, and a set of ids is small.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, select

from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.core.tables import due

IDS: Final[BindParameter[str]] = bindparam("ids", expanding=True)

BY_MESSAGE: Final = "FORCE INDEX (uq_wm_due_message_id)"
"""A planner that read a small table whole would lock rows that nobody asked for."""


def claim_order(row: Mapping[str, Any]) -> tuple[int, int, int]:
    """Most urgent class first, then oldest due, then as they came."""
    return row["urgency"], row["due_at"], row["seq"]


def named(columns: Sequence[ColumnElement[Any]], now: ColumnElement[int]) -> Select[Any]:
    """`columns` of the due rows among `ids` whose time has come; `now` in epoch ms."""
    return select(*columns).where(due.c.message_id.in_(IDS), due.c.due_at <= now).with_hint(due, BY_MESSAGE, "mysql")


class FirstNamed:
    """Which of many ids come first."""

    def __init__(self, now: ColumnElement[int]) -> None:
        """`now` in epoch ms."""
        self._peek = Query(named((due.c.seq, due.c.message_id, due.c.urgency, due.c.due_at), now))

    def of(self, connection: Connection, *, now: int, ids: Sequence[str], most: int) -> list[str]:
        """At most `most` of `ids`, without locks; all of them where there are not more, due or not."""
        if len(ids) <= most:
            return list(ids)
        found = sorted(self._peek.rows(connection, now=now, ids=list(ids)), key=claim_order)
        return [row["message_id"] for row in found[:most]]


class ClaimNamed:
    """Where a unit of work is the only writer, claimed rows need no locks."""

    def __init__(self, columns: Sequence[ColumnElement[Any]], now: ColumnElement[int]) -> None:
        """`columns` are those of the claim; `now` in epoch ms."""
        self._first = FirstNamed(now)
        self._take = Query(named(columns, now))

    def rows(self, connection: Connection, /, **given: Any) -> list[dict[str, Any]]:
        """`now`, `most` and `ids`."""
        ids = self._first.of(connection, **given)
        found = self._take.rows(connection, now=given["now"], ids=ids) if ids else []
        return sorted(found, key=claim_order)
