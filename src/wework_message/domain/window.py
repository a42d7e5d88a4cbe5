"""Counts over a sliding span of time, in constant memory and constant time per event (M-6.4, D-21).

Events are counted in slots. The counted span is between `slots - 1` and `slots` whole slots long, so a limit over
a span of T holds strictly when (slots - 1) x slot_ms >= T.
"""

from typing import Final, NamedTuple

_EMPTY: Final = (0.0, 0.0)


class SlidingCounts(NamedTuple):
    """Two sums (such as all and bad, or sends and retries) over the last `slots` slots; immutable."""

    slot_ms: int
    """Length of a slot in ms, at least 1."""
    slots: int
    """Number of slots, at least 1."""
    sums: tuple[tuple[float, float], ...] = ()
    """Newest first; never longer than `slots`."""
    newest: int = 0
    """Number of the newest slot: its first instant divided by `slot_ms`."""
    totals: tuple[float, float] = _EMPTY
    """The sum of `sums`."""

    def add(self, first: float, second: float, now: int) -> "SlidingCounts":
        """Count an event at `now` (ms). A clock that went backwards counts into the newest slot."""
        current = self.at(now)
        sums = current.sums or (_EMPTY,)
        a, b = sums[0]
        total_a, total_b = current.totals
        return SlidingCounts(
            self.slot_ms,
            self.slots,
            ((a + first, b + second), *sums[1:]),
            current.newest,
            (total_a + first, total_b + second),
        )

    def at(self, now: int) -> "SlidingCounts":
        """The same counts without events that are too old for `now`."""
        slot = now // self.slot_ms
        if self.sums and slot <= self.newest:
            return self
        passed = slot - self.newest if self.sums else self.slots
        if passed >= self.slots:
            return SlidingCounts(self.slot_ms, self.slots, (_EMPTY,), slot)
        sums = ((_EMPTY,) * passed + self.sums)[: self.slots]
        return SlidingCounts(self.slot_ms, self.slots, sums, slot, (sum(a for a, _ in sums), sum(b for _, b in sums)))
