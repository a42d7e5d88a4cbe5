"""Claims on MySQL and MariaDB: lock due rows, skip locked ones, then read what is before each row in its lane."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, null, select

from wework_message.adapters.sql.core.dialect import holder_of, literal_number
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.named_claims import FirstNamed, claim_order, named
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.rows import SCHEDULED_POSITION
from wework_message.adapters.sql.mapping.tables import due
from wework_message.domain.message.scheduling import LanePosition, Urgency

BY_LANE: Final = "ix_wm_due_lane"
"""The index by which lanes are read."""

_CLAIMED: Final = (due.c.seq, due.c.message_id, due.c.urgency, due.c.place, due.c.due_at, due.c.paced)
_CLASS_WEIGHT: Final = 10**15
"""Makes one number of an urgency class and a serial number."""


class Claim:
    """Locks due rows in the order of their index, class by class; then reads what is before each in its lane.

    The second read takes no locks. A transaction that changes a lane in between breaks a guard of the schema, or waits for
    the rows locked here before it wakes them.
    """

    def __init__(self, now: ColumnElement[int]) -> None:
        """`now` in epoch ms."""
        self._lock = Query(_due(now))
        self._lanes = Query(_lanes(now))

    def rows(self, connection: Connection, /, **parameters: Any) -> list[dict[str, Any]]:
        """`parameters` are `now` and `limit`."""
        locked = self._lock.rows(connection, now=parameters["now"], limit=parameters["limit"])
        return _with_lanes(connection, self._lanes, locked, parameters["now"])


class ClaimNamed:
    """As `Claim`, of the messages that a wake-up named."""

    def __init__(self, now: ColumnElement[int]) -> None:
        """`now` in epoch ms."""
        self._first = FirstNamed(now)
        self._lock = Query(named(_CLAIMED, now).with_for_update(skip_locked=True))
        self._lanes = Query(_lanes(now))

    def rows(self, connection: Connection, /, **parameters: Any) -> list[dict[str, Any]]:
        """`parameters` are `now`, `limit` and `ids`."""
        ids = self._first.of(connection, **parameters)
        locked = self._lock.rows(connection, now=parameters["now"], ids=ids) if ids else []
        return _with_lanes(connection, self._lanes, sorted(locked, key=claim_order), parameters["now"])


def _with_lanes(connection: Connection, lanes: Query, locked: list[dict[str, Any]], now: int) -> list[dict[str, Any]]:
    if not locked:
        return []
    fetched = lanes.rows(connection, now=now, seqs=[row["seq"] for row in locked])
    lane_of = {row["seq"]: row for row in fetched}
    return [row | _lane_fields(row, lane_of[row["seq"]]) for row in locked]


def _lane_fields(row: Mapping[str, Any], lane: Mapping[str, Any]) -> dict[str, Any]:
    own = row["urgency"] * _CLASS_WEIGHT + row["seq"]
    if row["place"] not in (LanePosition.WAITING.value, SCHEDULED_POSITION):
        return {"holder": None, "behind": False}
    heads = [head for head in (lane["waiting"], lane["scheduled"]) if head is not None]
    return {"holder": lane["holder"], "behind": any(head < own for head in heads)}


def _due(now: ColumnElement[int]) -> Select[Any]:
    """One range of the index for each class. It ends at the limit, before it has read a backlog."""
    classes = [literal_number(urgency) for urgency in Urgency]
    first = (
        select(*_CLAIMED)
        .where(due.c.urgency.in_(classes), due.c.due_at <= now)
        .order_by(due.c.urgency, due.c.due_at, due.c.seq)
        .limit(bindparam("limit", 0))
    )
    return by_index(first, due, "ix_wm_due_when").with_for_update(skip_locked=True)


def _lanes(now: ColumnElement[int]) -> Select[Any]:
    waits = due.c.place.in_([literal_number(LanePosition.WAITING), literal_number(SCHEDULED_POSITION)])
    scheduled = due.alias("scheduled")
    lanes = select(
        due.c.seq,
        case((waits, holder_of(due)), else_=null()).label("holder"),
        _first(due.alias("waiting"), LanePosition.WAITING).label("waiting"),
        _first(scheduled, SCHEDULED_POSITION, scheduled.c.due_at <= now).label("scheduled"),
    ).where(due.c.seq.in_(bindparam("seqs", expanding=True)))
    return by_index(lanes, due)


def _first(other: Any, place: int, *also: ColumnElement[bool]) -> ColumnElement[int]:
    """The first of the row's lane in `place`: one row of the index, however long the lane is."""
    first = (
        select(other.c.urgency * literal_number(_CLASS_WEIGHT) + other.c.seq)
        .where(other.c.lane == due.c.lane, other.c.place == literal_number(place), *also)
        .order_by(other.c.urgency, other.c.seq)
        .limit(literal_number(1))
    )
    return by_index(first, other, BY_LANE).scalar_subquery()
