"""The queue as a doorbell (decision 10): it says that something is due; the database says what."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.domain.ids import MessageId


class Doorbell(Protocol):
    """Wakes dispatchers. Losing, repeating or reordering rings changes nothing but latency."""

    async def ring(self, message_ids: Sequence[MessageId]) -> None:
        """One ring for everything that one commit made due; never raises for a broker that is away."""
        ...

    async def wait(self, timeout_ms: int) -> None:
        """Return at the next ring, at once if one came since the last call, or after `timeout_ms`."""
        ...


class InboxDoorbell(Protocol):
    """Wakes whoever projects callbacks, in whichever process. Losing a ring costs latency: projectors look themselves."""

    def ring(self) -> None:
        """Callbacks were stored or reopened. Never waits and never raises."""
        ...
