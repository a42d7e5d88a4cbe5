"""Messages by id, with their attempts."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, Self

from sqlalchemy import BindParameter, Connection, bindparam, select

from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping import rows
from wework_message.adapters.sql.mapping.tables import attempt, message
from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.message import Message

IDS: Final[BindParameter[str]] = bindparam("ids", expanding=True)
_BY_ID = by_index(select(message).where(message.c.id.in_(IDS)), message)
_COMMITTED = Query(_BY_ID)
LOCKED = Query(_BY_ID.with_for_update())
"""SQLite's compiler leaves the locks out: on SQLite a unit of work is the only writer."""
UNLOCKED = Query(_BY_ID.with_for_update(skip_locked=True))
"""Without the messages that another unit of work is changing."""
_VERSIONS = by_index(
    select(message.c.id, message.c.version, message.c.attempt_count).where(message.c.id.in_(IDS)), message
)
LOCKED_VERSIONS = Query(_VERSIONS.with_for_update())
UNLOCKED_VERSIONS = Query(_VERSIONS.with_for_update(skip_locked=True))
_OF_TENANT = _BY_ID.where(beside_index(message.c.tenant_id) == bindparam("the_tenant_id"))
_QUERIES_OF_TENANT = {_COMMITTED: Query(_OF_TENANT), LOCKED: Query(_OF_TENANT.with_for_update())}
_ATTEMPTS = Query(select(attempt).where(attempt.c.message_id.in_(IDS)).order_by(attempt.c.number))


class Stored(NamedTuple):
    """What must be known of a stored message to write it."""

    version: int
    attempts: int

    @classmethod
    def of(cls, message: Message) -> Self:
        """The message as it was read or written."""
        return cls(message.version, len(message.attempts))


def versions(connection: Connection, message_ids: Collection[MessageId], query: Query) -> dict[MessageId, Stored]:
    """What is stored of the messages that exist; `query` is one of those of versions."""
    stored = query.rows(connection, ids=list(message_ids)) if message_ids else ()
    return {row["id"]: Stored(row["version"], row["attempt_count"]) for row in stored}


def load(
    connection: Connection,
    message_ids: Sequence[MessageId],
    query: Query = _COMMITTED,
    *,
    tenant_id: TenantId | None = None,
) -> dict[MessageId, Message]:
    """The messages that exist, in the order asked for, each with its attempts; with a `tenant_id` those of this tenant."""
    if not message_ids:
        return {}
    if tenant_id is None:
        read = query.rows(connection, ids=list(message_ids))
    else:
        read = _QUERIES_OF_TENANT[query].rows(connection, ids=list(message_ids), the_tenant_id=tenant_id)
    stored = {row["id"]: row for row in read}
    attempts: dict[str, list[Attempt]] = {}
    if tried := [message_id for message_id, row in stored.items() if row["attempt_count"] > 0]:
        for row in _ATTEMPTS.rows(connection, ids=tried):
            attempts.setdefault(row["message_id"], []).append(rows.attempt_of(row))
    return {
        message_id: rows.message_of(stored[message_id], attempts.get(message_id, []))
        for message_id in message_ids
        if message_id in stored
    }
