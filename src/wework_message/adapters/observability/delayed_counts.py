"""Things that count only once they have lasted: SENT without an echo, UNKNOWN without evidence."""

from typing import Final

SLOT_MS: Final = 5_000

Kind = tuple[str, str]
"""(message type, provider)."""


class DelayedCounts:
    """Counts by the time since when, not by message: its memory depends on the age, never on the traffic.

    Where several processes see parts of one message's life, only the sum over them is meant to be right. A process that
    ends takes along what had not ripened yet.
    """

    def __init__(self, age_ms: int) -> None:
        """`age_ms`: how long it takes, at least; up to 5 s more."""
        self._age_ms = age_ms
        self._slots: dict[int, dict[Kind, int]] = {}

    def enter(self, since_ms: int, kind: Kind) -> bool:
        """One more since `since_ms` (epoch ms); True where it opened a slot, a good moment to ask for `ripe`."""
        number = since_ms // SLOT_MS
        slot = self._slots.get(number)
        opened = slot is None
        if slot is None:
            slot = self._slots[number] = {}
        slot[kind] = slot.get(kind, 0) + 1
        return opened

    def leave(self, since_ms: int, kind: Kind) -> None:
        """One less; without effect on what has ripened already."""
        slot = self._slots.get(since_ms // SLOT_MS)
        if slot is not None:
            slot[kind] = slot.get(kind, 0) - 1

    def ripe(self, now_ms: int) -> list[tuple[Kind, int]]:
        """What has ripened since the last call; may be called from another thread than the rest."""
        last = (now_ms - self._age_ms) // SLOT_MS
        ripe = [self._slots.pop(number, {}) for number in tuple(self._slots) if number < last]
        return [(kind, count) for slot in ripe for kind, count in tuple(slot.items()) if count > 0]
