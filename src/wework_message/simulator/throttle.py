"""The limit of calls per instance and minute, which the vendor does not document (assumed)."""

from collections import deque
from math import ceil

WINDOW_S = 60.0


class Throttle:
    """Counts the calls that each instance took in the last 60 s. A call that is refused does not count."""

    def __init__(self) -> None:
        self._taken: dict[str, deque[float]] = {}

    def refuse(self, guid: str, limit: int, now: float) -> int | None:
        """Count a call at `now` (seconds of any steady clock); None: it is taken, else whole seconds until one would be.

        `limit` is the number of calls in any 60 s; 0 takes all of them and counts none.
        """
        if limit == 0:
            return None
        taken = self._taken.setdefault(guid, deque())
        while taken and taken[0] <= now - WINDOW_S:
            taken.popleft()
        if len(taken) >= limit:
            return ceil(taken[len(taken) - limit] + WINDOW_S - now)
        taken.append(now)
        return None
