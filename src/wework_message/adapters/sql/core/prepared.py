"""Statements compiled once: rows go to the driver, and come from it, as tuples.

SQLAlchemy's own executemany builds a dictionary per row and statement, and its results a row object with a look-up per
column; for the handful of statements that every message passes through, that costs more than the database does (ADR 0010
has the numbers).
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Protocol, TypeAlias

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Insert,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    insert,
    update,
)
from sqlalchemy.engine import Dialect as EngineDialect
from sqlalchemy.sql.elements import ClauseElement

from wework_message.adapters.sql.core.execution import EXECUTOR, executed

Parameters: TypeAlias = tuple[Any, ...]
Pick: TypeAlias = Callable[[Mapping[str, Any]], Parameters]
"""Makes the driver's tuple from a row."""

Run: TypeAlias = Callable[[Connection, Iterable[Mapping[str, Any]]], int]
"""Executes a statement for each row; returns how many rows of the table it changed."""

ROW_WRITER: Final = "wm_row_writer"
"""Execution option of an engine: the `RowWriter` of its database. Without it many rows are the driver's executemany."""


@dataclass(frozen=True, slots=True)
class KeyedChange:
    """An update or delete by key, as data."""

    table: str
    index: str | None
    """Index that begins with the columns of `keys`; None = that of the primary key."""
    keys: Mapping[str, str]
    """Parameters by the columns that they are compared with."""
    sets: Mapping[str, str]
    """Expressions by the columns that get them; parameters are ``v.name``, columns ``t.name``. Empty = delete."""
    parameters: Sequence[str]
    """Names of all parameters."""


class RowWriter(Protocol):
    """Writes many rows where the driver's executemany alone would cost more."""

    def inserting(self, sql: str, names: Sequence[str], pick: Pick) -> Run:
        """How to run a compiled INSERT of one row; `pick` takes the parameters `names` in their order."""
        ...

    def changing(self, change: KeyedChange, dialect: EngineDialect, pick: Pick) -> Run | None:
        """How to run an update or delete by key; `pick` takes its parameters in their order. None = the driver's executemany."""
        ...


class Statement(Protocol):
    """A statement that is executed for many rows."""

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Execute it for each row; returns how many rows of the table it changed."""
        ...


class Selection(Protocol):
    """A query."""

    def rows(self, connection: Connection, /, **parameters: Any) -> list[dict[str, Any]]:
        """Every row as a dictionary by column."""
        ...


class Prepared:
    """One DML statement with named parameters."""

    def __init__(self, statement: ClauseElement, change: KeyedChange | None = None) -> None:
        """Parameters of `statement` without a value are taken from each row by name; `change` is the same as data."""
        self._statement = statement
        self._change = change
        self._compiled: dict[str, Run] = {}

    def many(self, connection: Connection, rows: Iterable[Mapping[str, Any]], /) -> int:
        """Execute it for each row; returns how many rows of the table it changed (SQLite: matched)."""
        run = self._compiled.get(connection.dialect.name) or self._compile(connection)
        return run(connection, rows)

    def _compile(self, connection: Connection) -> Run:
        dialect = connection.dialect
        writer: RowWriter | None = connection.get_execution_options().get(ROW_WRITER)
        run = self._row_by_row(dialect) if writer is None else self._by_writer(writer, dialect)
        self._compiled[dialect.name] = run
        return run

    def _by_writer(self, writer: RowWriter, dialect: EngineDialect) -> Run:
        run: Run | None = None
        if self._change is not None:
            run = writer.changing(self._change, dialect, picker(self._change.parameters, {}))
        elif isinstance(self._statement, Insert):
            run = writer.inserting(*self._text(dialect))
        return run or self._row_by_row(dialect)

    def _row_by_row(self, dialect: EngineDialect) -> Run:
        sql, _, pick = self._text(dialect)

        def run(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
            parameters = [pick(row) for row in rows]
            return connection.exec_driver_sql(sql, parameters).rowcount if parameters else 0

        return run

    def _text(self, dialect: EngineDialect) -> tuple[str, Sequence[str], Pick]:
        compiled: Any = self._statement.compile(dialect=dialect)
        names = _places(compiled)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return str(compiled), names, picker(names, constants)


class _Compiling:
    """A statement with named parameters and a text for each length of its lists.

    A parameter that is a list has an expanding one, for which neither order nor repetitions count.
    """

    def __init__(self, statement: "Select[Any] | CompoundSelect[Any] | Update") -> None:
        self._statement = statement
        self._compiled: dict[tuple[str, tuple[int, ...]], _Compiled] = {}

    def text(self, connection: Connection, parameters: Mapping[str, Any]) -> tuple[str, Parameters]:
        """The text in the driver's style, and the driver's tuple."""
        padded = {name: padded_keys(value) if isinstance(value, list) else value for name, value in parameters.items()}
        lengths = tuple([len(value) for value in padded.values() if isinstance(value, list)])
        key = (connection.dialect.name, lengths)
        sql, names, constants = self._compiled.get(key) or self._compile(connection, key, padded)
        values = constants | _expanded(padded)
        return sql, tuple([values[name] for name in names])

    def _compile(
        self, connection: Connection, key: tuple[str, tuple[int, ...]], padded: Mapping[str, Any]
    ) -> "_Compiled":
        compiled: Any = self._statement.compile(dialect=connection.dialect)
        _places(compiled)
        state = compiled.construct_expanded_state(padded)
        names = state.positiontup
        constants = {name: state.parameters[name] for name in names if name in compiled.binds and name not in padded}
        self._compiled[key] = (state.statement, names, constants)
        return self._compiled[key]


class Query:
    """One SELECT with named parameters. An expanding one takes a list, whose order and repetitions do not count."""

    def __init__(self, statement: Select[Any] | CompoundSelect[Any]) -> None:
        """The columns of `statement` must have different names."""
        self._columns = tuple([str(column.key) for column in statement.selected_columns])
        self._compiling = _Compiling(statement)

    def rows(self, connection: Connection, /, **parameters: Any) -> list[dict[str, Any]]:
        """Every row as a dictionary by column; values are the driver's own (SQLite's booleans are 0 and 1)."""
        columns = self._columns
        return [dict(zip(columns, row, strict=True)) for row in self.tuples(connection, **parameters)]

    def tuples(self, connection: Connection, /, **parameters: Any) -> Sequence[tuple[Any, ...]]:
        """The same as the driver has them, in the order of the columns."""
        return executed(connection, *self._compiling.text(connection, parameters)).rows

    def iterate(self, connection: Connection, /, **parameters: Any) -> Generator[dict[str, Any], None, None]:
        """The same, one by one: SQLite reads no further than they are taken. Close it where some may be left."""
        if EXECUTOR in connection.get_execution_options():
            yield from self.rows(connection, **parameters)
            return
        result: Any = connection.exec_driver_sql(*self._compiling.text(connection, parameters))
        try:
            for row in iter(result.cursor.fetchone, None):
                yield dict(zip(self._columns, row, strict=True))
        finally:
            result.close()


class Change:
    """One UPDATE with named parameters, of which lists are as those of a `Query`."""

    def __init__(self, statement: Update) -> None:
        """Compiled with its first execution."""
        self._compiling = _Compiling(statement)

    def changed(self, connection: Connection, /, **parameters: Any) -> int:
        """Execute it; returns how many rows of the table it changed (SQLite: matched)."""
        return executed(connection, *self._compiling.text(connection, parameters)).changed


_Compiled: TypeAlias = tuple[str, Sequence[str], dict[str, Any]]
"""The text, the names of its parameters in order, and the values of those that are constants of the statement."""


def _places(compiled: Any) -> Sequence[str]:
    """The names of the parameters in the order of their places. Raises `TypeError` where the driver wants them by name."""
    if compiled.positiontup is None:
        style = compiled.dialect.paramstyle
        raise TypeError(f"rows go to the driver as tuples, and the style of its parameters is {style}")
    places: Sequence[str] = compiled.positiontup
    return places


def padded_keys(values: list[Any]) -> list[Any]:
    """Padded to a power of two, so that one statement has few texts. `values` are at least one."""
    return values + values[-1:] * ((1 << (len(values) - 1).bit_length()) - len(values))


def _expanded(padded: Mapping[str, Any]) -> dict[str, Any]:
    """Values by the names that SQLAlchemy gives to the places of a list: ``ids_1`` and so on."""
    values: dict[str, Any] = {}
    for name, value in padded.items():
        if isinstance(value, list):
            values |= {f"{name}_{place}": item for place, item in enumerate(value, 1)}
        else:
            values[name] = value
    return values


def picker(names: Sequence[str], constants: Mapping[str, Any]) -> Pick:
    """Makes the driver's tuple from a row; a constant of the statement fills its own place."""
    if not constants and len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple([constants[name] if name in constants else row[name] for name in names])


def inserting(table: Table, *, without: Sequence[str] = ()) -> Prepared:
    """INSERT of every column but `without`; parameters have the columns' names."""
    return Prepared(insert(table).values(parameters(table, without=without)))


def updating(
    table: Table, keys: Mapping[str, str], columns: Sequence[str], *, index: str | None = None, plus: str | None = None
) -> Prepared:
    """UPDATE by key: parameters have the names of `columns` and, for the columns of `index`, the names in `keys`.

    The value for the column `plus` is added to the stored one.
    """
    binds: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in columns}
    values = {name: table.c[name] + value if name == plus else value for name, value in binds.items()}
    where = [table.c[column] == bindparam(name) for column, name in keys.items()]
    sets = {name: f"t.{name} + v.{name}" if name == plus else f"v.{name}" for name in columns}
    change = KeyedChange(table.name, index, keys, sets, [*keys.values(), *columns])
    return Prepared(update(table).where(and_(*where)).values(values), change)


def deleting(table: Table, keys: Mapping[str, str], *, index: str | None = None) -> Prepared:
    """DELETE by key, as `updating`."""
    where = [table.c[column] == bindparam(name) for column, name in keys.items()]
    return Prepared(delete(table).where(and_(*where)), KeyedChange(table.name, index, keys, {}, [*keys.values()]))


def parameters(table: Table, *, without: Sequence[str] = ()) -> dict[str, Any]:
    """A named parameter for each column."""
    return {column.name: bindparam(column.name) for column in table.columns if column.name not in without}
