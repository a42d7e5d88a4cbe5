"""Many rows in one statement, for servers where each statement is a round trip (MySQL and MariaDB).

An insert carries all its rows. An update or delete by key names its index, so that the planner cannot read, and thereby
lock, rows that nobody asked for. What all rows share is said once: a set of rows that differ in their key alone is a list
of keys, and only what differs besides comes as a table that the index is joined to.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect as Engine

MAX_ROWS: Final = 500
"""Rows in one statement."""

MAX_CHARACTERS: Final = 1_500_000
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
        if chunk and (len(chunk) == MAX_ROWS or characters + size > MAX_CHARACTERS):
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

    def compiled(self, engine: Engine, pick: Pick) -> "JoinedRows":
        """The statement; `pick` takes `parameters` in their order."""
        quote = engine.identifier_preparer.quote
        return JoinedRows(
            target=f"{quote(self.table)} AS t FORCE INDEX ({quote(self.index)})",
            keys={name: f"t.{quote(column)}" for column, name in self.keys.items()},
            sets=[(f"t.{quote(column)} = ", _PLACE.split(value)) for column, value in self.sets.items()],
            names={name: quote(name) for name in self.parameters},
            pick=pick,
        )


_PLACE: Final = re.compile(r"\bv\.(\w+)")


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """An update or delete by key whose text depends on what its rows share.

    A server takes a key in a list several times faster than a row of a joined table with all its columns, and most rows
    of one set are changed in the same way.
    """

    target: str
    keys: Mapping[str, str]
    """Columns by the parameters that they are compared with."""
    sets: Sequence[tuple[str, Sequence[str]]]
    """Left sides of assignments, and right sides: text, parameter, text, and so on."""
    names: Mapping[str, str]
    """All parameters, in the order of `pick`, and how they are written as a column."""
    pick: Pick

    def __call__(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """Execute it for all rows; returns how many rows of the table it changed."""
        changed = 0
        for chunk in _chunks([self.pick(row) for row in rows]):
            changed += connection.exec_driver_sql(*self._statement(chunk)).rowcount
        return changed

    def _statement(self, chunk: Sequence[Parameters]) -> tuple[str, Parameters]:
        columns = dict(zip(self.names, zip(*chunk, strict=True), strict=True))
        shared = {name: values[0] for name, values in columns.items() if values.count(values[0]) == len(chunk)}
        differing = [name for name in columns if name not in shared]
        listed = not differing or (len(differing) == 1 and differing[0] in self.keys)
        given: list[Any] = []
        source = self.target if listed else self._joined(columns, shared, differing, given)
        changes = ", ".join([left + _filled(right, shared, given) for left, right in self.sets])
        where = f" WHERE {self._listed(columns, shared, given)}" if listed else ""
        verb = f"UPDATE {source} SET {changes}" if changes else f"DELETE t FROM {source}"  # noqa: S608 -- names and places of parameters
        return f"{verb}{where}", tuple(given)

    def _listed(self, columns: Mapping[str, Sequence[Any]], shared: Mapping[str, Any], given: list[Any]) -> str:
        tests = []
        for name, column in self.keys.items():
            values = [shared[name]] if name in shared else columns[name]
            tests.append(f"{column} IN ({', '.join(['%s'] * len(values))})" if len(values) > 1 else f"{column} = %s")
            given += values
        return " AND ".join(tests)

    def _joined(
        self,
        columns: Mapping[str, Sequence[Any]],
        shared: Mapping[str, Any],
        differing: Sequence[str],
        given: list[Any],
    ) -> str:
        rows = list(zip(*[columns[name] for name in differing], strict=True))
        given += [value for row in rows for value in row]
        first = ", ".join([f"%s AS {self.names[name]}" for name in differing])
        more = f" UNION ALL SELECT {', '.join(['%s'] * len(differing))}" * (len(rows) - 1)
        on = [f"{column} = {_filled(('', name, ''), shared, given)}" for name, column in self.keys.items()]
        return f"(SELECT {first}{more}) AS v STRAIGHT_JOIN {self.target} ON {' AND '.join(on)}"


def _filled(expression: Sequence[str], shared: Mapping[str, Any], given: list[Any]) -> str:
    """Text, parameter, text, and so on as SQL: a shared value goes to `given`, another one comes from its row."""
    text = ""
    for place, part in enumerate(expression):
        if place % 2 == 0:
            text += part
        elif part in shared:
            text += "%s"
            given.append(shared[part])
        else:
            text += f"v.{part}"
    return text
