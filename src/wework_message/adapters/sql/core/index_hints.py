"""The index that a statement relies on, as a hint for databases that take one.

A database that locks the rows it reads must not read more of them than the statement is about. Its planner would: it reads
a small table whole. The statements of other databases get no hint.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Alias, FromClause, Select, Table, UniqueConstraint, Update

_FORMS: Final[Mapping[str, Callable[[str | None], str]]] = {
    "mysql": lambda index: f"FORCE INDEX ({index or 'PRIMARY'})",
}
"""Hints by SQLAlchemy's name of the database; None = the index of the primary key."""


def by_index(statement: Select[Any], table: FromClause, index: str | None = None) -> Select[Any]:
    """`statement`, reading `table` by `index` (None = its primary key). Raises `ValueError` where it has no such index."""
    _require_index(table, index)
    for name, form in _FORMS.items():
        statement = statement.with_hint(table, form(index), name)
    return statement


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
