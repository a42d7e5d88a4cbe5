"""SQLite's statements."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    Table,
    bindparam,
    case,
    exists,
    false,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects import sqlite

from wework_message.adapters.sql.core.dialect import DUE_DEFAULTS, InsertStatements, holder_of, literal_number
from wework_message.adapters.sql.core.named_claims import named
from wework_message.adapters.sql.core.prepared import Prepared, Query, inserting, parameters
from wework_message.adapters.sql.core.turns import (
    ClaimByAge,
    ClaimInTurn,
    ClaimNamed,
    FirstRows,
    as_read,
    first_of_turn,
    walk,
)
from wework_message.adapters.sql.mapping.rows import NO_TURN, SCHEDULED_POSITION
from wework_message.adapters.sql.mapping.tables import due
from wework_message.domain.message.scheduling import LanePosition, Urgency


class SqliteDialect(InsertStatements):
    """SQLite 3.35 or newer. A unit of work begins IMMEDIATE: it is the only writer, so a claim needs no row locks."""

    writes_alone: Final = True
    keeps_room: Final = False
    """Every commit writes whole pages anyway: room only makes them more."""

    @contextmanager
    def overwriting(self, connection: Connection) -> Iterator[None]:
        """`secure_delete`, which is too much work for every commit."""
        before = connection.exec_driver_sql("PRAGMA secure_delete").scalar_one()
        connection.exec_driver_sql("PRAGMA secure_delete = ON").close()
        try:
            yield
        finally:
            connection.exec_driver_sql(f"PRAGMA secure_delete = {int(before)}").close()

    @cached_property
    def new_due(self) -> Prepared:
        return inserting(due, without=DUE_DEFAULTS)

    @cached_property
    def reschedule(self) -> Prepared:
        """ON CONFLICT DO UPDATE."""
        return _upsert_due("place", "parked", "due_at", "in_ms", "turn")

    @cached_property
    def call_started(self) -> Prepared:
        """ON CONFLICT DO UPDATE."""
        return _upsert_due("place", "parked", "due_at", "in_ms", "turn", "paced")

    @cached_property
    def wake_next(self) -> Prepared:
        following = due.alias("following")
        first = (
            select(following.c.seq)
            .where(following.c.lane == bindparam("the_lane"), following.c.place == LanePosition.WAITING.value)
            .order_by(following.c.urgency, following.c.seq)
            .limit(1)
            .scalar_subquery()
        )
        woken = {"due_at": bindparam("now"), "parked": false()}
        return Prepared(update(due).where(due.c.seq == first, due.c.parked).values(woken))

    @cached_property
    def wake_all(self) -> Prepared:
        parked = (due.c.lane == bindparam("the_lane"), due.c.place == LanePosition.WAITING.value, due.c.parked)
        return Prepared(update(due).where(*parked).values(due_at=bindparam("now"), parked=false()))

    def instant(self, connection: Connection, now: int) -> int:  # noqa: ARG002 -- a file has no clock
        """By the process's clock: processes that share a file share a machine."""
        return now

    @cached_property
    def claim(self) -> ClaimInTurn:
        """In turns."""
        first = FirstRows(_in_one, lambda place: first_of_turn(_claimed_columns(), _NOW, place))
        return ClaimInTurn(Query(_oldest(due.c.turn == _NO_TURN)), Query(walk(_NOW)), first, as_read)

    @cached_property
    def claim_by_age(self) -> ClaimByAge:
        """One index range per urgency class."""
        return ClaimByAge(Query(_oldest()), as_read)

    @cached_property
    def claim_named(self) -> ClaimNamed:
        """By the unique index on message ids."""
        return ClaimNamed(_NOW, Query(named(_claimed_columns(), _NOW)), as_read)

    def _insert_new(self, table: Table, *without: str) -> Prepared:
        """ON CONFLICT DO NOTHING."""
        return Prepared(sqlite.insert(table).values(parameters(table, without=without)).on_conflict_do_nothing())

    def _insert_or_add(self, table: Table, column: str) -> Prepared:
        """ON CONFLICT DO UPDATE."""
        statement = sqlite.insert(table).values(parameters(table))
        added = table.c[column] + statement.excluded[column]
        return Prepared(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_={column: added}))


def _upsert_due(*columns: str) -> Prepared:
    statement = sqlite.insert(due).values(parameters(due, without=DUE_DEFAULTS))
    changed = {name: statement.excluded[name] for name in columns}
    return Prepared(statement.on_conflict_do_update(index_elements=["message_id"], set_=changed))


_NOW: Final[BindParameter[int]] = bindparam("now", 0)
_NO_TURN: Final = literal(NO_TURN, literal_execute=True)


def _claimed_columns() -> Sequence[ColumnElement[Any]]:
    waits = due.c.place.in_(_literals(LanePosition.WAITING, SCHEDULED_POSITION))
    return (
        due.c.seq, due.c.message_id, due.c.urgency, due.c.place, due.c.due_at, due.c.paced, due.c.lane,
        case((waits, holder_of(due)), else_=null()).label("holder"),
        case((waits, _behind()), else_=literal_number(0)).label("behind"),
    )  # fmt: skip


def _oldest(*also: ColumnElement[bool]) -> Select[Any]:
    """One index range per urgency class, so that a backlog of one class is not read for another."""
    merged = _in_one([_oldest_of_class(urgency, *also) for urgency in Urgency]).subquery()
    order = (merged.c.urgency, merged.c.due_at, merged.c.seq)
    return select(merged).order_by(*order).limit(bindparam("limit", 0))


def _oldest_of_class(urgency: Urgency, *also: ColumnElement[bool]) -> Select[Any]:
    return (
        select(*_claimed_columns())
        .where(*also, due.c.urgency == literal_number(urgency), due.c.due_at <= _NOW)
        .order_by(due.c.due_at, due.c.seq)
        .limit(bindparam("limit", 0))
    )


def _in_one(selects: Sequence[Select[Any]]) -> CompoundSelect[Any]:
    return union_all(*(select(rows.subquery()) for rows in selects))


def _behind() -> ColumnElement[bool]:
    other = due.alias()
    earlier = tuple_(other.c.urgency, other.c.seq) < tuple_(due.c.urgency, due.c.seq)
    in_line = or_(
        other.c.place == literal_number(LanePosition.WAITING),
        (other.c.place == literal_number(SCHEDULED_POSITION)) & (other.c.due_at <= _NOW),
    )
    return exists(select(literal_number(1)).where(other.c.lane == due.c.lane, in_line, earlier))


def _literals(*numbers: int) -> Sequence[ColumnElement[int]]:
    return [literal_number(number) for number in numbers]
