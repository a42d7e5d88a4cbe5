"""MySQL 8 and MariaDB 10.6 or newer, in SQL that both understand.

Units of work run at the same time, in this process and in others, under READ COMMITTED. So a claim locks the due rows it
takes and skips those that are taken; statements name their index, since a planner that reads a small table whole would
lock rows that the statement is not about; and instants come from the server's clock, in the statement that writes or compares them.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    false,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects import mysql

from wework_message.adapters.sql.core.dialect import DUE_DEFAULTS, InsertStatements
from wework_message.adapters.sql.core.execution import executed
from wework_message.adapters.sql.core.index_hints import by_index, updating_by_index
from wework_message.adapters.sql.core.named_claims import BY_MESSAGE, IDS
from wework_message.adapters.sql.core.prepared import Change, KeyedChange, Prepared, Query, padded_keys, parameters
from wework_message.adapters.sql.core.turns import ClaimByAge, ClaimInTurn, ClaimNamed
from wework_message.adapters.sql.mapping.tables import due
from wework_message.adapters.sql.mysql.claims import BY_LANE, Lanes, first_of_turns, lock_named, oldest, timed, walk
from wework_message.domain.message.scheduling import LanePosition

SERVER_NOW: Final = "CAST(UNIX_TIMESTAMP(CURRENT_TIMESTAMP(3)) * 1000 AS SIGNED)"
"""Epoch ms at the start of the statement, by the server's clock."""


class MysqlDialect(InsertStatements):
    """Statements for MySQL and MariaDB."""

    writes_alone: Final = False
    keeps_room: Final = True
    """InnoDB writes a full page anew when one of its rows grows (ADR 37)."""

    def __init__(self, *, server_clock: bool = True) -> None:
        """`server_clock` False: instants come from the repository's clock, which tests can set."""
        server = literal_column(SERVER_NOW, BigInteger())
        self._now: ColumnElement[int] = server if server_clock else bindparam("now", type_=BigInteger())
        self._read_now: ColumnElement[int] = server if server_clock else bindparam("now", 0)
        self._server_clock = server_clock
        self._joined_now = SERVER_NOW if server_clock else "v.now"

    @cached_property
    def new_due(self) -> Prepared:
        """INSERT with the server's clock."""
        values = parameters(due, without=(*DUE_DEFAULTS, "due_at")) | {"due_at": self._now + bindparam("in_ms")}
        return Prepared(mysql.insert(due).values(values))

    @cached_property
    def reschedule(self) -> "Reschedule":
        """UPDATE of known rows, INSERT of the others."""
        return Reschedule(self.new_due, self._moved("place", "parked", "in_ms", "turn"))

    @cached_property
    def call_started(self) -> "Reschedule":
        """UPDATE of known rows, INSERT of the others."""
        return Reschedule(self.new_due, self._moved("place", "parked", "in_ms", "turn", "paced"))

    @cached_property
    def wake_next(self) -> "WakeNext":
        """SELECT, then UPDATE: MySQL lets no update read its own table (error 1093)."""
        return WakeNext(self._wake(due.c.seq, None))

    @cached_property
    def wake_all(self) -> "WakeAll":
        """One update for all lanes."""
        return WakeAll(self._wake(due.c.lane, "ix_wm_due_lane"))

    def instant(self, connection: Connection, now: int) -> int:
        if not self._server_clock:
            return now
        ((server_now,),) = executed(connection, f"SELECT {SERVER_NOW}").rows
        return int(server_now)

    @cached_property
    def claim(self) -> ClaimInTurn:
        """FOR UPDATE SKIP LOCKED, then a read of the lanes."""
        now = self._read_now
        return ClaimInTurn(Query(timed(now)), Query(walk()), first_of_turns(now), Lanes(now))

    @cached_property
    def claim_by_age(self) -> ClaimByAge:
        """FOR UPDATE SKIP LOCKED, then a read of the lanes."""
        return ClaimByAge(Query(oldest(self._read_now)), Lanes(self._read_now))

    @cached_property
    def claim_named(self) -> ClaimNamed:
        """FOR UPDATE SKIP LOCKED by the unique index on message ids, then a read of the lanes."""
        return ClaimNamed(self._read_now, lock_named(self._read_now), Lanes(self._read_now))

    def _insert_new(self, table: Table, *without: str) -> Prepared:
        """ON DUPLICATE KEY UPDATE of nothing: unlike INSERT IGNORE it swallows no other error.

        Known rows are not counted as changed. It waits for a transaction that is about to take the key.
        """
        statement = mysql.insert(table).values(parameters(table, without=without))
        first = next(iter(table.primary_key.columns))
        return Prepared(statement.on_duplicate_key_update({first.name: first}))

    def _insert_or_add(self, table: Table, column: str) -> Prepared:
        """ON DUPLICATE KEY UPDATE."""
        statement = mysql.insert(table).values(parameters(table))
        return Prepared(statement.on_duplicate_key_update({column: table.c[column] + statement.inserted[column]}))

    def _moved(self, *columns: str) -> Prepared:
        sets = {name: f"v.{name}" for name in columns} | {"due_at": f"{self._joined_now} + v.in_ms"}
        names = ["message_id", *columns, "now"]
        change = KeyedChange(due.name, BY_MESSAGE, {"message_id": "message_id"}, sets, names)
        return Prepared(text(""), change)

    def _wake(self, column: ColumnElement[Any], index: str | None) -> "Wake":
        return Wake(column, index, self._now)


class Reschedule:
    """Moves due rows.

    Not an INSERT .. ON DUPLICATE KEY UPDATE: that locks the gap before each key it finds and uses up a serial number for
    each row. The transaction that saves a message has it locked, so no other one inserts its due row in between. Which
    rows exist matters only where fewer rows changed than are to be moved.
    """

    _KNOWN: Final = Query(by_index(select(due.c.message_id).where(due.c.message_id.in_(IDS)), due, BY_MESSAGE))

    def __init__(self, new: Prepared, moved: Prepared) -> None:
        """`moved` updates rows by message."""
        self._new = new
        self._moved = moved

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Returns how many rows changed or are new."""
        due_rows = list(rows)
        if not due_rows:
            return 0
        changed = self._moved.many(connection, due_rows)
        if changed == len(due_rows):
            return changed
        stored = self._KNOWN.rows(connection, ids=[row["message_id"] for row in due_rows])
        known = {row["message_id"] for row in stored}
        return changed + self._new.many(connection, [row for row in due_rows if row["message_id"] not in known])


class Wake:
    """Makes the parked waiting rows due whose `column` has one of some values."""

    def __init__(self, column: ColumnElement[Any], index: str | None, now: ColumnElement[int]) -> None:
        """`index` begins with `column`; None = that of the primary key."""
        parked = (
            column.in_(bindparam("values", expanding=True)),
            due.c.place == LanePosition.WAITING.value,
            due.c.parked,
        )
        woken = update(due).where(*parked).values(due_at=now, parked=false())
        self._change = Change(updating_by_index(woken, due, index))

    def __call__(self, connection: Connection, values: list[Any], now: int) -> int:
        """Returns how many."""
        if not values:
            return 0
        return self._change.changed(connection, values=values, now=now)


_FIRST_OF_LANE: Final = (
    f"(SELECT d.seq FROM wm_due AS d FORCE INDEX ({BY_LANE}) WHERE d.lane = v.lane AND d.place = {LanePosition.WAITING.value}"  # noqa: S608 -- constants
    " ORDER BY d.urgency, d.seq LIMIT 1)"
)


class WakeNext:
    """Wakes the message of each lane that is the first to wait by now."""

    def __init__(self, wake: Wake) -> None:
        """`wake` takes serial numbers."""
        self._wake = wake

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Returns how many were woken. It waits for a claim that has the message locked: the claim may be parking it."""
        freed = list(rows)
        if not freed:
            return 0
        lanes = list(dict.fromkeys(row["the_lane"] for row in freed))
        padded = padded_keys(lanes)
        source = "SELECT %s AS lane" + " UNION ALL SELECT %s" * (len(padded) - 1)
        firsts = executed(connection, f"SELECT {_FIRST_OF_LANE} AS seq FROM ({source}) AS v", tuple(padded))  # noqa: S608 -- constants and places of parameters
        return self._wake(connection, sorted({seq for (seq,) in firsts.rows if seq is not None}), freed[0]["now"])


class WakeAll:
    """Wakes every parked message of each lane."""

    def __init__(self, wake: Wake) -> None:
        """`wake` takes lanes."""
        self._wake = wake

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Returns how many."""
        freed = list(rows)
        return self._wake(connection, sorted({row["the_lane"] for row in freed}), freed[0]["now"]) if freed else 0
