"""Withdraw what a batch has not sent yet, a slice in each transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.control.release import slices
from wework_message.application.errors import NotFoundError
from wework_message.domain.ids import BatchId, MessageId, TenantId
from wework_message.domain.lifecycle import WAITING, MessageStatus
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.system import Clock

REASON: Final = "BATCH_CANCELLED"
"""The reason of a message that was cancelled with its batch."""

SENT: Final = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.RECALLING, MessageStatus.RECALLED})
"""Statuses of messages that a cancel comes too late for: a recall is the way."""


@dataclass(frozen=True, slots=True)
class CancelBatch:
    """Withdraw the waiting messages of a batch."""

    tenant_id: TenantId
    batch_id: BatchId
    limit: int
    """Messages that one request cancels at most."""


@dataclass(frozen=True, slots=True)
class CancelledBatch:
    """A batch after a cancel. A repeat goes on where one was interrupted, and changes nothing where it was not."""

    batch_id: BatchId
    total: int
    """Messages of the batch that were stored."""
    newly_cancelled: int
    """By this request."""
    cancelled: int
    """All that are CANCELLED, for whatever reason."""
    sent: int
    in_flight: int
    """A call is open, or ended without proof (UNKNOWN): what becomes of them is not known yet."""
    ended: int
    """FAILED or EXPIRED: they were never sent."""
    remaining: int
    """Still waiting: more than the request might cancel, or changed meanwhile. The next request takes them."""

    @classmethod
    def of(cls, batch_id: BatchId, by_status: Mapping[MessageStatus, int], newly_cancelled: int) -> Self:
        """From the numbers of its messages."""
        cancelled = by_status.get(MessageStatus.CANCELLED, 0)
        sent = sum(by_status.get(status, 0) for status in SENT)
        remaining = sum(by_status.get(status, 0) for status in WAITING)
        in_flight = sum(by_status.get(status, 0) for status in (MessageStatus.SENDING, MessageStatus.UNKNOWN))
        total = sum(by_status.values())
        ended = total - cancelled - sent - remaining - in_flight
        return cls(batch_id, total, newly_cancelled, cancelled, sent, in_flight, ended, remaining)


@dataclass(frozen=True, slots=True)
class CancelWaiting:
    """The transaction's part: lock, cancel what waits, save."""

    clock: Clock

    async def __call__(self, scope: CommitScope, items: Sequence[Sequence[MessageId]], /) -> Sequence[int]:
        """How many of each slice were cancelled here; one that is not waiting any more stays as it is."""
        messages = await scope.unit.messages.get(sorted({message_id for ids in items for message_id in ids}))
        waiting = [message for message in messages.values() if message.is_waiting()]
        for message in waiting:
            message.cancel(now=self.clock.now(), reason=REASON)
        await scope.save(waiting)
        cancelled = {message.id for message in waiting}
        return [len(cancelled.intersection(ids)) for ids in items]


@dataclass(frozen=True, slots=True)
class CancelBatchHandler:
    """Cancel a batch: what waits is withdrawn, what is in flight or sent stays as it is."""

    commits: Commits
    operation: CancelWaiting
    reader: MessageReader

    async def __call__(self, command: CancelBatch) -> CancelledBatch:
        """Raises `NotFoundError`."""
        if await self.reader.batch(command.tenant_id, command.batch_id) is None:
            raise NotFoundError("batch")
        newly_cancelled = 0
        async for messages in slices(self.reader, command.tenant_id, command.batch_id):
            waiting = [message.id for message in messages if message.is_waiting()][: command.limit - newly_cancelled]
            if waiting:
                newly_cancelled += await self.commits.submit(self.operation, waiting)
            if newly_cancelled >= command.limit:
                break
        view = await self.reader.batch(command.tenant_id, command.batch_id)
        if view is None:
            raise NotFoundError("batch")
        return CancelledBatch.of(command.batch_id, view.by_status, newly_cancelled)
