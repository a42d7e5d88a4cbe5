"""How long a supervisor waits before it starts a worker again."""

from dataclasses import dataclass
from typing import Final

FIRST_PAUSE_S: Final = 0.2
MAX_PAUSE_S: Final = 30.0
STEADY_S: Final = 60.0
"""A worker that worked for so long ends a row of failures: the next pause is the first one again."""


@dataclass(slots=True)
class Pauses:
    """The pauses of one worker's place: each twice as long as the one before, up to `MAX_PAUSE_S`."""

    _next_s: float = FIRST_PAUSE_S

    def after(self, worked_s: float) -> float:
        """The pause after a worker that worked for `worked_s` seconds (0 = it never opened), seconds."""
        pause_s = FIRST_PAUSE_S if worked_s >= STEADY_S else self._next_s
        self._next_s = min(MAX_PAUSE_S, 2 * pause_s)
        return pause_s
