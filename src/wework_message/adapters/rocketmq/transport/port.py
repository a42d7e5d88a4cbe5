"""What we need of a RocketMQ client, whichever client it is: publish, take, acknowledge.

At-least-once everywhere: a publish that failed may have been stored, and what is not acknowledged comes again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class PublishError(Exception):
    """The broker did not say that it has the message; perhaps it has."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message from a topic, ours until it is acknowledged or its lease ends."""

    topic: str
    body: bytes
    keys: tuple[str, ...]
    message_id: str
    """The broker's; the same at each delivery."""
    attempt: int
    """1 = the first delivery."""
    handle: object
    """What the client needs to acknowledge it."""


class Subscription(Protocol):
    """One topic, read by one consumer group."""

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """Up to `limit` messages; waits a few seconds for the first one, and returns none then, or while the broker is away."""
        ...

    async def ack(self, delivery: Delivery) -> None:
        """Never again. A failure is not told: the message comes again."""
        ...

    async def close(self) -> None:
        """Take nothing more; once is enough, twice is allowed."""
        ...


class Transport(Protocol):
    """A connection to the cluster."""

    async def publish(self, topic: str, body: bytes, *, keys: Sequence[str] = ()) -> None:
        """Durable at the broker when this returns, by the broker's own settings. Raises `PublishError`."""
        ...

    async def subscribe(self, topic: str, group: str, *, lease_s: int) -> Subscription:
        """What is received and not acknowledged within `lease_s` (10 s to 12 h) is delivered again."""
        ...

    async def close(self) -> None:
        """Close everything; subscriptions are closed before."""
        ...
