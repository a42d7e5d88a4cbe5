"""Batches: what one may hold, what is stored of it, how far it is, and how a mass send is cut (decisions 46 and 57)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.lifecycle import RESTING, MessageStatus

MAX_ITEMS: Final = 200
"""Items of one batch (decision 46)."""

CHUNK_RECIPIENTS: Final = 200
"""Recipients that one mass-send call of the provider takes (decision 57)."""


class BatchMode(StrEnum):
    """How a batch is sent; the names are API."""

    FANOUT = "FANOUT"
    """Every item is a message of its own."""
    MASS_SEND = "MASS_SEND"
    """The provider's own group send: one call for up to 200 recipients."""


def check_items(count: int, limit: int = MAX_ITEMS) -> None:
    """Raises `InvalidValueError` unless a batch has 1 to `limit` items: then nothing of it is stored."""
    if not 1 <= count <= limit:
        raise InvalidValueError("messages", f"must have 1 to {limit} items")


def stores(*, valid: int, rejected: int, atomic: bool) -> bool:
    """Whether the valid items are stored: at least one is there, and with `atomic` none was rejected (decision 46)."""
    return valid > 0 and not (atomic and rejected > 0)


@dataclass(frozen=True, slots=True)
class BatchTally:
    """How far a batch is, from the kept counts per status (decision 33)."""

    total: int
    """Messages that were accepted."""
    by_status: Mapping[MessageStatus, int]

    @property
    def done(self) -> int:
        """Messages that rest (decision 40); a later retry or late evidence may move them again."""
        return sum(count for status, count in self.by_status.items() if status in RESTING)

    @property
    def finished(self) -> bool:
        """Whether every accepted message rests."""
        return self.done >= self.total

    def moved(self, before: MessageStatus | None, after: MessageStatus) -> "BatchTally":
        """The tally after one message changed; `before` is None for a new one. Statuses nobody has are left out."""
        counts = dict(self.by_status)
        if before is not None:
            counts[before] = counts.get(before, 0) - 1
        counts[after] = counts.get(after, 0) + 1
        total = self.total + (before is None)
        return BatchTally(total, {status: count for status, count in counts.items() if count})


@dataclass(frozen=True, slots=True)
class Chunk:
    """The recipients of one mass-send call: users or rooms, never both."""

    users: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()


def chunks(
    users: Sequence[str], rooms: Sequence[str], *, limit: int = CHUNK_RECIPIENTS, size: int = CHUNK_RECIPIENTS
) -> tuple[Chunk, ...]:
    """Cut a mass send into calls of at most `size` recipients, users first, in order.

    Raises `InvalidValueError` where both lists are empty, or have more than `limit` recipients together.
    """
    if not users and not rooms:
        raise InvalidValueError("recipients", "at least one user or room is needed")
    if len(users) + len(rooms) > limit:
        raise InvalidValueError("recipients", f"must not be more than {limit}")
    return (
        *(Chunk(users=tuple(users[at : at + size])) for at in range(0, len(users), size)),
        *(Chunk(rooms=tuple(rooms[at : at + size])) for at in range(0, len(rooms), size)),
    )
