from collections.abc import Mapping, Sequence

from tests.support.apps.in_memory_app import InMemoryApp

from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.application.queries.statuses import MESSAGES_AT_ONCE, ReadStatuses
from wework_message.domain.ids import DEFAULT_TENANT, MessageId, TenantId
from wework_message.domain.ports.queries import MessageView


async def test_many_statuses_are_read_in_portions_because_messages_are_long() -> None:
    class Watched(MemoryMessageReader):
        async def messages(
            self, tenant_id: TenantId | None, message_ids: Sequence[MessageId]
        ) -> Mapping[MessageId, MessageView]:
            portions.append(len(message_ids))
            return await super().messages(tenant_id, message_ids)

    portions: list[int] = []
    async with InMemoryApp() as app:
        stored = [(await app.accept()).target for _ in range(3)]
        message_ids = [MessageId(target) for target in (*stored, *[f"absent-{number}" for number in range(97)])]
        statuses = await ReadStatuses(Watched(app.database)).statuses(DEFAULT_TENANT, message_ids)
    assert statuses.keys() == set(stored)
    assert (sum(portions), max(portions)) == (100, MESSAGES_AT_ONCE)
