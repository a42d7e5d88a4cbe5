"""Which attempt owns a provider's message id."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.tables import attempt
from wework_message.domain.ids import Guid, MessageId, ProviderCode, ProviderMessageId

ProviderKey: TypeAlias = tuple[ProviderCode, Guid, ProviderMessageId]
"""A provider's id for a message, which is unique per guid only."""

_UNIQUE: Final = "uq_wm_attempt_provider_message_id_guid_provider_code"

_OWNERS = select(
    attempt.c.provider_code, attempt.c.guid, attempt.c.provider_message_id, attempt.c.message_id, attempt.c.number
).where(attempt.c.provider_message_id.in_(bindparam("ids", expanding=True)))
_COMMITTED = Query(_OWNERS)
_LATEST = Query(by_index(_OWNERS, attempt, _UNIQUE).with_for_update(read=True))


def sent_as(
    connection: Connection, keys: Sequence[ProviderKey], latest: bool
) -> dict[ProviderKey, tuple[MessageId, int]]:
    """Owners by the unique index; a locking read where it must be the `latest`."""
    requested = set(keys)
    rows = (_LATEST if latest else _COMMITTED).rows(connection, ids=[key[2] for key in keys])
    return {
        key: (row["message_id"], row["number"])
        for row in rows
        if (key := (row["provider_code"], row["guid"], row["provider_message_id"])) in requested
    }
