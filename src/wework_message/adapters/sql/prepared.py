"""Statements for many rows, compiled once: the rows go to the driver as tuples.

SQLAlchemy's own executemany builds a dictionary per row and statement; for the handful of statements that every message
passes through, that costs more than the database does (ADR 0010 has the numbers).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert
from sqlalchemy.sql.elements import ClauseElement


class Prepared:
    """One DML statement with named parameters."""

    def __init__(self, statement: ClauseElement) -> None:
        """Parameters of `statement` without a value are taken from each row by name."""
        self._statement = statement
        self._compiled: dict[str, tuple[str, Any]] = {}

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """Execute it for each row; returns how many rows of the table it touched."""
        sql, pick = self._compiled.get(connection.dialect.name) or self._compile(connection)
        parameters = [pick(row) for row in rows]
        return connection.exec_driver_sql(sql, parameters).rowcount if parameters else 0

    def _compile(self, connection: Connection) -> tuple[str, Any]:
        compiled = self._statement.compile(dialect=connection.dialect)
        names: Sequence[str] = getattr(compiled, "positiontup", None) or ()
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._compiled[connection.dialect.name] = (str(compiled), _picker(names, constants))
        return self._compiled[connection.dialect.name]


def _picker(names: Sequence[str], constants: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Makes the driver's tuple of a row; a constant of the statement fills its own place."""
    if not constants and len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple([constants[name] if name in constants else row[name] for name in names])


def inserting(table: Table, *, without: Sequence[str] = ()) -> Prepared:
    """INSERT of every column but `without`; parameters carry the columns' names."""
    return Prepared(insert(table).values(parameters(table, without=without)))


def parameters(table: Table, *, without: Sequence[str] = ()) -> dict[str, Any]:
    """A named parameter for each column."""
    return {column.name: bindparam(column.name) for column in table.columns if column.name not in without}
