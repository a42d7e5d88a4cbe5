"""What follows the end of a fetch or an upload: the messages that wait for it are due."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.application.commit.scope import CommitScope
from wework_message.domain.ids import MessageId
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.ports.system import Clock

PIECE: Final = 500
"""Messages that one transaction makes due."""


@dataclass(frozen=True, slots=True)
class ReleaseMessages:
    """For what `MediaRepository.fetched` and `uploaded` returned, a piece in each transaction, once that is committed.

    Never in the same transaction: a claim that has a message locked may wait for the asset's rows. What a process that dies
    before leaves HELD looks at its media by itself.
    """

    clock: Clock

    async def __call__(self, scope: CommitScope, items: Sequence[Sequence[MessageId]], /) -> Sequence[None]:
        """Those that are HELD for media are due at once, whatever other writers made of them meanwhile; one None per piece."""
        messages = await scope.unit.messages.get(sorted({message_id for ids in items for message_id in ids}))
        for message in messages.values():
            message.resume(now=self.clock.now(), reason=HoldReason.MEDIA)
        await scope.save([message for message in messages.values() if message.due is not None])
        return [None] * len(items)
