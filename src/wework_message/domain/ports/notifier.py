"""Notifications of dispatchers and projectors (D-10): they say that something is due; the database says what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wework_message.domain.ids import MessageId
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.trace import TraceContext


@dataclass(frozen=True, slots=True)
class Wakeup:
    """What a wait returned."""

    message_ids: frozenset[MessageId] = frozenset()
    """Messages that are perhaps due; empty = read the due table."""
    tokens: tuple[object, ...] = ()
    """For the notifier alone: what it must acknowledge."""
    traces: tuple[TraceContext, ...] = ()
    """The spans of what came."""


class Notifier(Protocol):
    """Wakes dispatchers. Lost, repeated or reordered notifications change only latency."""

    async def notify(
        self,
        message_ids: Sequence[MessageId],
        urgency: Urgency = Urgency.NORMAL,
        traces: Sequence[TraceContext] = (),
    ) -> None:
        """Announce all messages of a class that one commit made due; no ids = this process should read the table.

        `traces` are those of the messages, as far as they are recorded.

        Returns at once, and never raises for a broker that is away.
        """
        ...

    async def wait(self, timeout_ms: int) -> Wakeup:
        """Return at the next notification, at once if one came since the last call, or after `timeout_ms`.

        Called only while there is capacity for due messages, so that notifications are not taken from other processes.
        """
        ...

    async def answered(self, wakeup: Wakeup) -> None:
        """The claims of this wake-up are committed. One that is not answered comes again, to any process."""
        ...


class InboxNotifier(Protocol):
    """Wakes the projectors of callbacks in all processes. A lost notification costs latency only: projectors poll as well."""

    def notify(self) -> None:
        """Callbacks were stored or reopened. Never waits and never raises."""
        ...
