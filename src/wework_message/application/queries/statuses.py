"""Statuses of messages, from what is committed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.ports.queries import MessageReader, StatusReader, StatusView


@dataclass(frozen=True, slots=True)
class ReadStatuses:
    """Statuses of whole messages."""

    reader: MessageReader

    async def statuses(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> Mapping[MessageId, StatusView]:
        """The ones that exist and belong to the tenant."""
        views = await self.reader.messages(tenant_id, message_ids)
        return {message_id: StatusView.of(view) for message_id, view in views.items()}


def _conforms(statuses: ReadStatuses) -> StatusReader:
    return statuses
