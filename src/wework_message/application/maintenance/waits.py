"""Shortens stored waits that a clock which was set back made longer (ADR 27)."""

import logging
from typing import Final

from wework_message.domain.ports.repositories import UnitOfWork
from wework_message.domain.ports.system import Clock

INTERVAL_S: Final = 5.0
"""How soon a clock that was set back is noticed."""

SET_BACK_MS: Final = 250
"""A database's clock that falls behind the boot clock by more than this between two rounds was set back."""

ROUNDS: Final = 3
"""Rounds that look at the rows after a clock was set back: one of them may be rolled back, and others wrote meanwhile."""

LIMIT: Final = 500
"""Messages of one step."""

_log: Final = logging.getLogger(__name__)


class ShortenWaits:
    """Looks at the rows in its first rounds, and after the database's clock was set back; otherwise at the clock only."""

    name: Final = "waits"
    interval_s: Final = INTERVAL_S

    def __init__(self, clock: Clock) -> None:
        """The database's clock is compared with `clock.boot`."""
        self._clock = clock
        self._offset: float | None = None
        self._rounds = ROUNDS

    def begin(self) -> None:
        """One round of looking at the rows is used up."""
        self._rounds -= 1

    async def step(self, unit: UnitOfWork) -> bool:
        """Compare the clocks, then shorten the waits of some messages."""
        offset = await unit.due_times.now() - self._clock.boot()
        if self._offset is not None and offset < self._offset - SET_BACK_MS:
            _log.warning("the database's clock was set back by %.1f s", (self._offset - offset) / 1000)
            self._rounds = ROUNDS
        self._offset = offset
        if self._rounds < 0:
            return False
        shortened = await unit.due_times.shorten(LIMIT)
        if shortened:
            _log.warning("messages waited for a time before the clock was set back, and are due earlier: %d", shortened)
        return shortened == LIMIT
