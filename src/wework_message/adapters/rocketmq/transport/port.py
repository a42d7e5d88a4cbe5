"""The calls of a RocketMQ client that the adapters use: publish, receive, acknowledge.

Everything is at-least-once: a failed publish may have been stored, and an unacknowledged message is delivered again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from wework_message.domain.trace import TraceContext


class PublishError(Exception):
    """The broker did not confirm the message; it may have stored it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message from a topic, leased to us until it is acknowledged or the lease ends."""

    topic: str
    body: bytes
    keys: tuple[str, ...]
    message_id: str
    """The producer's id, the same at each delivery. All parts of a producer's batch share it."""
    part_id: str
    """The broker's own name of what it stored (`part_ids`)."""
    attempt: int
    """1 = the first delivery."""
    handle: object
    """The client's object for the acknowledgement."""
    unreadable: str | None = None
    """Why the body could not be decoded; then `body` is as the broker stored it."""
    copied: bool = False
    """Whether the broker stored a copy for this delivery: `part_id` names the copy, and `Subscription.part_ids` the original."""
    trace: TraceContext | None = None
    """The span that published it, as its properties say."""


class Subscription(Protocol):
    """One topic, read by one consumer group."""

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """Up to `limit` messages. Waits a few seconds for the first one; returns none after that, or while the broker is away."""
        ...

    async def part_ids(self, delivery: Delivery) -> Sequence[str]:
        """The parts that this may be: one; several of a batch with equal bodies; none while the broker cannot tell.

        Two deliveries of one part have the same answer. Among several, which one it is makes no difference.
        """
        ...

    async def ack(self, delivery: Delivery) -> None:
        """Acknowledge, within the lease. After a failure, which is not reported, the message is delivered again."""
        ...

    async def close(self) -> None:
        """Receive nothing more. Twice is allowed."""
        ...


class Transport(Protocol):
    """A connection to the cluster."""

    async def publish(
        self, topic: str, body: bytes, *, keys: Sequence[str] = (), trace: TraceContext | None = None
    ) -> None:
        """Durable at the broker when this returns, by the broker's own settings. Raises `PublishError`.

        `trace` goes along as the properties of W3C's names.
        """
        ...

    async def subscribe(self, topic: str, group: str, *, lease_s: int) -> Subscription:
        """A message that is not acknowledged within `lease_s` (10 s to 12 h) is delivered again."""
        ...

    async def close(self) -> None:
        """Close the subscriptions, then the connection."""
        ...
