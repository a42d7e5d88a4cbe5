"""Erases what was sent and received long ago: contents of messages, texts of callbacks. What became of them stays (ADR 62)."""

import logging
from collections import Counter
from functools import partial
from typing import Final

from wework_message.application.maintenance.prune import INTERVAL_S, PRUNED_STATES, ROWS_PER_STEP, Range
from wework_message.application.policy import Policy
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.ports.maintenance import START, Pruned, Pruning
from wework_message.domain.ports.repositories import UnitOfWork

ROUNDS_PER_WALK: Final = 24
"""Rounds until everything is looked at again, also what came to rest late: about a day."""

_log: Final = logging.getLogger(__name__)


class ExpireContents:
    """Range after range, `ROWS_PER_STEP` rows in a transaction. Each round goes on behind the last one.

    Where it is lives in the process: another process, or this one after its start, walks from the beginning, which erases
    nothing twice.
    """

    name: Final = "contents"
    interval_s: Final = INTERVAL_S

    def __init__(self, policy: Policy, step: int = ROWS_PER_STEP) -> None:
        """Nothing is examined where `policy` keeps contents as long as messages, and texts as long as callbacks."""
        self._ranges: list[tuple[str, Range]] = []
        if policy.keep_content_ms is not None:
            self._ranges += [
                ("contents of messages", partial(_contents, step, status, policy.keep_content_ms))
                for status in sorted(RESTING)
            ]
        if policy.keep_raw_ms is not None:
            self._ranges += [
                ("texts of callbacks", partial(_texts, step, state, policy.keep_raw_ms)) for state in PRUNED_STATES
            ]
        self._reached: dict[int, str] = {}
        self._rounds = 0
        self._at = 0
        self._erased = Counter[str]()

    def begin(self) -> None:
        """Start with the first range, behind what an earlier round has seen."""
        if self._rounds % ROUNDS_PER_WALK == 0:
            self._reached = {}
        self._rounds += 1
        self._at = 0
        self._erased.clear()

    async def step(self, unit: UnitOfWork) -> bool:
        """Erase the next ones of the current range."""
        if not self._ranges:
            return False
        what, erase = self._ranges[self._at]
        pruned = await erase(unit.pruning, self._reached.get(self._at, START))
        self._erased[what] += pruned.deleted
        if pruned.after is not None:
            self._reached[self._at] = pruned.after
            return True
        self._at += 1
        if self._at < len(self._ranges):
            return True
        for name, erased in self._erased.items():
            if erased:
                _log.info("erased %s: %d", name, erased)
        return False


async def _contents(step: int, status: MessageStatus, older_than_ms: int, pruning: Pruning, after: str) -> Pruned:
    return await pruning.contents(status, older_than_ms=older_than_ms, limit=step, after=after)


async def _texts(step: int, state: InboxState, older_than_ms: int, pruning: Pruning, after: str) -> Pruned:
    return await pruning.texts(state, older_than_ms=older_than_ms, limit=step, after=after)
