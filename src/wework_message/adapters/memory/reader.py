"""Queries on a `MemoryDatabase`: what is committed, without waiting for writers."""

from collections import Counter
from collections.abc import Mapping, Sequence

from wework_message.adapters.memory.callback_owners import owner_of
from wework_message.adapters.memory.database import CallbackRow, MemoryDatabase, as_stored
from wework_message.adapters.memory.mass_sends import chunk_due_at, chunk_views
from wework_message.domain.content import encode_content
from wework_message.domain.ids import BatchId, Guid, MessageId, ProviderCode, ProviderMessageId, TenantId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import RESTING
from wework_message.domain.message.message import Message
from wework_message.domain.message.timeline import Note
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.page import MAX_WALKED, fitting, next_page_before, page_of
from wework_message.domain.ports.queries import (
    BatchView,
    CallbackCounts,
    CallbackKind,
    CallbackView,
    MessageList,
    MessageReader,
    MessageView,
)


class MemoryMessageReader:
    """Views of the stored messages."""

    def __init__(self, database: MemoryDatabase, *, max_walked: int = MAX_WALKED) -> None:
        """Reads independently of units of work; `max_walked` is how many messages a page of a list looks at."""
        self._db = database
        self._max_walked = max_walked

    async def messages(
        self, tenant_id: TenantId | None, message_ids: Sequence[MessageId]
    ) -> Mapping[MessageId, MessageView]:
        """The messages that exist and belong to the tenant."""
        stored = (self._db.messages.committed(message_id) for message_id in message_ids)
        return {
            message.id: self._view(message)
            for message in stored
            if message is not None and tenant_id in (None, message.tenant_id)
        }

    def _view(self, message: Message) -> MessageView:
        due = self._db.due.committed(message.id)
        due_at = due.due_at if due is not None else chunk_due_at(self._db, message)
        return MessageView(as_stored(message), due_at)

    async def versions(self, message_ids: Sequence[MessageId]) -> Mapping[MessageId, int]:
        """Of what is committed."""
        stored = (self._db.messages.committed(message_id) for message_id in message_ids)
        return {message.id: message.version for message in stored if message is not None}

    async def timeline(self, tenant_id: TenantId | None, message_id: MessageId) -> Sequence[Note]:
        message = self._db.messages.committed(message_id)
        if tenant_id is not None and (message is None or message.tenant_id != tenant_id):
            return ()
        return self._db.notes.committed(message_id) or ()

    async def sent_as(
        self, tenant_id: TenantId, guid: Guid, provider_message_id: ProviderMessageId
    ) -> MessageId | None:
        """The tenant's message that a provider's id names at this guid."""
        for (_, *key), (message_id, _) in self._db.provider_keys.committed_items().items():
            if key == [guid, provider_message_id]:
                message = self._db.messages.committed(message_id)
                if message is not None and message.tenant_id == tenant_id:
                    return message_id
        return None

    async def page(
        self, tenant_id: TenantId | None, filters: MessageFilter, *, limit: int, before: MessageId | None
    ) -> MessageList:
        """Newest first."""
        messages = [
            message
            for message in self._db.messages.committed_rows()
            if tenant_id in (None, message.tenant_id) and (before is None or message.id < before)
        ]
        messages.sort(key=lambda message: message.id, reverse=True)
        walked = messages[: self._max_walked] if any(filters.active()) else messages
        newest = [message for message in walked if filters.matches(message)][: limit + 1]
        page = newest[:limit]
        page = page[: fitting(len(encode_content(message.content)) for message in page)]
        reached = walked[-1].id if len(messages) > len(walked) else None
        following = next_page_before([message.id for message in newest], [message.id for message in page], reached)
        return MessageList([self._view(message) for message in page], following)

    async def batch(self, tenant_id: TenantId, batch_id: BatchId) -> BatchView | None:
        batch = self._db.batches.committed(batch_id)
        if batch is None or batch.tenant_id != tenant_id:
            return None
        items = self._members(batch_id)
        done = all(item.status in RESTING for item in items)
        return BatchView(
            id=batch.id,
            mode=batch.mode,
            total=batch.total,
            by_status=Counter(item.status for item in items),
            created_at=batch.created_at,
            finished_at=max((item.lifecycle.updated_at for item in items), default=batch.created_at) if done else None,
            chunks=chunk_views(self._db, batch_id),
        )

    def _members(self, owner: BatchId) -> list[Message]:
        stored = (self._db.messages.committed(message_id) for message_id in self._db.members.committed(owner) or ())
        return [message for message in stored if message is not None]

    async def batch_items(
        self, tenant_id: TenantId | None, batch_id: BatchId, *, limit: int, after: int
    ) -> Sequence[MessageView]:
        own = [item for item in self._members(batch_id) if tenant_id in (None, item.tenant_id)]
        items = [item for item in own if item.index is not None and item.index > after]
        items.sort(key=lambda item: (item.index or 0, item.id))
        return [self._view(item) for item in items[:limit]]

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
        """Newest first."""
        rows = [
            row
            for row in self._db.callbacks.committed_rows()
            if guid in (None, row.guid)
            and tenant_id in (None, owner_of(self._db, row, committed=True))
            and (notify_type is None or row.notify_type == notify_type)
            and (before is None or row.id < before)
            and state in (None, row.state)
        ]
        rows.sort(key=lambda row: row.id, reverse=True)
        page, with_raw = page_of(rows[:limit], lambda row: len(row.raw))
        return [_callback_view(row, with_raw=place < with_raw) for place, row in enumerate(page)]

    async def callback(self, tenant_id: TenantId | None, callback_id: int) -> CallbackView | None:
        row = self._db.callbacks.committed(callback_id)
        if row is None or tenant_id not in (None, owner_of(self._db, row, committed=True)):
            return None
        return _callback_view(row, with_raw=True)

    async def callback_counts(self, tenant_id: TenantId | None, *, limit: int) -> CallbackCounts:
        rows = sorted(self._db.callbacks.committed_rows(), key=lambda row: row.id, reverse=True)
        counted = [row for state in InboxState for row in [row for row in rows if row.state is state][: limit + 1]]
        states = Counter(row.state for row in self._own(tenant_id, counted))
        newest = self._own(tenant_id, rows[:limit])
        return CallbackCounts(
            {state: min(states[state], limit + 1) for state in InboxState},
            Counter(CallbackKind(row.provider_code, row.notify_type, row.state) for row in newest),
            min((row.received_at for row in newest), default=None),
        )

    def _own(self, tenant_id: TenantId | None, rows: Sequence[CallbackRow]) -> Sequence[CallbackRow]:
        return [row for row in rows if tenant_id in (None, owner_of(self._db, row, committed=True))]

    async def counts(self) -> Mapping[tuple[ProviderCode, str, str], int]:
        return self._db.finished.committed_items()

    async def ping(self) -> None:
        self._db.check_available()


def _callback_view(row: CallbackRow, *, with_raw: bool) -> CallbackView:
    return CallbackView(
        id=row.id,
        provider_code=row.provider_code,
        guid=row.guid,
        notify_type=row.notify_type,
        raw=row.raw if with_raw else None,
        received_at=row.received_at,
        state=row.state,
        message_id=row.message_id,
    )


def _conforms(reader: MemoryMessageReader) -> MessageReader:
    return reader
