"""The queue as a doorbell (D-10): it says that something is due; the database says what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wework_message.domain.ids import MessageId
from wework_message.domain.message.scheduling import Urgency


@dataclass(frozen=True, slots=True)
class Wakeup:
    """What a wait has heard."""

    message_ids: frozenset[MessageId] = frozenset()
    """What is perhaps due; empty = perhaps anything, the table says."""
    tokens: tuple[object, ...] = ()
    """The doorbell's own: what to acknowledge."""


class Notifier(Protocol):
    """Wakes dispatchers. Losing, repeating or reordering rings changes nothing but latency."""

    async def notify(self, message_ids: Sequence[MessageId], urgency: Urgency = Urgency.NORMAL) -> None:
        """One ring for everything of a class that one commit made due; no ids = the table, for this process alone.

        Returns at once, and never raises for a broker that is away.
        """
        ...

    async def wait(self, timeout_ms: int) -> Wakeup:
        """Return at the next ring, at once if one came since the last call, or after `timeout_ms`.

        Called only while there is room for what is due: nothing is taken from others otherwise.
        """
        ...

    async def answered(self, wakeup: Wakeup) -> None:
        """The claims of this ring are committed. One that is not answered comes again, to somebody."""
        ...


class InboxNotifier(Protocol):
    """Wakes whoever projects callbacks, in whichever process. Losing a ring costs latency: projectors look themselves."""

    def notify(self) -> None:
        """Callbacks were stored or reopened. Never waits and never raises."""
        ...
