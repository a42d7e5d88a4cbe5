"""What a pull of a message stream asks of the inbox."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, literal_column, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.tables import callback
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.inbox import CallbackSource
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.inbox import NEWEST_LOOKED_AT
from wework_message.domain.ports.repositories import InboxEntry, InboxState

IS_NOT_APPLIED: Final = callback.c.state != literal_column(f"'{InboxState.APPLIED.value}'")
"""Of statements that read by `ix_wm_callback_recent`, which on SQLite has no other entries."""
_NOT_APPLIED: Final = [state.value for state in InboxState if state is not InboxState.APPLIED]
_KNOWN: Final = Query(
    by_index(
        select(callback.c.event_key).where(
            callback.c.provider_code == bindparam("the_provider"),
            callback.c.guid == bindparam("the_guid"),
            callback.c.notify_type.in_(bindparam("types", expanding=True)),
            callback.c.event_key.in_(bindparam("keys", expanding=True)),
            callback.c.state != InboxState.QUARANTINED.value,
        ),
        callback,
        "uq_wm_callback_provider_code_guid_notify_type_event_key",
    )
)
_LAST: Final = Query(
    by_index(
        select(callback.c.received_at, callback.c.provider_code, callback.c.state)
        .where(callback.c.guid == bindparam("the_guid"), callback.c.notify_type == bindparam("the_type"))
        .order_by(callback.c.id.desc())
        .limit(NEWEST_LOOKED_AT),
        callback,
        "ix_wm_callback_type",
    )
)
ENTRY: Final = (
    callback.c.id, callback.c.provider_code, callback.c.guid, callback.c.notify_type, callback.c.raw,
    callback.c.tries, callback.c.received_at, callback.c.source, callback.c.waits_for,
)  # fmt: skip
"""The columns of an `InboxEntry`."""

_UNMATCHED: Final = Query(
    by_index(
        select(*ENTRY)
        .where(
            callback.c.guid == bindparam("the_guid"),
            callback.c.state.in_(bindparam("states", expanding=True)),
            IS_NOT_APPLIED,
            callback.c.received_at >= bindparam("since"),
            callback.c.provider_code == bindparam("the_provider"),
        )
        .limit(bindparam("limit", 0)),
        callback,
        "ix_wm_callback_recent",
    )
)  # fmt: skip


def known(
    connection: Connection, provider_code: ProviderCode, items: Sequence[CallbackItem], notify_types: Sequence[int]
) -> frozenset[str]:
    """Event keys of the items that came under one of the types, by the unique key."""
    keys = [item.event_key for item in items]
    rows = _KNOWN.rows(
        connection, the_provider=provider_code, the_guid=items[0].guid, types=list(notify_types), keys=keys
    )
    return frozenset(row["event_key"] for row in rows)


def has_newer(connection: Connection, provider_code: ProviderCode, guid: Guid, notify_type: int, than: int) -> bool:
    """Whether one of the callbacks of this type that were stored last from the instance was received later."""
    rows = _LAST.rows(connection, the_guid=guid, the_type=notify_type)
    return any(
        row["received_at"] > than
        and row["provider_code"] == provider_code
        and row["state"] != InboxState.QUARANTINED.value
        for row in rows
    )


def unmatched(
    connection: Connection, provider_code: ProviderCode, guid: Guid, since: int, limit: int
) -> Sequence[InboxEntry]:
    """Entries of an instance that no message knows, received since then: a range of the index for each state."""
    rows = _UNMATCHED.rows(
        connection, the_provider=provider_code, the_guid=guid, states=_NOT_APPLIED, since=since, limit=limit
    )
    return entries_of(rows)


def entries_of(rows: Iterable[Mapping[str, Any]]) -> Sequence[InboxEntry]:
    """Rows with the columns of `ENTRY`."""
    return [InboxEntry(**{**row, "source": CallbackSource(row["source"] or CallbackSource.CALLBACK)}) for row in rows]
