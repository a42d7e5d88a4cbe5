"""Entries that wait become PENDING again: those that wait for an id, and those that came from an instance since an instant."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, bindparam, or_, update

from wework_message.adapters.sql.core.index_hints import updating_by_index
from wework_message.adapters.sql.core.prepared import Prepared, updating
from wework_message.adapters.sql.mapping.tables import callback
from wework_message.adapters.sql.repositories.inbox_reads import IS_NOT_APPLIED
from wework_message.domain.ids import Guid, ProviderCode, ProviderKey
from wework_message.domain.inbox import InboxState

_OF_INSTANCE = (callback.c.guid == bindparam("the_guid"), callback.c.provider_code == bindparam("the_provider"))
_PARKED = callback.c.state == InboxState.PARKED.value
_WAITS = and_(callback.c.state == bindparam("old_state"), or_(_PARKED, callback.c.waits_for.is_not(None)))
_MAY_WAIT = (InboxState.PARKED.value, InboxState.ORPHAN.value)
_OPEN = {"state": InboxState.PENDING.value}
_REOPEN_NAMED = updating(
    # No other state than PARKED and ORPHAN waits for an id.
    callback,
    {"waits_for": "the_id", "guid": "the_guid", "provider_code": "the_provider"},
    ["state"],
    index="ix_wm_callback_waits",
)
_REOPEN_RECENT = Prepared(
    # A scan of the table would skip a row that is just being parked instead of waiting for it.
    updating_by_index(
        update(callback)
        .where(*_OF_INSTANCE, _WAITS, IS_NOT_APPLIED, callback.c.received_at >= bindparam("since"))
        .values(_OPEN),
        callback,
        "ix_wm_callback_recent",
    )
)


def reopened(
    connection: Connection,
    keys: Sequence[ProviderKey],
    guids: Sequence[tuple[ProviderCode, Guid]],
    since: int,
) -> int:
    """How many there are."""
    named = [
        {"the_id": provider_message_id, "the_guid": guid, "the_provider": code, **_OPEN}
        for code, guid, provider_message_id in keys
    ]
    recent = [
        {"the_guid": guid, "the_provider": code, "since": since, "old_state": state}
        for code, guid in guids
        for state in _MAY_WAIT
    ]
    return _REOPEN_NAMED.many(connection, named) + _REOPEN_RECENT.many(connection, recent)
