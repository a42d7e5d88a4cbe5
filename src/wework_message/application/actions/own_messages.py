"""Messages that requests name: each is loaded only for the tenant that it belongs to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.message.message import Message
from wework_message.domain.ports.repositories import UnitOfWork


async def own_messages(
    unit: UnitOfWork, named: Iterable[tuple[TenantId, MessageId]]
) -> Mapping[tuple[TenantId, MessageId], Message]:
    """Those that exist and are of the tenant that names them, locked. Another tenant's costs what one costs that does not exist."""
    by_tenant: dict[TenantId, set[MessageId]] = defaultdict(set)
    for tenant_id, message_id in named:
        by_tenant[tenant_id].add(message_id)
    return {
        (tenant_id, message_id): message
        for tenant_id, message_ids in sorted(by_tenant.items())
        for message_id, message in (await unit.messages.get(sorted(message_ids), tenant_id=tenant_id)).items()
    }
