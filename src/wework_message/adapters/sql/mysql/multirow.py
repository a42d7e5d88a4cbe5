"""Many rows in one statement, for servers where each statement is a round trip: the `RowWriter` of MySQL and MariaDB.

An insert carries all its rows. An update or delete by key names its index, so that the planner cannot read, and thereby
lock, rows that the statement is not about. What all rows share is written once: rows that differ in their key alone become
a list of keys, and only what else differs comes as a table that the index is joined to.

Own code, measured against MariaDB: the driver's executemany is as fast for an INSERT of placeholders, but sends one whose
row holds an instant of the server's clock row by row (8 due rows take 5 times as long, 64 take 15 times), and loops over
updates. SQLAlchemy's own execution passes through the same executemany and adds up to two times for its dictionaries.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect as EngineDialect

from wework_message.adapters.sql.core.execution import executed
from wework_message.adapters.sql.core.prepared import KeyedChange, Parameters, Pick, RowWriter

MAX_ROWS: Final = 500
"""Rows in one statement."""

MAX_CHARACTERS: Final = 1_500_000
"""Text and bytes in one statement, unless a single row has more: 4 bytes a character, or 2 with escapes, stay below the
16 MiB that servers take by default."""

SET_SIZES: Final = (1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384, MAX_ROWS)
"""Rows that a statement may have: there are few texts, which a server can keep prepared (ADR 30)."""


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
            for part in _parts(chunk):
                sql = f"{self.head}{self.first}{self.more * (len(part) - 1)}{self.tail}"
                changed += executed(connection, sql, tuple(chain.from_iterable(part))).changed
        return changed


def _parts(rows: Sequence[Parameters]) -> Iterator[Sequence[Parameters]]:
    """All `rows` in few parts, each of one of `SET_SIZES`."""
    start = 0
    while left := len(rows) - start:
        end = start + SET_SIZES[bisect_right(SET_SIZES, left) - 1]
        yield rows[start:end]
        start = end


def _padded(rows: Sequence[Parameters]) -> Sequence[Parameters]:
    """As many as one of `SET_SIZES`: the last row is repeated. A server changes a row once, however often it is named."""
    further = SET_SIZES[bisect_left(SET_SIZES, len(rows))] - len(rows)
    if not further or _characters(rows[-1]) * further > MAX_CHARACTERS:
        return rows
    return [*rows, *[rows[-1]] * further]


def _chunks(rows: Sequence[Parameters]) -> Iterator[Sequence[Parameters]]:
    if rows and len(rows) <= MAX_ROWS and _surely_fit(rows):
        yield rows
        return
    chunk: list[Parameters] = []
    characters = 0
    for row in rows:
        size = _characters(row)
        if chunk and (len(chunk) == MAX_ROWS or characters + size > MAX_CHARACTERS):
            yield chunk
            chunk, characters = [], 0
        chunk.append(row)
        characters += size
    if chunk:
        yield chunk


def _characters(row: Parameters) -> int:
    return sum([len(value) for value in row if isinstance(value, str | bytes)])


def _surely_fit(rows: Sequence[Parameters]) -> bool:
    """Whether one statement takes them even if each row had the longest value of every column."""
    widest = sum([_widest(column) for column in zip(*rows, strict=True)])
    return widest * len(rows) <= MAX_CHARACTERS


def _widest(column: Sequence[Any]) -> int:
    first = column[0]
    if isinstance(first, int) or (first is None and column.count(None) == len(column)):
        return 0  # a column's values have one type
    return max([len(value) for value in column if isinstance(value, str | bytes)], default=0)


class MultirowWriter:
    """Statements of MySQL and MariaDB."""

    def inserting(self, sql: str, names: Sequence[str], pick: Pick) -> ManyRows:
        """``INSERT INTO t (..) VALUES (..)``, with or without ON DUPLICATE KEY UPDATE: the row is repeated.

        Raises `ValueError` where the row's parameters are not all of the statement's: the text was not what it looks like.
        """
        head, values, rest = sql.partition(" VALUES ")
        row, word, tail = rest.partition(" AS new ON DUPLICATE KEY ")
        if not word:
            row, word, tail = rest.partition(" ON DUPLICATE KEY ")
        if row.count("%s") != len(names) or not (row.startswith("(") and row.endswith(")")):
            raise ValueError(f"no row that could be repeated: {sql}")
        return ManyRows(f"{head}{values}", row, f", {row}", f"{word}{tail}", pick)

    def changing(self, change: KeyedChange, dialect: EngineDialect, pick: Pick) -> "JoinedRows":
        """The rows as a table, joined to the index."""
        quote = dialect.identifier_preparer.quote
        return JoinedRows(
            target=f"{quote(change.table)} AS t FORCE INDEX ({quote(change.index or 'PRIMARY')})",
            keys={name: f"t.{quote(column)}" for column, name in change.keys.items()},
            sets=[(f"t.{quote(column)} = ", _PLACE.split(value)) for column, value in change.sets.items()],
            names={name: quote(name) for name in change.parameters},
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
            changed += executed(connection, *self._statement(_padded(chunk))).changed
        return changed

    def _statement(self, chunk: Sequence[Parameters]) -> tuple[str, Parameters]:
        columns = dict(zip(self.names, zip(*chunk, strict=True), strict=True))
        shared = {name: values[0] for name, values in columns.items() if values.count(values[0]) == len(chunk)}
        differing = [name for name in columns if name not in shared]
        listed = not differing or (len(differing) == 1 and differing[0] in self.keys)
        parameters: list[Any] = []
        source = self.target if listed else self._joined(columns, shared, differing, parameters)
        changes = ", ".join([left + _filled(right, shared, parameters) for left, right in self.sets])
        where = f" WHERE {self._listed(columns, shared, parameters)}" if listed else ""
        verb = f"UPDATE {source} SET {changes}" if changes else f"DELETE t FROM {source}"  # noqa: S608 -- names and places of parameters
        return f"{verb}{where}", tuple(parameters)

    def _listed(self, columns: Mapping[str, Sequence[Any]], shared: Mapping[str, Any], parameters: list[Any]) -> str:
        tests = []
        for name, column in self.keys.items():
            values = [shared[name]] if name in shared else columns[name]
            tests.append(f"{column} IN ({', '.join(['%s'] * len(values))})" if len(values) > 1 else f"{column} = %s")
            parameters += values
        return " AND ".join(tests)

    def _joined(
        self,
        columns: Mapping[str, Sequence[Any]],
        shared: Mapping[str, Any],
        differing: Sequence[str],
        parameters: list[Any],
    ) -> str:
        rows = list(zip(*[columns[name] for name in differing], strict=True))
        parameters += [value for row in rows for value in row]
        first = ", ".join([f"%s AS {self.names[name]}" for name in differing])
        more = f" UNION ALL SELECT {', '.join(['%s'] * len(differing))}" * (len(rows) - 1)
        on = [f"{column} = {_filled(('', name, ''), shared, parameters)}" for name, column in self.keys.items()]
        return f"(SELECT {first}{more}) AS v STRAIGHT_JOIN {self.target} ON {' AND '.join(on)}"


def _filled(expression: Sequence[str], shared: Mapping[str, Any], parameters: list[Any]) -> str:
    """Text, parameter, text, and so on as SQL: a shared value goes to `parameters`, another one comes from its row."""
    text = ""
    for place, part in enumerate(expression):
        if place % 2 == 0:
            text += part
        elif part in shared:
            text += "%s"
            parameters.append(shared[part])
        else:
            text += f"v.{part}"
    return text


def _conforms(writer: MultirowWriter) -> RowWriter:
    return writer
