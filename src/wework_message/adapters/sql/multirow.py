"""Many rows in one statement, for servers where each statement is a round trip (MySQL and MariaDB).

An insert carries all its rows. An update or delete by key joins the table to the rows given; the join goes from the rows
to an index that is named, so that the planner cannot read, and thereby lock, rows that nobody asked for.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect as Engine

MOST_ROWS: Final = 500
"""Rows in one statement."""

MOST_CHARACTERS: Final = 1_500_000
"""Text and bytes in one statement, unless a single row has more: 4 bytes a character, or 2 with escapes, stay below the
16 MiB that servers take by default."""

Parameters: TypeAlias = tuple[Any, ...]
Pick: TypeAlias = Callable[[Mapping[str, Any]], Parameters]
"""Makes the driver's tuple of a row."""


@dataclass(frozen=True, slots=True)
class ManyRows:
    """A text that grows with its rows."""

    head: str
    first: str
    """What the first row adds."""
    more: str
    """What each further row adds."""
    tail: str
    pick: Pick

    def __call__(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """Execute it for all rows; returns how many rows of the table it changed."""
        changed = 0
        for chunk in _chunks([self.pick(row) for row in rows]):
            sql = f"{self.head}{self.first}{self.more * (len(chunk) - 1)}{self.tail}"
            changed += connection.exec_driver_sql(sql, tuple([value for row in chunk for value in row])).rowcount
        return changed


def _chunks(rows: Sequence[Parameters]) -> Iterator[Sequence[Parameters]]:
    chunk: list[Parameters] = []
    characters = 0
    for row in rows:
        size = sum(len(value) for value in row if isinstance(value, str | bytes))
        if chunk and (len(chunk) == MOST_ROWS or characters + size > MOST_CHARACTERS):
            yield chunk
            chunk, characters = [], 0
        chunk.append(row)
        characters += size
    if chunk:
        yield chunk


def inserts(sql: str, pick: Pick) -> ManyRows:
    """Of a compiled INSERT of one row: ``INSERT INTO t (..) VALUES (..)``, with or without ON DUPLICATE KEY UPDATE."""
    head, values, rest = sql.partition(" VALUES ")
    row, word, tail = rest.partition(" AS new ON DUPLICATE KEY ")
    if not word:
        row, word, tail = rest.partition(" ON DUPLICATE KEY ")
    return ManyRows(f"{head}{values}", row, f", {row}", f"{word}{tail}", pick)


@dataclass(frozen=True, slots=True)
class Joined:
    """An update or delete by key, as data."""

    table: str
    index: str
    """Index that begins with the columns of `keys`."""
    keys: Mapping[str, str]
    """Parameters by the columns that they are compared with."""
    sets: Mapping[str, str]
    """Expressions by the columns that get them; parameters are ``v.name``. Empty = delete."""
    parameters: Sequence[str]
    """Names of all parameters."""

    def compiled(self, engine: Engine, pick: Pick) -> ManyRows:
        """The statement; `pick` takes `parameters` in their order."""
        quoted = engine.identifier_preparer.quote
        first = ", ".join(f"%s AS {quoted(name)}" for name in self.parameters)
        more = ", ".join(["%s"] * len(self.parameters))
        on = " AND ".join(f"t.{quoted(column)} = v.{quoted(name)}" for column, name in self.keys.items())
        source = f") AS v STRAIGHT_JOIN {quoted(self.table)} AS t FORCE INDEX ({quoted(self.index)}) ON {on}"
        if not self.sets:
            return ManyRows("DELETE t FROM (SELECT ", first, f" UNION ALL SELECT {more}", source, pick)
        changes = ", ".join(f"t.{quoted(column)} = {value}" for column, value in self.sets.items())
        return ManyRows("UPDATE (SELECT ", first, f" UNION ALL SELECT {more}", f"{source} SET {changes}", pick)
