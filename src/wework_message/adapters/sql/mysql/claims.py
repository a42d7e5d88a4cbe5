"""Claims on MySQL and MariaDB: lock due rows, skip locked ones, then read what is before each row in its lane."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    bindparam,
    case,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.sql.selectable import SelectStatementGrouping

from wework_message.adapters.sql.core.dialect import holder_of, literal_number
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.named_claims import named
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.core.turns import BY_TURN, FirstRows, first_of_turn
from wework_message.adapters.sql.mapping.rows import NO_TURN, SCHEDULED_POSITION
from wework_message.adapters.sql.mapping.tables import due
from wework_message.domain.message.scheduling import LanePosition, Urgency

BY_LANE: Final = "ix_wm_due_lane"
"""The index by which lanes are read."""

_CLAIMED: Final = (due.c.seq, due.c.message_id, due.c.urgency, due.c.place, due.c.due_at, due.c.paced, due.c.lane)
_NO_TURN: Final = literal(NO_TURN, literal_execute=True)
_CLASS_WEIGHT: Final = 10**15
"""Makes one number of an urgency class and a serial number."""

_HOLDERS: Final = Query(
    by_index(
        select(due.c.lane).where(
            due.c.lane.in_(bindparam("values", expanding=True)), due.c.place == literal_number(LanePosition.HOLDING)
        ),
        due,
        BY_LANE,
    ).with_for_update(skip_locked=True)
)
_HEADS: Final = Query(
    by_index(select(due.c.seq).where(due.c.seq.in_(bindparam("values", expanding=True))), due).with_for_update(
        skip_locked=True
    )
)


class Lanes:
    """Reads what is before each locked row in its lane.

    A transaction that takes a lane in between breaks a guard of the schema. One that frees it looks for a message to wake
    before it commits: to this claim the lane is busy until then, and a row that is parked behind what has gone would not be
    woken. So a row is behind another one only if that one can be locked: then who frees the lane waits for this claim.
    """

    def __init__(self, now: ColumnElement[int]) -> None:
        """`now` in epoch ms."""
        self._lanes = Query(_lanes(now))

    def __call__(self, connection: Connection, locked: list[dict[str, Any]], now: int) -> list[dict[str, Any]]:
        """The same rows with `holder` and `behind`, without those before which somebody changes their lane now: they stay due."""
        if not locked:
            return []
        fetched = self._lanes.rows(connection, now=now, seqs=[row["seq"] for row in locked])
        lane_of = {row["seq"]: row for row in fetched}
        rows = [row | _lane_fields(row, lane_of[row["seq"]]) for row in locked]
        held = _lock(connection, _HOLDERS, "lane", {row["lane"] for row in rows if row["holder"] is not None})
        heads = _lock(connection, _HEADS, "seq", {seq for row in rows if row["holder"] is None for seq in row["heads"]})
        return [row for row in rows if _is_certain(row, held, heads)]


def _lock(connection: Connection, query: Query, column: str, values: set[Any]) -> set[Any]:
    """Those of `values` whose row could be locked. Nothing is asked for none."""
    return {row[column] for row in query.rows(connection, values=sorted(values))} if values else set()


def _is_certain(row: Mapping[str, Any], held: set[Any], heads: set[Any]) -> bool:
    """Whether nothing is before the row, or what is before it is locked."""
    if row["holder"] is not None:
        return row["lane"] in held
    return not row["heads"] or not heads.isdisjoint(row["heads"])


def first_of_turns(now: ColumnElement[int]) -> FirstRows:
    """Locks the first rows of some accounts and skips locked ones; `now` in epoch ms."""
    return FirstRows(_in_one, lambda place: first_of_turn(_CLAIMED, now, place))


def lock_named(now: ColumnElement[int]) -> Query:
    """The same, of the messages that a wake-up named."""
    return Query(named(_CLAIMED, now).with_for_update(skip_locked=True))


def _lane_fields(row: Mapping[str, Any], lane: Mapping[str, Any]) -> dict[str, Any]:
    """`heads`: serial numbers of what waits before the row."""
    own = row["urgency"] * _CLASS_WEIGHT + row["seq"]
    if row["place"] not in (LanePosition.WAITING.value, SCHEDULED_POSITION):
        return {"holder": None, "behind": False, "heads": frozenset()}
    before = [head for head in (lane["waiting"], lane["scheduled"]) if head is not None and head < own]
    heads = frozenset(head % _CLASS_WEIGHT for head in before)
    return {"holder": lane["holder"], "behind": bool(heads), "heads": heads}


def timed(now: ColumnElement[int]) -> Select[Any]:
    """Rows without a turn whose time has come, locked."""
    return _oldest(now, BY_TURN, due.c.turn == _NO_TURN)


def oldest(now: ColumnElement[int]) -> Select[Any]:
    """Rows whose time has come, locked."""
    return _oldest(now, "ix_wm_due_when")


def _oldest(now: ColumnElement[int], index: str, *also: ColumnElement[bool]) -> Select[Any]:
    """One range of the index for each class, in its order. It ends at the limit, before it has read a backlog."""
    classes = [literal_number(urgency) for urgency in Urgency]
    first = (
        select(*_CLAIMED)
        .where(*also, due.c.urgency.in_(classes), due.c.due_at <= now)
        .order_by(due.c.urgency, due.c.due_at, due.c.seq)
        .limit(bindparam("limit", 0))
    )
    return by_index(first, due, index).with_for_update(skip_locked=True)


def walk() -> CompoundSelect[Any]:
    """From account to account by a loose scan of the index: `>` with a value of another row would read all of it."""
    return union_all(_accounts(bindparam("after", "")), _accounts(bindparam("first", NO_TURN)))


def _accounts(after: ColumnElement[str]) -> SelectStatementGrouping[Select[Any]] | Select[Any]:
    accounts = select(due.c.turn).where(due.c.turn > after).group_by(due.c.turn).order_by(due.c.turn)
    return by_index(accounts.limit(bindparam("steps", 0)), due, BY_TURN).self_group()


def _in_one(selects: Sequence[Select[Any]]) -> CompoundSelect[Any]:
    return union_all(*(rows.with_for_update(skip_locked=True).self_group() for rows in selects))


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
