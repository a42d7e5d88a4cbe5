"""The index that a statement relies on, as a hint for databases that take one.

A database that locks the rows it reads must not read more of them than the statement is about. Its planner would: it reads
a small table whole. The statements of other databases get no hint.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Alias, ColumnElement, FromClause, Select, Table, UniqueConstraint, Update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_FORMS: Final[Mapping[str, Callable[[str | None], str]]] = {
    "mysql": lambda index: f"FORCE INDEX ({index or 'PRIMARY'})",
}
"""Hints by SQLAlchemy's name of the database; None = the index of the primary key."""

_IN_ORDER: Final[Mapping[str, str]] = {"mysql": "STRAIGHT_JOIN"}
"""What makes a database join tables in the order in which they are named."""


def by_index(statement: Select[Any], table: FromClause, index: str | None = None) -> Select[Any]:
    """`statement`, reading `table` by `index` (None = its primary key). Raises `ValueError` where it has no such index."""
    _require_index(table, index)
    for name, form in _FORMS.items():
        statement = statement.with_hint(table, form(index), name)
    return statement


def joined_in_order(statement: Select[Any]) -> Select[Any]:
    """`statement`, whose tables are joined in the order in which they are named."""
    for name, word in _IN_ORDER.items():
        statement = statement.prefix_with(word, dialect=name)
    return statement


class beside_index(FunctionElement[Any]):  # noqa: N801 -- used as a function of SQL
    """A column that a condition compares beside the index of `by_index`: SQLite, which takes no hint, will not search by it."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        """`column` with its own type."""
        super().__init__(column)
        self.type = column.type


@compiles(beside_index)
def _column(element: beside_index, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(beside_index, "sqlite")
def _column_without_index(element: beside_index, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


def updating_by_index(statement: Update, table: Table, index: str | None = None) -> Update:
    """`statement`, which updates `table` and finds its rows by `index`. Raises `ValueError` as `by_index` does."""
    _require_index(table, index)
    for name, form in _FORMS.items():
        statement = statement.with_hint(form(index), dialect_name=name)
    return statement


def _require_index(table: FromClause, index: str | None) -> None:
    base = table.element if isinstance(table, Alias) else table
    names: set[object] = set()
    if isinstance(base, Table):
        unique = {constraint.name for constraint in base.constraints if isinstance(constraint, UniqueConstraint)}
        names = unique | {table_index.name for table_index in base.indexes}
    if index is not None and index not in names:
        raise ValueError(f"{base.description} has no index {index}")
