"""Pages have a limit of bytes in addition to their number of items: a stored row can be as long as the request that it came with."""

from collections.abc import Iterable
from typing import Final

PAGE_BYTES: Final = 4_194_304
"""Bytes of one page, of an answer or of rows that are worked on at once."""


def fitting(sizes: Iterable[int], *, limit: int = PAGE_BYTES) -> int:
    """How many of the first items have `limit` bytes together; at least 1, so that a long item stops no reader."""
    total = count = 0
    for size in sizes:
        total += size
        if count and total > limit:
            break
        count += 1
    return count
