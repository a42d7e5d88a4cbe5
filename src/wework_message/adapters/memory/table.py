"""A table in memory."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")


class Table(Generic[Key, Row]):
    """Rows by key, in two layers."""

    def __init__(self) -> None:
        self._committed: dict[Key, Row] = {}
        self._changed: dict[Key, Row | None] = {}

    def get(self, key: Key) -> Row | None:
        """The row as the open unit of work sees it."""
        return self._changed[key] if key in self._changed else self._committed.get(key)

    def put(self, key: Key, row: Row) -> None:
        """Insert or replace, in the open unit of work."""
        self._changed[key] = row

    def drop(self, key: Key) -> None:
        """Delete, in the open unit of work."""
        self._changed[key] = None

    def rows(self) -> Iterator[Row]:
        """All rows as the open unit of work sees them, in no order."""
        yield from (row for key, row in self._committed.items() if key not in self._changed)
        yield from (row for row in self._changed.values() if row is not None)

    def items(self) -> Iterator[tuple[Key, Row]]:
        """All rows with their keys as the open unit of work sees them, in no order."""
        yield from ((key, row) for key, row in self._committed.items() if key not in self._changed)
        yield from ((key, row) for key, row in self._changed.items() if row is not None)

    def committed(self, key: Key) -> Row | None:
        """The row as readers see it."""
        return self._committed.get(key)

    def committed_rows(self) -> Iterator[Row]:
        """All rows as readers see them, in no order."""
        return iter(list(self._committed.values()))

    def committed_items(self) -> dict[Key, Row]:
        """A copy of what readers see."""
        return dict(self._committed)

    def rollback(self) -> None:
        """Undo what was not committed."""
        self._changed = {}

    def commit(self) -> None:
        for key, row in self._changed.items():
            if row is None:
                self._committed.pop(key, None)
            else:
                self._committed[key] = row
        self._changed = {}
