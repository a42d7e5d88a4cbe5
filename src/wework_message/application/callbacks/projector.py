"""The loop that projects callbacks for as long as some are pending."""

import asyncio
import logging
from typing import Final

from wework_message.application.callbacks.project import CountFailure, ProjectCallbacks
from wework_message.application.commit.scope import Commits
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.notifier import InboxNotifier

BATCH_SIZE: Final = 64
"""Entries in one transaction: where there is one writer, sends wait for it (ADR 68)."""

RETRY_DELAY_S: Final = 1.0
"""Pause while the store is away."""

_log: Final = logging.getLogger(__name__)


class LocalInboxNotifier:
    """Wakes the projector of this process when callbacks were stored or reopened."""

    def __init__(self) -> None:
        """Not notified yet."""
        self._notified = asyncio.Event()

    def notify(self) -> None:
        """Something is pending."""
        self._notified.set()

    async def wait(self, seconds: float) -> None:
        """Return at the next notification, at once if one came since the last call, or after `seconds`."""
        if await set_within(self._notified, seconds):
            self._notified.clear()


class Projector:
    """Projects pending callbacks, batch after batch."""

    def __init__(
        self,
        commits: Commits,
        operation: ProjectCallbacks,
        inbox_notifier: LocalInboxNotifier,
        poll_ms: int,
    ) -> None:
        """One per process; `poll_ms` is how often it polls without a wake-up: another process may have died after storing."""
        self._commits = commits
        self._operation = operation
        self._count_failure = CountFailure()
        self._inbox_notifier = inbox_notifier
        self._poll_s = poll_ms / 1000
        self._stopping = False

    async def stop(self, drain_s: float = 0.0) -> None:  # noqa: ARG002 -- a loop's stop
        """`run` returns after the batch at hand."""
        self._stopping = True
        self._inbox_notifier.notify()

    async def project_pending(self) -> int:
        """Everything that is pending now, until `stop`; returns how many entries were handled."""
        total = 0
        while (looked_at := await self._project()) > 0:
            total += looked_at
            if self._stopping:
                break
        return total

    async def _project(self) -> int:
        try:
            return await self._commits.submit(self._operation, BATCH_SIZE)
        except UnavailableError:
            raise
        except Exception:  # noqa: BLE001 -- one entry's defect: the others must not share its fate
            _log.exception("callback set could not be projected")
        looked_at = 0
        while looked_at < BATCH_SIZE and (count := await self._project_one()) > 0:
            looked_at += count
        return looked_at

    async def _project_one(self) -> int:
        try:
            return await self._commits.submit(self._operation, 1)
        except UnavailableError:
            raise
        except Exception:  # noqa: BLE001 -- counted: five times end it, kept for replay
            _log.exception("callback could not be projected")
            return await self._commits.submit(self._count_failure, 1)

    async def run(self) -> None:
        """Project until `stop`; entries from before the start come first."""
        self._inbox_notifier.notify()
        while not self._stopping:
            await self._inbox_notifier.wait(self._poll_s)
            try:
                await self.project_pending()
            except UnavailableError:
                await self._pause()
            except Exception:  # noqa: BLE001 -- one defect must not end all projecting
                _log.exception("callbacks could not be projected")
                await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(RETRY_DELAY_S)
        self._inbox_notifier.notify()


def _conforms(inbox_notifier: LocalInboxNotifier) -> InboxNotifier:
    return inbox_notifier
