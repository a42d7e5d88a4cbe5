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
    Table,
    bindparam,
    false,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects import mysql

from wework_message.adapters.sql.core.dialect import DUE_DEFAULTS
from wework_message.adapters.sql.core.lease_table import lease
from wework_message.adapters.sql.core.multirow import Joined
from wework_message.adapters.sql.core.prepared import Prepared, Query, parameters
from wework_message.adapters.sql.core.tables import (
    account,
    binding,
    callback,
    dead_letter,
    due,
    finished,
    idempotency_key,
)
from wework_message.adapters.sql.mysql.claims import BY_LANE, Claim, ClaimNamed
from wework_message.domain.message.scheduling import LanePosition

SERVER_NOW: Final = "CAST(UNIX_TIMESTAMP(CURRENT_TIMESTAMP(3)) * 1000 AS SIGNED)"
"""Epoch ms at the start of the statement, by the server's clock."""

_BY_MESSAGE: Final = "uq_wm_due_message_id"


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
    def new_dead_letter(self) -> Prepared:
        """ON DUPLICATE KEY UPDATE of nothing."""
        return _insert_new(dead_letter, "id", "replayed_at", "target")

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
    def call_started(self) -> "DueAgain":
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
    def new_lease(self) -> Prepared:
        """ON DUPLICATE KEY UPDATE of nothing."""
        return _insert_new(lease)

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

    @cached_property
    def claim_named(self) -> "ClaimNamed":
        """FOR UPDATE SKIP LOCKED by the unique index on message ids, then a look at the lanes."""
        return ClaimNamed(self._read_now)

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
    each row. Whoever saves a message has it locked, so nobody else inserts its due row in between. Only where fewer rows
    changed than are to be moved does it matter which of them are there.
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
        changed = self._moved.many(connection, wanted)
        if changed == len(wanted):
            return changed
        known = {one["message_id"] for one in self._KNOWN.rows(connection, ids=[row["message_id"] for row in wanted])}
        return changed + self._new.many(connection, [row for row in wanted if row["message_id"] not in known])


class Woken:
    """Makes the parked waiting rows due whose `column` is one of some values."""

    def __init__(self, column: ColumnElement[Any], index: str, now: ColumnElement[int]) -> None:
        """`index` begins with `column`."""
        self._update = (
            update(due)
            .where(
                column.in_(bindparam("ones", expanding=True)), due.c.place == LanePosition.WAITING.value, due.c.parked
            )
            .values(due_at=now, parked=false())
            .with_hint(f"FORCE INDEX ({index})", dialect_name="mysql")
        )

    def __call__(self, connection: Connection, ones: Sequence[Any], now: int) -> int:
        """Returns how many."""
        if not ones:
            return 0
        return connection.execute(self._update, {"ones": ones, "now": now}).rowcount


_FIRST_OF_LANE: Final = (
    f"(SELECT d.seq FROM wm_due AS d {BY_LANE} WHERE d.lane = v.lane AND d.place = {LanePosition.WAITING.value}"  # noqa: S608 -- constants
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
