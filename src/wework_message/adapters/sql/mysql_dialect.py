"""MySQL 8 and MariaDB 10.6 or newer, in the words that both understand.

Units of work run at the same time, in this process and in others, under READ COMMITTED. So a claim locks the due rows it
takes and skips those that are taken; statements name their index, since a planner that reads a small table whole would
lock rows that nobody asked for; and instants come from the server's clock, in the statement that writes or compares them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    case,
    false,
    literal_column,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects import mysql

from wework_message.adapters.sql.dialect import DUE_DEFAULTS, holder_of, literal_number
from wework_message.adapters.sql.duty_table import duty
from wework_message.adapters.sql.multirow import Joined
from wework_message.adapters.sql.prepared import Prepared, Query, parameters
from wework_message.adapters.sql.rows import SCHEDULED_PLACE
from wework_message.adapters.sql.tables import account, binding, callback, due, finished, idempotency_key
from wework_message.domain.agenda import Place, Urgency

SERVER_NOW: Final = "CAST(UNIX_TIMESTAMP(CURRENT_TIMESTAMP(3)) * 1000 AS SIGNED)"
"""Epoch ms at the start of the statement, by the server's clock."""

_BY_MESSAGE: Final = "uq_wm_due_message_id"
_BY_LANE: Final = "FORCE INDEX (ix_wm_due_lane)"
_CLASS_WEIGHT: Final = 10**15
"""Makes one number of an urgency class and a serial number."""


class MysqlDialect:
    """Statements for MySQL and MariaDB."""

    def __init__(self, *, server_clock: bool = True) -> None:
        """`server_clock` false: instants are the journal's clock's, as tests that turn it need."""
        server = literal_column(SERVER_NOW, BigInteger())
        self._now: ColumnElement[int] = server if server_clock else bindparam("now", type_=BigInteger())
        self._read_now: ColumnElement[int] = server if server_clock else bindparam("now", 0)
        self._server_clock = server_clock
        self._joined_now = SERVER_NOW if server_clock else "v.now"

    @cached_property
    def new_key(self) -> Prepared:
        """ON DUPLICATE KEY UPDATE of nothing; it waits for a transaction that is about to take the key."""
        return _insert_new(idempotency_key)

    @cached_property
    def new_callback(self) -> Prepared:
        """ON DUPLICATE KEY UPDATE of nothing: known rows are not counted as changed."""
        return _insert_new(callback, "id", "tenant_id", "message_id", "waits_for")

    @cached_property
    def new_account(self) -> Prepared:
        """ON DUPLICATE KEY UPDATE of nothing."""
        return _insert_new(account)

    @cached_property
    def new_binding(self) -> Prepared:
        """ON DUPLICATE KEY UPDATE of nothing."""
        return _insert_new(binding)

    @cached_property
    def new_due(self) -> Prepared:
        """INSERT with the server's clock."""
        values = parameters(due, without=(*DUE_DEFAULTS, "due_at")) | {"due_at": self._now + bindparam("in_ms")}
        return Prepared(mysql.insert(due).values(values))

    @cached_property
    def due_again(self) -> "DueAgain":
        """UPDATE of known rows, INSERT of the others."""
        return DueAgain(self.new_due, self._moved("place", "parked"))

    @cached_property
    def departed(self) -> "DueAgain":
        """UPDATE of known rows, INSERT of the others."""
        return DueAgain(self.new_due, self._moved("place", "parked", "paced"))

    @cached_property
    def count(self) -> Prepared:
        """ON DUPLICATE KEY UPDATE total = total + new."""
        statement = mysql.insert(finished).values(parameters(finished))
        return Prepared(statement.on_duplicate_key_update(total=finished.c.total + statement.inserted.total))

    @cached_property
    def wake_next(self) -> "WakeNext":
        """First look, then UPDATE: MySQL lets no update read its own table (error 1093)."""
        return WakeNext(self._woken(due.c.seq, "PRIMARY"))

    @cached_property
    def wake_all(self) -> "WakeAll":
        """One update for all lanes."""
        return WakeAll(self._woken(due.c.lane, "ix_wm_due_lane"))

    @cached_property
    def new_duty(self) -> Prepared:
        """ON DUPLICATE KEY UPDATE of nothing."""
        return _insert_new(duty)

    def instant(self, connection: Connection, now: int) -> int:
        """Asked of the server."""
        if not self._server_clock:
            return now
        asked = connection.exec_driver_sql(f"SELECT {SERVER_NOW}").scalar_one()
        return int(asked)

    @cached_property
    def claim(self) -> "Claim":
        """FOR UPDATE SKIP LOCKED, then a look at the lanes."""
        return Claim(self._read_now)

    def _moved(self, *columns: str) -> Prepared:
        sets = {name: f"v.{name}" for name in columns} | {"due_at": f"{self._joined_now} + v.in_ms"}
        names = ["message_id", *columns, "in_ms", "now"]
        joined = Joined(due.name, _BY_MESSAGE, {"message_id": "message_id"}, sets, names)
        return Prepared(text(""), joined)

    def _woken(self, column: ColumnElement[Any], index: str) -> "Woken":
        return Woken(column, index, self._now)


def _insert_new(table: Table, *without: str) -> Prepared:
    """Unlike INSERT IGNORE it swallows no other error."""
    statement = mysql.insert(table).values(parameters(table, without=without))
    first = next(iter(table.primary_key.columns))
    return Prepared(statement.on_duplicate_key_update({first.name: first}))


class DueAgain:
    """Moves due rows.

    Not an INSERT .. ON DUPLICATE KEY UPDATE: that locks the gap before each key it finds and uses up a serial number for
    each row. Whoever saves a message has it locked, so nobody else inserts its due row in between.
    """

    _KNOWN: Final = Query(
        select(due.c.message_id)
        .where(due.c.message_id.in_(bindparam("ids", expanding=True)))
        .with_hint(due, f"FORCE INDEX ({_BY_MESSAGE})", "mysql")
    )

    def __init__(self, new: Prepared, moved: Prepared) -> None:
        """`moved` updates rows by message."""
        self._new = new
        self._moved = moved

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Returns how many rows changed or are new."""
        wanted = list(rows)
        if not wanted:
            return 0
        known = {one["message_id"] for one in self._KNOWN.rows(connection, ids=[row["message_id"] for row in wanted])}
        changed = self._moved.many(connection, [row for row in wanted if row["message_id"] in known])
        return changed + self._new.many(connection, [row for row in wanted if row["message_id"] not in known])


class Woken:
    """Makes the parked waiting rows due whose `column` is one of some values."""

    def __init__(self, column: ColumnElement[Any], index: str, now: ColumnElement[int]) -> None:
        """`index` begins with `column`."""
        self._update = (
            update(due)
            .where(column.in_(bindparam("ones", expanding=True)), due.c.place == Place.WAITING.value, due.c.parked)
            .values(due_at=now, parked=false())
            .with_hint(f"FORCE INDEX ({index})", dialect_name="mysql")
        )

    def __call__(self, connection: Connection, ones: Sequence[Any], now: int) -> int:
        """Returns how many."""
        if not ones:
            return 0
        return connection.execute(self._update, {"ones": ones, "now": now}).rowcount


_FIRST_OF_LANE: Final = (
    f"(SELECT d.seq FROM wm_due AS d {_BY_LANE} WHERE d.lane = v.lane AND d.place = {Place.WAITING.value}"  # noqa: S608 -- constants
    " ORDER BY d.urgency, d.seq LIMIT 1)"
)


class WakeNext:
    """Wakes the first waiting message of each lane, whoever it is by now."""

    def __init__(self, woken: Woken) -> None:
        """`woken` by serial number."""
        self._woken = woken

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Returns how many were woken. A claim that has the message locked is waited for: it may be parking it."""
        wanted = list(rows)
        if not wanted:
            return 0
        lanes = list(dict.fromkeys(row["the_lane"] for row in wanted))
        given = "SELECT %s AS lane" + " UNION ALL SELECT %s" * (len(lanes) - 1)
        found = connection.exec_driver_sql(f"SELECT {_FIRST_OF_LANE} AS seq FROM ({given}) AS v", tuple(lanes))  # noqa: S608 -- constants and places of parameters
        return self._woken(connection, sorted(seq for (seq,) in found if seq is not None), wanted[0]["now"])


class WakeAll:
    """Wakes every parked message of each lane."""

    def __init__(self, woken: Woken) -> None:
        """`woken` by lane."""
        self._woken = woken

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Returns how many."""
        wanted = list(rows)
        return self._woken(connection, sorted({row["the_lane"] for row in wanted}), wanted[0]["now"]) if wanted else 0


class Claim:
    """Locks due rows, class by class, until there are enough; then reads what stands before each in its lane.

    The second look takes no locks. Whoever changes a lane in between is found by the guards of the schema, or waits for
    the rows locked here before it wakes them.
    """

    def __init__(self, now: ColumnElement[int]) -> None:
        """`now` in epoch ms."""
        self._lock = Query(_due_of_class(now))
        self._lanes = Query(_lanes(now))

    def rows(self, connection: Connection, /, **given: Any) -> list[dict[str, Any]]:
        """`now` and `most`."""
        locked: list[dict[str, Any]] = []
        for urgency in Urgency:
            if (room := given["most"] - len(locked)) > 0:
                locked += self._lock.rows(connection, now=given["now"], most=room, urgency=urgency.value)
        if not locked:
            return []
        found = self._lanes.rows(connection, now=given["now"], seqs=[row["seq"] for row in locked])
        lanes = {row["seq"]: row for row in found}
        return [row | _standing(row, lanes[row["seq"]]) for row in locked]


def _standing(row: Mapping[str, Any], lane: Mapping[str, Any]) -> dict[str, Any]:
    own = row["urgency"] * _CLASS_WEIGHT + row["seq"]
    if row["place"] not in (Place.WAITING.value, SCHEDULED_PLACE):
        return {"holder": None, "behind": False}
    first = [one for one in (lane["waiting"], lane["scheduled"]) if one is not None]
    return {"holder": lane["holder"], "behind": any(one < own for one in first)}


def _due_of_class(now: ColumnElement[int]) -> Select[Any]:
    return (
        select(due.c.seq, due.c.message_id, due.c.urgency, due.c.place, due.c.due_at, due.c.paced)
        .where(due.c.urgency == bindparam("urgency", 0), due.c.due_at <= now)
        .order_by(due.c.due_at, due.c.seq)
        .limit(bindparam("most", 0))
        .with_hint(due, "FORCE INDEX (ix_wm_due_when)", "mysql")
        .with_for_update(skip_locked=True)
    )


def _lanes(now: ColumnElement[int]) -> Select[Any]:
    waits = due.c.place.in_([literal_number(Place.WAITING), literal_number(SCHEDULED_PLACE)])
    scheduled = due.alias("scheduled")
    return (
        select(
            due.c.seq,
            case((waits, holder_of(due)), else_=null()).label("holder"),
            _first(due.alias("waiting"), Place.WAITING).label("waiting"),
            _first(scheduled, SCHEDULED_PLACE, scheduled.c.due_at <= now).label("scheduled"),
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
        .with_hint(other, _BY_LANE, "mysql")
        .scalar_subquery()
    )
