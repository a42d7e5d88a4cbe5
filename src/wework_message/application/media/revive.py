"""Messages that failed are tried again: their media are, too (ADR 66)."""

from collections import defaultdict
from collections.abc import Iterable

from wework_message.application.commit.scope import CommitScope
from wework_message.domain.ids import MediaId, TenantId
from wework_message.domain.media.needs import needs
from wework_message.domain.message.message import Message


async def revive_media(scope: CommitScope, messages: Iterable[Message]) -> None:
    """The media of these messages, which the transaction has locked, may have been mended since they failed. Texts cost nothing."""
    named: defaultdict[TenantId, set[MediaId]] = defaultdict(set)
    for message in messages:
        for need in needs(message.content):
            named[message.tenant_id].add(need.media_id)
    for tenant_id, media_ids in named.items():
        await scope.unit.media.revive(tenant_id, media_ids)
    scope.media |= bool(named)
