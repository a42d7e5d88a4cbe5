"""The repository of mass sends: their chunks, the days of their recipients, and what waits for a confirmation."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from wework_message.domain.ids import AccountId, Guid, MessageId, ProviderCode, TenantId
from wework_message.domain.mass.chunks import MassChunk
from wework_message.domain.mass.confirmation import Confirmation
from wework_message.domain.message.matching import OpenAttempt


@dataclass(frozen=True, slots=True)
class DueChunk:
    """A due chunk, locked for this unit of work."""

    chunk: MassChunk
    message_ids: Sequence[MessageId]
    """Its messages that wait, in the order of their places; perhaps none."""
    paced_for: ProviderCode | None
    """The provider in whose budgets it has its place already, if any."""
    place_in_ms: int = 0
    """When that place comes: a chunk may be looked at before, as one of its messages is retried."""


@dataclass(frozen=True, slots=True)
class MassTask:
    """A call that the provider named."""

    chunk: MassChunk
    provider_code: ProviderCode
    guid: Guid
    task_id: str
    """At most 128 characters."""
    started_at: int
    """Of the call's attempts, epoch ms: what is said of the task is said of these and of no others."""
    checks: int = 0
    """How often it was asked what became of it."""


class MassRepository(Protocol):
    """Mass sends, inside a unit of work.

    A message that waits in its chunk (`Message.waits_in_chunk`) has no due time of its own: `MessageRepository.add` and `save` make
    its chunk due no later than `Message.due` says.
    """

    async def add(self, chunks: Sequence[MassChunk]) -> None:
        """Store new ones, before their messages; they are not due yet."""
        ...

    async def due(self, limit: int) -> Sequence[DueChunk]:
        """Up to `limit` due chunks, the oldest due first, which are not due any more. Another unit of work passes over them."""
        ...

    async def later(self, chunk: MassChunk, in_ms: int, *, paced_for: ProviderCode | None = None) -> None:
        """It is due in `in_ms`, or before; it has its place in the budgets of its account and of `paced_for` then, if that is named."""
        ...

    async def take_days(
        self, tenant_id: TenantId, account_id: AccountId, day: str, owners: Mapping[str, MessageId]
    ) -> frozenset[str]:
        """Give each conversation's day to the message that is about to be sent; returns the conversations whose day others have.

        A message keeps its own day. It takes the day of another one of which nothing was sent: that waits, or ended without a call,
        or was proven unsent.
        """
        ...

    async def accepted(
        self, provider_code: ProviderCode, guid: Guid, account_id: AccountId, conversations: Collection[str]
    ) -> Sequence[OpenAttempt]:
        """Accepted attempts of mass sends of the newest 24 h in these conversations that no record was matched with, oldest first.

        Those whose echoes their content identifies: an answer to a mass send names no messages.
        """
        ...

    async def called(self, task: MassTask, *, check_in_ms: int | None) -> None:
        """The provider named the last call of this chunk; what became of it is asked in so long, or not any more."""
        ...

    async def checked(self, task: MassTask, *, check_in_ms: int | None) -> None:
        """It was asked what became of it, once more. Nothing happens where the chunk has had another call that was named."""
        ...

    async def checks(self, limit: int, *, again_in_ms: int) -> Sequence[MassTask]:
        """Up to `limit` tasks that are to be asked about now, which are due again in `again_in_ms`. Another unit of work passes over them."""
        ...

    async def recipients(self, chunk: MassChunk) -> Sequence[MessageId]:
        """All of its messages, in the order of their places."""
        ...

    async def announce(self, confirmation: Confirmation) -> None:
        """Store it, and forget those that are over."""
        ...

    async def confirm(self, digest: bytes, fingerprint: bytes, *, now: int) -> bool:
        """Use it up, where it is there, of this request, and not over."""
        ...


class MassReader(Protocol):
    """Queries: what is committed."""

    async def chunk_due(self) -> bool:
        """Whether a chunk is due: a look that costs no transaction."""
        ...

    async def check_due(self) -> bool:
        """Whether a task is to be asked about; the same."""
        ...
