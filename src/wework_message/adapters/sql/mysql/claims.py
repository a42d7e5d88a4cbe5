"""Claims on MySQL and MariaDB: lock what is due, pass by what is taken, then look at what stands before it in its lane."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, null, select

from wework_message.adapters.sql.core.dialect import holder_of, literal_number
from wework_message.adapters.sql.core.named_claims import FirstNamed, claim_order, named
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.core.rows import SCHEDULED_POSITION
from wework_message.adapters.sql.core.tables import due
from wework_message.domain.message.scheduling import LanePosition, Urgency

BY_LANE: Final = "FORCE INDEX (ix_wm_due_lane)"
"""What looks into lanes names the index: a planner that reads a small table whole would lock rows that nobody asked for."""

_CLAIMED: Final = (due.c.seq, due.c.message_id, due.c.urgency, due.c.place, due.c.due_at, due.c.paced)
_CLASS_WEIGHT: Final = 10**15
"""Makes one number of an urgency class and a serial number."""


class Claim:
    """Locks due rows in the order of their index, class by class; then reads what stands before each in its lane.

    The second look takes no locks. Whoever changes a lane in between is found by the guards of the schema, or waits for
    the rows locked here before it wakes them.
    """

    def __init__(self, now: ColumnElement[int]) -> None:
        """`now` in epoch ms."""
        self._lock = Query(_due(now))
        self._lanes = Query(_lanes(now))

    def rows(self, connection: Connection, /, **given: Any) -> list[dict[str, Any]]:
        """`now` and `most`."""
        locked = self._lock.rows(connection, now=given["now"], most=given["most"])
        return _with_lanes(connection, self._lanes, locked, given["now"])


class ClaimNamed:
    """The same, of the messages that a ring named."""

    def __init__(self, now: ColumnElement[int]) -> None:
        """`now` in epoch ms."""
        self._first = FirstNamed(now)
        self._lock = Query(named(_CLAIMED, now).with_for_update(skip_locked=True))
        self._lanes = Query(_lanes(now))

    def rows(self, connection: Connection, /, **given: Any) -> list[dict[str, Any]]:
        """`now`, `most` and `ids`."""
        ids = self._first.of(connection, **given)
        locked = self._lock.rows(connection, now=given["now"], ids=ids) if ids else []
        return _with_lanes(connection, self._lanes, sorted(locked, key=claim_order), given["now"])


def _with_lanes(connection: Connection, lanes: Query, locked: list[dict[str, Any]], now: int) -> list[dict[str, Any]]:
    if not locked:
        return []
    found = lanes.rows(connection, now=now, seqs=[row["seq"] for row in locked])
    standing = {row["seq"]: row for row in found}
    return [row | _standing(row, standing[row["seq"]]) for row in locked]


def _standing(row: Mapping[str, Any], lane: Mapping[str, Any]) -> dict[str, Any]:
    own = row["urgency"] * _CLASS_WEIGHT + row["seq"]
    if row["place"] not in (LanePosition.WAITING.value, SCHEDULED_POSITION):
        return {"holder": None, "behind": False}
    first = [one for one in (lane["waiting"], lane["scheduled"]) if one is not None]
    return {"holder": lane["holder"], "behind": any(one < own for one in first)}


def _due(now: ColumnElement[int]) -> Select[Any]:
    """One range of the index for each class; it ends where there are enough, before it has seen a backlog."""
    classes = [literal_number(urgency) for urgency in Urgency]
    return (
        select(*_CLAIMED)
        .where(due.c.urgency.in_(classes), due.c.due_at <= now)
        .order_by(due.c.urgency, due.c.due_at, due.c.seq)
        .limit(bindparam("most", 0))
        .with_hint(due, "FORCE INDEX (ix_wm_due_when)", "mysql")
        .with_for_update(skip_locked=True)
    )


def _lanes(now: ColumnElement[int]) -> Select[Any]:
    waits = due.c.place.in_([literal_number(LanePosition.WAITING), literal_number(SCHEDULED_POSITION)])
    scheduled = due.alias("scheduled")
    return (
        select(
            due.c.seq,
            case((waits, holder_of(due)), else_=null()).label("holder"),
            _first(due.alias("waiting"), LanePosition.WAITING).label("waiting"),
            _first(scheduled, SCHEDULED_POSITION, scheduled.c.due_at <= now).label("scheduled"),
        )
        .where(due.c.seq.in_(bindparam("seqs", expanding=True)))
        .with_hint(due, "FORCE INDEX (PRIMARY)", "mysql")
    )


def _first(other: Any, place: int, *also: ColumnElement[bool]) -> ColumnElement[int]:
    """The first of the row's lane in `place`: one row of the index, however long the lane is."""
    return (
        select(other.c.urgency * literal_number(_CLASS_WEIGHT) + other.c.seq)
        .where(other.c.lane == due.c.lane, other.c.place == literal_number(place), *also)
        .order_by(other.c.urgency, other.c.seq)
        .limit(literal_number(1))
        .with_hint(other, BY_LANE, "mysql")
        .scalar_subquery()
    )
