"""Erases the contents of messages that came to rest long ago; what became of them stays (ADR 62)."""

import logging
from typing import Final

from wework_message.application.maintenance.prune import INTERVAL_S, ROWS_PER_STEP
from wework_message.application.policy import Policy
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.ports.maintenance import START
from wework_message.domain.ports.repositories import UnitOfWork

ROUNDS_PER_WALK: Final = 24
"""Rounds until all messages are looked at again, those too that came to rest late: about a day."""

_STATUSES: Final = tuple(sorted(RESTING))
_log: Final = logging.getLogger(__name__)


class ExpireContents:
    """Status after status, `ROWS_PER_STEP` messages in a transaction. Each round goes on behind the last one.

    Where it is lives in the process: another process, or this one after its start, walks from the beginning, which erases
    nothing twice.
    """

    name: Final = "contents"
    interval_s: Final = INTERVAL_S

    def __init__(self, policy: Policy, step: int = ROWS_PER_STEP) -> None:
        """Nothing is examined where `policy` keeps contents as long as messages."""
        self._older_than_ms = policy.keep_content_ms
        self._rows = step
        self._reached: dict[MessageStatus, str] = {}
        self._rounds = 0
        self._at = 0
        self._erased = 0

    def begin(self) -> None:
        """Start with the first status, behind what an earlier round has seen."""
        if self._rounds % ROUNDS_PER_WALK == 0:
            self._reached = {}
        self._rounds += 1
        self._at = self._erased = 0

    async def step(self, unit: UnitOfWork) -> bool:
        """Erase the next contents of the current status."""
        if self._older_than_ms is None:
            return False
        status = _STATUSES[self._at]
        pruned = await unit.pruning.contents(
            status, older_than_ms=self._older_than_ms, limit=self._rows, after=self._reached.get(status, START)
        )
        self._erased += pruned.deleted
        if pruned.after is not None:
            self._reached[status] = pruned.after
            return True
        self._at += 1
        if self._at < len(_STATUSES):
            return True
        if self._erased:
            _log.info("erased contents of %d messages", self._erased)
        return False
