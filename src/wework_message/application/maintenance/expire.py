"""Messages whose `expiresAt` has come while nothing looks at them: their account is over its budget, paused or switched off (ADR 52)."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.cluster_lease import ClusterLease
from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.errors import DrainingError
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import MessageId
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.system import Clock

LEASE_NAME: Final = "expiry"
INTERVAL_S: Final = 10.0
LEASE_MS: Final = 25_000
"""A process that dies is followed by another one after so long. Two at once would do no harm."""

LOOKED_AT: Final = 500
"""Due rows of one read."""

READS: Final = 4
"""Reads of one round: of a backlog of 100,000 each message is looked at every 8 minutes."""

SLICE: Final = 20
"""Whole messages that are in memory at once: each may be as long as a request."""

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExpireMessages:
    """The transaction's part: those that still wait."""

    clock: Clock

    async def __call__(self, scope: CommitScope, items: Sequence[Sequence[MessageId]], /) -> Sequence[None]:
        """One None per slice."""
        messages = await scope.unit.messages.get(sorted({message_id for ids in items for message_id in ids}))
        now = self.clock.now()
        expired = [message for message in messages.values() if message.is_waiting() and now >= message.expires_at]
        for message in expired:
            message.expire(now=now)
        await scope.save(expired)
        return [None] * len(items)


class ExpireWaiting:
    """A loop: one process of the cluster goes through the due rows, again and again, a part in each round."""

    def __init__(
        self, units: UnitOfWorkFactory, commits: Commits, operation: ExpireMessages, lease: ClusterLease
    ) -> None:
        """`lease` is that of `LEASE_NAME`."""
        self._units = units
        self._commits = commits
        self._operation = operation
        self._lease = lease
        self._after = 0
        self._until = 0
        self._stopped = asyncio.Event()

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the read at hand."""
        self._stopped.set()

    async def run(self) -> None:
        """Until `stop`. A store that is away is asked again in the next round."""
        while not await set_within(self._stopped, INTERVAL_S):
            try:
                await self.round()
            except (UnavailableError, DrainingError):
                _log.info("expiry waits for the database")
            except Exception:  # noqa: BLE001 -- one defect must not end it
                _log.exception("expiry failed")
        await self._lease.release()

    async def round(self) -> None:
        """At most `READS` reads, from where the last round ended, up to the row that was the last one when it began anew.

        What was inserted since comes later: the way through a backlog that grows faster than it is read has an end.
        """
        if not await self._lease.acquire():
            return
        for _ in range(READS):
            async with self._units() as unit:
                if self._after == 0:
                    self._until = await unit.due_times.newest()
                overdue = await unit.due_times.overdue(self._after, LOOKED_AT)
            ids = overdue.message_ids
            for start in range(0, len(ids), SLICE):
                await self._expire(ids[start : start + SLICE])
            following = overdue.following or 0
            self._after = following if following < self._until else 0
            if self._after == 0:
                return

    async def _expire(self, ids: Sequence[MessageId]) -> None:
        """A message that cannot be handled is left to its claim: the others of its part, and those behind it, go on."""
        try:
            await self._commits.submit(self._operation, ids)
        except (UnavailableError, DrainingError):
            raise  # an outage: the next round begins here
        except Exception:  # noqa: BLE001 -- one message must not keep all others waiting
            if len(ids) == 1:
                _log.exception("a message could not be expired", extra={"message_id": ids[0]})
                return
            for message_id in ids:
                await self._expire([message_id])
