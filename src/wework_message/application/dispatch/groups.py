"""MIXED groups: their parts are messages of one lane, sent in order."""

from collections.abc import Sequence

from wework_message.application.commit.scope import CommitScope
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message


async def stop_groups(scope: CommitScope, messages: Sequence[Message], *, now: int) -> None:
    """A part that was refused, by a provider or by us, stops the parts behind it (W-3); `messages` are saved."""
    for message in messages:
        if message.group_id is None or message.status is not MessageStatus.FAILED:
            continue
        parts = await scope.unit.messages.group(message.group_id)
        behind = [part for part in parts if (part.index or 0) > (message.index or 0) and part.is_waiting()]
        for part in behind:
            part.cancel(now=now, reason="EARLIER_PART_REFUSED")
        await scope.save(behind)
