"""Queries on SQL: each is one or two indexed reads on a connection of its own."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, select

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping import rows
from wework_message.adapters.sql.mapping.tables import (
    attempt,
    batch,
    due,
    finished,
    message,
    note,
)
from wework_message.adapters.sql.repositories.callback_views import callback_counts, callback_page, one_callback
from wework_message.adapters.sql.repositories.loading import load
from wework_message.adapters.sql.repositories.mass_reader import chunk_times, chunk_views
from wework_message.adapters.sql.repositories.message_lists import message_page
from wework_message.domain.batch import BatchMode
from wework_message.domain.ids import BatchId, Guid, MessageId, ProviderCode, ProviderMessageId, TenantId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import RESTING, MessageStatus
from wework_message.domain.message.timeline import Note
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.page import MAX_WALKED
from wework_message.domain.ports.queries import BatchView, CallbackCounts, CallbackView, MessageList, MessageView

_DUE_TIMES = select(due.c.message_id, due.c.due_at).where(due.c.message_id.in_(bindparam("ids", expanding=True)))
_VERSIONS = Query(
    by_index(select(message.c.id, message.c.version).where(message.c.id.in_(bindparam("ids", expanding=True))), message)
)


class SqlMessageReader:
    """Reads what is committed; SQLite's WAL lets it read while a writer writes."""

    def __init__(self, run: Run, search: Run, *, max_walked: int = MAX_WALKED) -> None:
        """`run` and `search` are those of a `Store`; `max_walked` is how many messages a page of a list looks at."""
        self._run = run
        self._search = search
        self._max_walked = max_walked

    async def messages(
        self, tenant_id: TenantId | None, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, MessageView]:
        """By primary key."""
        if not message_ids:
            return {}
        stored = await self._run(views, message_ids, tenant_id)
        return {view.message.id: view for view in stored}

    async def versions(self, message_ids: Sequence[MessageId]) -> Mapping[MessageId, int]:
        """By primary key, without the rest of the row."""
        return await self._run(_versions, message_ids) if message_ids else {}

    async def timeline(self, tenant_id: TenantId | None, message_id: MessageId) -> Sequence[Note]:
        """In the order written."""
        return await self._run(_timeline, tenant_id, message_id)

    async def sent_as(
        self, tenant_id: TenantId, guid: Guid, provider_message_id: ProviderMessageId
    ) -> MessageId | None:
        """By the unique index on provider ids."""
        return await self._run(_sent_as, tenant_id, guid, provider_message_id)

    async def page(
        self, tenant_id: TenantId | None, filters: MessageFilter, *, limit: int, before: MessageId | None
    ) -> MessageList:
        """Keyset by id, newest first: the ids first, then the sizes of their contents, then as many as fit."""
        return await self._search(_page, tenant_id, filters, limit, before, self._max_walked)

    async def batch(self, tenant_id: TenantId, batch_id: BatchId) -> BatchView | None:
        """The batch's row, and its messages grouped by status (at most a few hundred)."""
        return await self._run(_batch, tenant_id, batch_id)

    async def batch_items(
        self, tenant_id: TenantId | None, batch_id: BatchId, *, limit: int, after: int
    ) -> Sequence[MessageView]:
        """By batch or group and index."""
        return await self._run(_batch_items, tenant_id, batch_id, limit, after)

    async def callbacks(
        self,
        tenant_id: TenantId | None,
        guid: Guid | None,
        *,
        notify_type: int | None,
        limit: int,
        before: int | None,
        state: InboxState | None = None,
    ) -> Sequence[CallbackView]:
        """Keyset by id, newest first."""
        return await self._search(callback_page, tenant_id, guid, notify_type, limit, before, state)

    async def callback(self, tenant_id: TenantId | None, callback_id: int) -> CallbackView | None:
        """By primary key."""
        return await self._run(one_callback, tenant_id, callback_id)

    async def callback_counts(self, tenant_id: TenantId | None, *, limit: int) -> CallbackCounts:
        """Index entries of each state, and the newest rows by primary key."""
        return await self._search(callback_counts, tenant_id, limit)

    async def counts(self) -> Mapping[tuple[ProviderCode, str, str], int]:
        """The stored counters."""
        return await self._run(_counts)

    async def ping(self) -> None:
        await self._run(_ping)


def views(
    connection: Connection, message_ids: Sequence[MessageId], tenant_id: TenantId | None = None
) -> Sequence[MessageView]:
    """Those that exist, of the tenant, in the order of the ids.

    Another tenant's costs what one costs that does not exist.
    """
    messages = load(connection, message_ids, tenant_id=tenant_id)
    if not messages:
        return ()
    times = {row.message_id: row.due_at for row in connection.execute(_DUE_TIMES, {"ids": list(messages)})}
    times |= chunk_times(connection, [stored for stored in messages.values() if stored.waits_in_chunk])
    return [MessageView(stored, times.get(stored.id)) for stored in messages.values()]


def _versions(connection: Connection, message_ids: Sequence[MessageId]) -> Mapping[MessageId, int]:
    return {MessageId(row["id"]): row["version"] for row in _VERSIONS.rows(connection, ids=list(message_ids))}


def _timeline(connection: Connection, tenant_id: TenantId | None, message_id: MessageId) -> Sequence[Note]:
    statement = select(note).where(note.c.message_id == message_id).order_by(note.c.id)
    if tenant_id is not None:
        statement = statement.where(beside_index(note.c.tenant_id) == tenant_id)
    return [rows.note_of(row) for row in connection.execute(statement).mappings()]


def _sent_as(
    connection: Connection, tenant_id: TenantId, guid: Guid, provider_message_id: ProviderMessageId
) -> MessageId | None:
    columns = attempt.c
    statement = (
        select(columns.message_id)
        .where(columns.provider_message_id == provider_message_id, columns.guid == guid, columns.tenant_id == tenant_id)
        .limit(1)
    )
    message_id = connection.execute(statement).scalar()
    return MessageId(message_id) if message_id is not None else None


def _page(
    connection: Connection,
    tenant_id: TenantId | None,
    filters: MessageFilter,
    limit: int,
    before: MessageId | None,
    max_walked: int,
) -> MessageList:
    message_ids, following = message_page(connection, tenant_id, filters, limit, before, max_walked)
    return MessageList(views(connection, message_ids, tenant_id) if message_ids else (), following)


def _batch(connection: Connection, tenant_id: TenantId, batch_id: BatchId) -> BatchView | None:
    row = connection.execute(select(batch).where(batch.c.id == batch_id, batch.c.tenant_id == tenant_id)).first()
    if row is None:
        return None
    tally = connection.execute(
        select(message.c.status, func.count().label("messages"), func.max(message.c.updated_at).label("last"))
        .where(message.c.batch_id == batch_id, message.c.tenant_id == tenant_id)
        .group_by(message.c.status)
    ).all()
    by_status = {MessageStatus(line.status): int(line.messages) for line in tally}
    rests = bool(by_status) and all(status in RESTING for status in by_status)
    finished_at = max(line.last for line in tally) if rests else None
    chunks = chunk_views(connection, batch_id) if row.mode == BatchMode.MASS_SEND else ()
    return BatchView(BatchId(row.id), row.mode, row.total, by_status, row.created_at, finished_at, chunks)


def _batch_items(
    connection: Connection, tenant_id: TenantId | None, batch_id: BatchId, limit: int, after: int
) -> Sequence[MessageView]:
    for column in (message.c.batch_id, message.c.group_id):
        statement = (
            select(message.c.id)
            .where(column == batch_id, message.c.item_index > after)
            .order_by(message.c.item_index, message.c.id)
            .limit(limit)
        )
        if tenant_id is not None:
            statement = statement.where(message.c.tenant_id == tenant_id)
        if ids := connection.execute(statement).scalars().all():
            return views(connection, [MessageId(message_id) for message_id in ids], tenant_id)
    return ()


def _counts(connection: Connection) -> Mapping[tuple[ProviderCode, str, str], int]:
    return {
        (row.provider_code, row.message_type, row.outcome): row.total for row in connection.execute(select(finished))
    }


def _ping(connection: Connection) -> None:
    connection.execute(select(1))
