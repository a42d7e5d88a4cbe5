"""Statuses of messages, from what is committed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.message.message import Message
from wework_message.domain.ports.queries import MessageReader, StatusReader, StatusView

MESSAGES_AT_ONCE: Final = 20
"""Whole messages that are in memory at once: each may be as long as a request, and its status is short."""


def never(_: Message, /) -> bool:
    """Where nothing is paused."""
    return False


@dataclass(frozen=True, slots=True)
class ReadStatuses:
    """Statuses of whole messages."""

    reader: MessageReader
    paused: Callable[[Message], bool] = never
    """Whether a message waits because an operator stopped it."""

    async def statuses(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> Mapping[MessageId, StatusView]:
        """The ones that exist and belong to the tenant."""
        statuses: dict[MessageId, StatusView] = {}
        for start in range(0, len(message_ids), MESSAGES_AT_ONCE):
            views = await self.reader.messages(tenant_id, message_ids[start : start + MESSAGES_AT_ONCE])
            statuses |= {
                message_id: StatusView.of(view, paused=self.paused(view.message)) for message_id, view in views.items()
            }
        return statuses


def _conforms(statuses: ReadStatuses) -> StatusReader:
    return statuses
