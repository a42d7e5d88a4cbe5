"""The index that a statement relies on, named where the statement is written and said where the database can be told.

A database that locks the rows it reads must not read more of them than the statement is about. Its planner would: a small
table it reads whole. Others plan on their own, and their statements stay as they are.
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
    _demand(table, index)
    for name, form in _FORMS.items():
        statement = statement.with_hint(table, form(index), name)
    return statement


def updating_by_index(statement: Update, table: Table, index: str | None = None) -> Update:
    """`statement`, which updates `table`, finding its rows by `index`. Raises `ValueError` as `by_index` does."""
    _demand(table, index)
    for name, form in _FORMS.items():
        statement = statement.with_hint(form(index), dialect_name=name)
    return statement


def _demand(table: FromClause, index: str | None) -> None:
    known = table.element if isinstance(table, Alias) else table
    names: set[object] = set()
    if isinstance(known, Table):
        unique = {constraint.name for constraint in known.constraints if isinstance(constraint, UniqueConstraint)}
        names = unique | {indexe.name for indexe in known.indexes}
    if index is not None and index not in names:
        raise ValueError(f"{known.description} has no index {index}")
