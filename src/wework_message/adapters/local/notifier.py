"""The notifier inside one process. `embedded` and most tests use it."""

import asyncio
from collections.abc import Sequence

from wework_message.application.waiting import set_within
from wework_message.domain.ids import MessageId
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.ports.notifier import Notifier, Wakeup
from wework_message.domain.trace import TraceContext


class LocalNotifier:
    """Remembers that there was a wake-up; the database knows what is due."""

    def __init__(self) -> None:
        """For one waiter, the process's dispatcher."""
        self._notified = asyncio.Event()

    async def notify(
        self,
        message_ids: Sequence[MessageId],  # noqa: ARG002 -- here it counts only that there was a wake-up
        urgency: Urgency = Urgency.NORMAL,  # noqa: ARG002 -- the same
        traces: Sequence[TraceContext] = (),  # noqa: ARG002 -- the same
    ) -> None:
        """Wake the waiter, or let its next `wait` return at once."""
        self._notified.set()

    async def wait(self, timeout_ms: int) -> Wakeup:
        """Until a wake-up, or for `timeout_ms`; in both cases the table says what is due."""
        if timeout_ms > 0:
            await set_within(self._notified, timeout_ms / 1000)
        self._notified.clear()
        return Wakeup()

    async def answered(self, wakeup: Wakeup) -> None:
        """Nothing to acknowledge."""


def _conforms(notifier: LocalNotifier) -> Notifier:
    return notifier
