"""Inserts on SQLite without the columns that all rows of a set leave NULL: the `RowWriter` of SQLite.

SQLite's driver looks for an adapter of each None, which takes longer than to bind a text, and a new message has one in a third
of its columns.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect as EngineDialect

from wework_message.adapters.sql.core.prepared import KeyedChange, Pick, RowWriter, picker
from wework_message.adapters.sql.mapping.tables import metadata

_ALWAYS_WRITTEN: Final = frozenset({
    column.name for table in metadata.tables.values() for column in table.c if column.server_default is not None
})  # fmt: skip
"""Columns for which SQLite has another value than NULL where they are left out."""

_INSERT: Final = re.compile(r"(INSERT INTO \w+) \(([^()]+)\) VALUES \([?, ]+\)(.*)", re.DOTALL)
"""Verb, columns and end of an insert whose values are all parameters."""


class SparseInsert:
    """One INSERT, and its texts by the columns that are left out."""

    def __init__(self, sql: str, names: Sequence[str]) -> None:
        """`names` of the parameters, one for each column. Raises `ValueError` for any other text."""
        match = _INSERT.fullmatch(sql)
        if match is None:
            raise ValueError(f"no insert of parameters: {sql}")
        self._verb, columns, self._end = match.groups()
        self._columns = dict(zip(names, columns.split(", "), strict=True))
        self._may_be_left_out = [name for name in names if name not in _ALWAYS_WRITTEN]
        self._texts: dict[tuple[str, ...], tuple[str, Pick]] = {}

    def __call__(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """Execute it for all rows; returns how many rows of the table it changed."""
        rows = [*rows]
        if not rows:
            return 0
        first, count = rows[0], len(rows)
        empty = [name for name in self._may_be_left_out if first[name] is None]
        if count > 1:
            empty = [name for name in empty if [row[name] for row in rows].count(None) == count]
        sql, pick = self._texts.get(tuple(empty)) or self._text_without(empty)
        return connection.exec_driver_sql(sql, [pick(row) for row in rows]).rowcount

    def _text_without(self, empty: Sequence[str]) -> tuple[str, Pick]:
        names = [name for name in self._columns if name not in empty]
        columns = ", ".join([self._columns[name] for name in names])
        sql = f"{self._verb} ({columns}) VALUES ({', '.join('?' * len(names))}){self._end}"
        self._texts[tuple(empty)] = text = sql, picker(names, {})
        return text


class SparseRows:
    """Statements of SQLite."""

    def inserting(self, sql: str, names: Sequence[str], pick: Pick) -> SparseInsert:  # noqa: ARG002 -- it picks by itself
        """See `SparseInsert`."""
        return SparseInsert(sql, names)

    def changing(self, change: KeyedChange, dialect: EngineDialect, pick: Pick) -> None:
        """The driver's own way: a NULL must be written."""


def _conforms(writer: SparseRows) -> RowWriter:
    return writer
