"""What follows a change of pauses: messages that stepped aside are due again, and the dispatcher looks at the table."""

import logging
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from wework_message.application.commit.scope import Commits, CommitScope
from wework_message.application.tries import tried
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.ids import BatchId, MessageId, TenantId
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.message.message import Message
from wework_message.domain.ports.notifier import Notifier
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.system import Clock

SLICE: Final = 20
"""Whole messages of a batch that are in memory at once: each may be as long as a request."""

TRIES: Final = 3
"""How often a slice is made due where another process is faster with one of its messages."""

_log: Final = logging.getLogger(__name__)


async def slices(
    reader: MessageReader, tenant_id: TenantId | None, batch_id: BatchId
) -> AsyncIterator[Sequence[Message]]:
    """The messages of a batch of the tenant (None = of any) in order, `SLICE` at a time."""
    after = -1
    while views := await reader.batch_items(tenant_id, batch_id, limit=SLICE, after=after):
        yield [view.message for view in views]
        after = views[-1].message.index or 0


@dataclass(frozen=True, slots=True)
class ResumeMessages:
    """The transaction's part: due at once, whatever other writers made of them meanwhile."""

    clock: Clock

    async def __call__(self, scope: CommitScope, items: Sequence[Sequence[MessageId]], /) -> Sequence[None]:
        """One None per slice."""
        messages = await scope.unit.messages.get(sorted({message_id for ids in items for message_id in ids}))
        for message in messages.values():
            message.resume(now=self.clock.now())
        await scope.save([message for message in messages.values() if message.due is not None])
        return [None] * len(items)


@dataclass(frozen=True, slots=True)
class PausesChanged:
    """Called by the board of a process once it knows of the change: its own claims put nothing aside any more."""

    commits: Commits
    operation: ResumeMessages
    reader: MessageReader
    notifier: Notifier

    async def __call__(self, resumed: Collection[BatchId]) -> None:
        """`resumed` are batches that are paused no more. Never raises for a store that is away or refuses it: they are looked at later."""
        for batch_id in resumed:
            try:
                await self._release(batch_id)
            except (UnavailableError, ConflictError) as error:
                _log.warning("the messages of a resumed batch wait for their next look: %s", error)
        await self.notifier.notify(())

    async def _release(self, batch_id: BatchId) -> None:
        async for messages in slices(self.reader, None, batch_id):
            if aside := [message.id for message in messages if message.reason == HoldReason.PAUSED]:
                await self._make_due(aside)

    async def _make_due(self, aside: Sequence[MessageId]) -> None:
        # Another process was faster with one of them: read again.
        await tried(TRIES, partial(self.commits.submit, self.operation, aside), ConflictError)
