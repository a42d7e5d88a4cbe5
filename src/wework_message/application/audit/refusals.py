"""Requests that were not let in: counted, and written to the trail once a minute, so that a flood of them writes little."""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.audit.trail import AppendEntries
from wework_message.application.commit.scope import Commits
from wework_message.application.waiting import set_within
from wework_message.domain.audit import Refusal
from wework_message.domain.ports.system import Clock, IdGenerator

MAX_ADDRESSES: Final = 1_000
"""Kinds of refusals that are told apart within a minute; the others are counted together, without their addresses."""

INTERVAL_S: Final = 60.0

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Refusals:
    """Counts what this process refuses. A process that is killed loses the counts of its last minute; the log has them."""

    commits: Commits
    operation: AppendEntries
    ids: IdGenerator
    clock: Clock
    _counts: Counter[Refusal] = field(default_factory=Counter)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def refused(self, refusal: Refusal) -> None:
        """Count one; no wait."""
        self._count(refusal, 1)

    def _count(self, refusal: Refusal, count: int) -> None:
        known = refusal in self._counts or len(self._counts) < MAX_ADDRESSES
        self._counts[refusal if known else Refusal(refusal.action, None)] += count

    async def flush(self) -> None:
        """Write what was counted. What the store does not take is kept, and written the next time."""
        if not self._counts:
            return
        counts, self._counts = self._counts, Counter()
        now = self.clock.now()
        entries = [refusal.entry(self.ids.audit_id(), now, count) for refusal, count in counts.items()]
        written = await asyncio.gather(
            *(self.commits.submit(self.operation, entry) for entry in entries), return_exceptions=True
        )
        errors = [error for error in written if error is not None]
        if errors:
            _log.warning("refused requests could not be written to the audit trail: %s", type(errors[0]).__name__)
        for (refusal, count), error in zip(counts.items(), written, strict=True):
            if error is not None:
                self._count(refusal, count)

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after it has written what was counted."""
        self._stopped.set()

    async def run(self) -> None:
        """Write once a minute, until `stop`."""
        while not self._stopped.is_set():
            await set_within(self._stopped, INTERVAL_S)
            await self.flush()
        await self.flush()
