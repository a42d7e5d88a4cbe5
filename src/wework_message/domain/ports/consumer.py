"""A topic as a consumer sees it: at least once, so a message may come again, and in any order."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from wework_message.domain.trace import TraceContext


class Delivered(Protocol):
    """One message from a topic; this consumer has it until it is acknowledged or its lease ends."""

    @property
    def body(self) -> bytes:
        """As the producer sent it."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """The producer's keys; often none."""
        ...

    @property
    def message_id(self) -> str:
        """The producer's id, the same at each delivery; not its own: all parts of a batch share it."""
        ...

    @property
    def part_id(self) -> str:
        """The broker's own name of what it stored. Its parts of one batch differ, and so do copies made for a redelivery."""
        ...

    @property
    def unreadable(self) -> str | None:
        """Why the body could not be decoded, such as an unknown compression; then `body` is as the broker stored it."""
        ...

    @property
    def attempt(self) -> int:
        """1 = the first delivery."""
        ...

    @property
    def trace(self) -> TraceContext | None:
        """The span that published it, as its properties say; None where they say nothing."""
        ...


DeliveredT = TypeVar("DeliveredT", bound=Delivered)


class Subscribed(Protocol[DeliveredT]):
    """One topic, read by one consumer group."""

    async def receive(self, limit: int) -> Sequence[DeliveredT]:
        """Up to `limit` messages; waits a few seconds for the first one, and returns none then, or while the broker is away."""
        ...

    async def part_ids(self, delivery: DeliveredT) -> Sequence[str]:
        """The parts that this may be: one; several of a batch with equal bodies; none while the broker cannot tell.

        Two deliveries of one part have the same answer. Among several, which one it is makes no difference.
        """
        ...

    async def ack(self, delivery: DeliveredT) -> None:
        """Acknowledge: it does not come again. A failure is not reported: the message comes again."""
        ...
