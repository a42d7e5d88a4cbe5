"""Pages have a limit of bytes in addition to their number of items: a stored row can be as long as the request that it came with."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

Row = TypeVar("Row")
Id = TypeVar("Id")

PAGE_BYTES: Final = 4_194_304
"""Bytes of one page, of an answer or of rows that are worked on at once."""

MAX_WALKED: Final = 10_000
"""Entries that one page looks at to find those that pass its filters; it ends there, and the next page goes on."""


def fitting(sizes: Iterable[int], *, limit: int = PAGE_BYTES) -> int:
    """How many of the first items have `limit` bytes together; at least 1, so that a long item stops no reader."""
    return page_of(sizes, int, limit=limit)[1]


def page_of(rows: Iterable[Row], size: Callable[[Row], int], *, limit: int = PAGE_BYTES) -> tuple[list[Row], int]:
    """The rows that have `limit` bytes together and the first that does not fit, and how many fit (at least 1).

    It takes no more of `rows`: to know the size of a long row, a database reads all of it.
    """
    taken: list[Row] = []
    total = 0
    for row in rows:
        total += size(row)
        taken.append(row)
        if total > limit and len(taken) > 1:
            return taken, len(taken) - 1
    return taken, len(taken)


def next_page_before(newest: Sequence[Id], shown: Sequence[Id], reached: Id | None) -> Id | None:
    """Where the next page of a list goes on: it has smaller ids than this. None where the list ends.

    `newest` are the first ids that pass, one more than a page has; `shown` those that it has. `reached` is the last id
    that was looked at; None where all were.
    """
    if len(newest) > len(shown):
        return shown[-1] if shown else newest[0]  # deleted meanwhile
    return reached
