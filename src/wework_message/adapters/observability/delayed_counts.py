"""Counts of states that matter only after some time: SENT without an echo, UNKNOWN without evidence."""

from typing import Final

SLOT_MS: Final = 5_000
"""States that began within one slot are counted together."""

Kind = tuple[str, str]
"""(message type, provider)."""


class DelayedCounts:
    """Counts states by the time of their begin, not by message: the memory depends on the age, not on the traffic.

    Where several processes see parts of the life of a message, only the sum over them is correct. A process that ends
    loses its pending counts.
    """

    def __init__(self, age_ms: int) -> None:
        """`age_ms`: after how long a state counts; it may take up to 5 s more."""
        self._age_ms = age_ms
        self._slots: dict[int, dict[Kind, int]] = {}

    def enter(self, since_ms: int, kind: Kind) -> bool:
        """Add a state since `since_ms` (epoch ms). True for the first one of a slot: a good moment for `take_due`."""
        number = since_ms // SLOT_MS
        slot = self._slots.get(number)
        is_first = slot is None
        if slot is None:
            slot = self._slots[number] = {}
        slot[kind] = slot.get(kind, 0) + 1
        return is_first

    def leave(self, since_ms: int, kind: Kind) -> None:
        """Remove a state that ended; without effect on one that has been counted already."""
        slot = self._slots.get(since_ms // SLOT_MS)
        if slot is not None:
            slot[kind] = slot.get(kind, 0) - 1

    def take_due(self, now_ms: int) -> list[tuple[Kind, int]]:
        """The counts that came due since the last call; may be called from another thread than the other methods."""
        last = (now_ms - self._age_ms) // SLOT_MS
        due = [self._slots.pop(number, {}) for number in tuple(self._slots) if number < last]
        return [(kind, count) for slot in due for kind, count in tuple(slot.items()) if count > 0]
