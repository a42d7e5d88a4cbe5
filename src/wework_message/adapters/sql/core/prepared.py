"""Statements compiled once: rows go to the driver, and come from it, as tuples.

SQLAlchemy's own executemany builds a dictionary per row and statement, and its results a row object with a look-up per
column; for the handful of statements that every message passes through, that costs more than the database does (ADR 0010
has the numbers).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy import BindParameter, Connection, Insert, Select, Table, and_, bindparam, delete, insert, update
from sqlalchemy.sql.elements import ClauseElement

from wework_message.adapters.sql.core.multirow import Joined, Pick, inserts

ONE_STATEMENT: Final = frozenset({"mysql"})
"""Databases to which many rows go in one statement; to others goes one statement with many rows of parameters."""


class Statement(Protocol):
    """Something to execute for many rows."""

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Execute it for each row; returns how many rows of the table it changed."""
        ...


class Selection(Protocol):
    """Something to read."""

    def rows(self, connection: Connection, /, **given: Any) -> list[dict[str, Any]]:
        """Every row as a dictionary by column."""
        ...


_Run: TypeAlias = Callable[[Connection, Iterable[Mapping[str, Any]]], int]


class Prepared:
    """One DML statement with named parameters."""

    def __init__(self, statement: ClauseElement, joined: Joined | None = None) -> None:
        """Parameters of `statement` without a value are taken from each row by name; `joined` says the same."""
        self._statement = statement
        self._joined = joined
        self._compiled: dict[str, _Run] = {}

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Execute it for each row; returns how many rows of the table it changed (SQLite: matched)."""
        run = self._compiled.get(connection.dialect.name) or self._compile(connection)
        return run(connection, rows)

    def _compile(self, connection: Connection) -> _Run:
        dialect = connection.dialect
        self._compiled[dialect.name] = self._in_one(dialect) if dialect.name in ONE_STATEMENT else self._each(dialect)
        return self._compiled[dialect.name]

    def _in_one(self, dialect: Any) -> _Run:
        if self._joined is not None:
            return self._joined.compiled(dialect, _picker(self._joined.parameters, {}))
        if isinstance(self._statement, Insert):
            return inserts(*self._text(dialect))
        return self._each(dialect)

    def _each(self, dialect: Any) -> _Run:
        sql, pick = self._text(dialect)

        def run(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
            parameters = [pick(row) for row in rows]
            return connection.exec_driver_sql(sql, parameters).rowcount if parameters else 0

        return run

    def _text(self, dialect: Any) -> tuple[str, Pick]:
        compiled: Any = self._statement.compile(dialect=dialect)
        names: Sequence[str] = compiled.positiontup or ()
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return str(compiled), _picker(names, constants)


class Query:
    """One SELECT with named parameters. A list goes to an expanding one; its order and repetitions do not count there."""

    def __init__(self, statement: Select[Any]) -> None:
        """Columns of `statement` have names that differ."""
        self._statement = statement
        self._columns = tuple([str(column.key) for column in statement.selected_columns])
        self._compiled: dict[tuple[str, tuple[int, ...]], _Compiled] = {}

    def rows(self, connection: Connection, /, **given: Any) -> list[dict[str, Any]]:
        """Every row as a dictionary by column; values are the driver's own (SQLite's booleans are 0 and 1)."""
        padded = {name: _padded(value) if isinstance(value, list) else value for name, value in given.items()}
        lengths = tuple([len(value) for value in padded.values() if isinstance(value, list)])
        key = (connection.dialect.name, lengths)
        sql, names, constants = self._compiled.get(key) or self._compile(connection, key, padded)
        values = constants | _expanded(padded)
        result = connection.exec_driver_sql(sql, tuple([values[name] for name in names]))
        found = result.cursor.fetchall()
        result.close()
        return [dict(zip(self._columns, row, strict=True)) for row in found]

    def _compile(
        self, connection: Connection, key: tuple[str, tuple[int, ...]], padded: Mapping[str, Any]
    ) -> "_Compiled":
        whole = self._statement.params(padded)
        compiled: Any = whole.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
        names: Sequence[str] = compiled.positiontup or ()
        constants = {one: compiled.binds[one].effective_value for one in names if one in compiled.binds}
        self._compiled[key] = (str(compiled), names, constants)
        return self._compiled[key]


_Compiled: TypeAlias = tuple[str, Sequence[str], dict[str, Any]]
"""The text, the names of its parameters in order, and the values of those that are constants of the statement."""


def _padded(values: list[Any]) -> list[Any]:
    """Grown to a power of two, so that there are few texts of one statement; at least one value."""
    return values + values[-1:] * ((1 << (len(values) - 1).bit_length()) - len(values))


def _expanded(padded: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the names that SQLAlchemy gives to the places of a list: ``ids_1`` and so on."""
    values: dict[str, Any] = {}
    for name, value in padded.items():
        if isinstance(value, list):
            values |= {f"{name}_{place}": one for place, one in enumerate(value, 1)}
        else:
            values[name] = value
    return values


def _picker(names: Sequence[str], constants: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Makes the driver's tuple of a row; a constant of the statement fills its own place."""
    if not constants and len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple([constants[name] if name in constants else row[name] for name in names])


def inserting(table: Table, *, without: Sequence[str] = ()) -> Prepared:
    """INSERT of every column but `without`; parameters carry the columns' names."""
    return Prepared(insert(table).values(parameters(table, without=without)))


def updating(
    table: Table, keys: Mapping[str, str], columns: Sequence[str], *, index: str = "PRIMARY", plus: str | None = None
) -> Prepared:
    """UPDATE by key: parameters carry the names of `columns`, and those that `keys` says for the columns of `index`.

    The value for the column `plus` is added to what is there.
    """
    given: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in columns}
    values = {name: table.c[name] + value if name == plus else value for name, value in given.items()}
    where = [table.c[column] == bindparam(name) for column, name in keys.items()]
    sets = {name: f"t.{name} + v.{name}" if name == plus else f"v.{name}" for name in columns}
    joined = Joined(table.name, index, keys, sets, [*keys.values(), *columns])
    return Prepared(update(table).where(and_(*where)).values(values), joined)


def deleting(table: Table, keys: Mapping[str, str], *, index: str = "PRIMARY") -> Prepared:
    """DELETE by key, as `updating`."""
    where = [table.c[column] == bindparam(name) for column, name in keys.items()]
    return Prepared(delete(table).where(and_(*where)), Joined(table.name, index, keys, {}, [*keys.values()]))


def parameters(table: Table, *, without: Sequence[str] = ()) -> dict[str, Any]:
    """A named parameter for each column."""
    return {column.name: bindparam(column.name) for column in table.columns if column.name not in without}
