"""Failed messages and their replays in memory."""

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.domain.content import encode_content
from wework_message.domain.errors import ConflictError
from wework_message.domain.failed_messages import (
    FAILURES,
    FailureFilter,
    FailureGroup,
    cause_of,
    error_code_of,
)
from wework_message.domain.ids import MessageId, ProviderCode, ReplayId, TenantId
from wework_message.domain.message.message import Message
from wework_message.domain.page import MAX_WALKED, fitting, next_page_before
from wework_message.domain.ports.queries import MessageList
from wework_message.domain.ports.replays import FailedMessageReader, FailureGroups, ReplayReader, Replays, Selected
from wework_message.domain.replay import (
    UNCONFIRMED,
    Counted,
    ItemState,
    Replay,
    ReplayItem,
    Selection,
    outcome_of,
)


class MemoryReplays:
    """Replays, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def add(self, replay: Replay, skipped: Sequence[ReplayItem]) -> None:
        self._store(replay, skipped, replay.created_at)

    async def get(self, replay_id: ReplayId, *, tenant_id: TenantId | None = None) -> Replay | None:
        stored = self._db.replays.get(replay_id)
        if stored is None or tenant_id not in (None, stored.tenant_id):
            return None
        return dataclasses.replace(stored)

    async def save(self, replay: Replay, items: Sequence[ReplayItem], *, now: int) -> None:
        if any(self._db.replay_items.get((replay.id, item.message_id)) is not None for item in items):
            raise ConflictError("a replay has come to a message before")
        self._store(replay, items, now)

    def _store(self, replay: Replay, items: Iterable[ReplayItem], now: int) -> None:
        self._db.replays.put(replay.id, dataclasses.replace(replay))
        self._db.active_replays.put(replay.id, replay.is_active(now))
        self._put(replay.id, items)

    def _put(self, replay_id: ReplayId, items: Iterable[ReplayItem]) -> None:
        for item in items:
            self._db.replay_items.put((replay_id, item.message_id), item)

    async def settle(self, replay_id: ReplayId, ended: Collection[ReplayItem]) -> Sequence[ReplayItem]:
        stored = {item.message_id: self._db.replay_items.get((replay_id, item.message_id)) for item in ended}
        settled = [
            item for item in ended if (known := stored[item.message_id]) is not None and known.state is ItemState.OPEN
        ]
        self._put(replay_id, settled)
        return settled


class MemoryReplayReader:
    """Views of the stored replays."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Reads independently of units of work."""
        self._db = database

    async def replay(self, tenant_id: TenantId, replay_id: ReplayId) -> Replay | None:
        self._db.check_available()
        stored = self._db.replays.committed(replay_id)
        return dataclasses.replace(stored) if stored is not None and stored.tenant_id == tenant_id else None

    async def replays(self, tenant_id: TenantId, *, limit: int, before: ReplayId | None) -> Sequence[Replay]:
        stored = [
            dataclasses.replace(replay)
            for replay in self._db.replays.committed_rows()
            if replay.tenant_id == tenant_id and (before is None or replay.id < before)
        ]
        return sorted(stored, key=lambda replay: replay.id, reverse=True)[:limit]

    async def skipped(self, tenant_id: TenantId, replay_id: ReplayId, *, limit: int) -> Sequence[ReplayItem]:
        if await self.replay(tenant_id, replay_id) is None:
            return ()
        return self._of_state(replay_id, ItemState.SKIPPED, MessageId(""))[:limit]

    async def active(self, *, limit: int) -> Sequence[Replay]:
        self._db.check_available()
        stored = sorted(self._db.replays.committed_rows(), key=lambda replay: replay.id)
        return [dataclasses.replace(replay) for replay in stored if not replay.done][:limit]

    async def settling(self, *, after: ReplayId, limit: int) -> Sequence[Replay]:
        self._db.check_available()
        stored = sorted(self._db.replays.committed_rows(), key=lambda replay: replay.id)
        settling = [replay for replay in stored if replay.done and self._db.active_replays.committed(replay.id)]
        return [dataclasses.replace(replay) for replay in settling if replay.id > after][:limit]

    async def ended(
        self, replay_id: ReplayId, *, after: MessageId, limit: int
    ) -> tuple[Sequence[ReplayItem], MessageId | None]:
        items = self._of_state(replay_id, ItemState.OPEN, after)[:limit]
        ended = [
            dataclasses.replace(item, state=outcome)
            for item in items
            if (outcome := self._outcome(item)) is not ItemState.OPEN
        ]
        return ended, items[-1].message_id if len(items) == limit else None

    def _outcome(self, item: ReplayItem) -> ItemState:
        message = self._db.messages.committed(item.message_id)
        return outcome_of(item, *((message.status, message.round) if message is not None else (None, None)))

    def _of_state(self, replay_id: ReplayId, state: ItemState, after: MessageId) -> list[ReplayItem]:
        items = [
            item
            for (owner, message_id), item in self._db.replay_items.committed_items().items()
            if owner == replay_id and item.state is state and message_id > after
        ]
        return sorted(items, key=lambda item: item.message_id)


class MemoryFailedMessageReader:
    """Queries about the stored messages."""

    def __init__(self, database: MemoryDatabase, *, max_walked: int = MAX_WALKED) -> None:
        """Reads independently of units of work; `max_walked` is how many failed messages a query looks at."""
        self._db = database
        self._views = MemoryMessageReader(database)
        self._max_walked = max_walked

    async def groups(self, tenant_id: TenantId, filters: FailureFilter, *, before: MessageId | None) -> FailureGroups:
        walked, end = self._newest(tenant_id, before)
        parts: dict[tuple[str, ProviderCode | None, int | None], list[Message]] = defaultdict(list)
        for message in filter(filters.matches, walked):
            last = message.attempts.last
            code = last.provider_code if last is not None else None
            parts[cause_of(message), code, error_code_of(message)].append(message)
        groups = [_group(key, messages) for key, messages in parts.items()]
        return FailureGroups(sorted(groups, key=lambda group: -group.count), end)

    async def page(
        self, tenant_id: TenantId, filters: FailureFilter, *, limit: int, before: MessageId | None
    ) -> MessageList:
        walked, end = self._newest(tenant_id, before)
        newest = list(filter(filters.matches, walked))[: limit + 1]
        shown = newest[:limit]
        shown = shown[: fitting(len(encode_content(message.content)) for message in shown)]
        views = await self._views.messages(tenant_id, [message.id for message in shown])
        following = next_page_before([message.id for message in newest], [message.id for message in shown], end)
        return MessageList(list(views.values()), following)

    async def count(self, tenant_id: TenantId, selection: Selection, *, after: MessageId, until: ReplayId) -> Counted:
        walked, end = self._oldest(tenant_id, after, until)
        skipped = [selection.skipped_because(message) for message in walked]
        return Counted(skipped.count(None), skipped.count(UNCONFIRMED), end)

    async def select(
        self, tenant_id: TenantId, selection: Selection, *, after: MessageId, until: ReplayId, limit: int
    ) -> Selected:
        walked, end = self._oldest(tenant_id, after, until)
        message_ids = [message.id for message in walked if selection.skipped_because(message) is None][:limit]
        return Selected(message_ids, message_ids[-1] if len(message_ids) == limit else end)

    def _newest(self, tenant_id: TenantId, before: MessageId | None) -> tuple[list[Message], MessageId | None]:
        failed = [message for message in self._failed(tenant_id) if before is None or message.id < before]
        return self._part(failed[::-1])

    def _oldest(self, tenant_id: TenantId, after: MessageId, until: ReplayId) -> tuple[list[Message], MessageId | None]:
        return self._part([message for message in self._failed(tenant_id) if after < message.id < until])

    def _part(self, failed: list[Message]) -> tuple[list[Message], MessageId | None]:
        walked = failed[: self._max_walked]
        return walked, walked[-1].id if len(walked) == self._max_walked else None

    def _failed(self, tenant_id: TenantId) -> list[Message]:
        self._db.check_available()
        failed = [
            message
            for message in self._db.messages.committed_rows()
            if message.status in FAILURES and message.tenant_id == tenant_id
        ]
        return sorted(failed, key=lambda message: message.id)


def _group(key: tuple[str, ProviderCode | None, int | None], messages: Sequence[Message]) -> FailureGroup:
    cause, provider_code, error_code = key
    accepted = [message.accepted_at for message in messages]
    message_ids = [message.id for message in messages]
    return FailureGroup(
        cause, provider_code, error_code, len(messages),
        unconfirmed=sum(message.confirmed is False for message in messages),
        oldest_at=min(accepted), newest_at=max(accepted),
        sample_message_ids=tuple(sorted({min(message_ids), max(message_ids)})),
    )  # fmt: skip


def _conforms(
    replays: MemoryReplays, reader: MemoryReplayReader, failed: MemoryFailedMessageReader
) -> tuple[Replays, ReplayReader, FailedMessageReader]:
    return replays, reader, failed
