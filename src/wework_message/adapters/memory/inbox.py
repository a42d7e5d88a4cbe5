"""The callback inbox in memory."""

import dataclasses
from collections.abc import Sequence
from itertools import zip_longest

from wework_message.adapters.memory.callback_owners import owner_of
from wework_message.adapters.memory.database import CallbackRow, MemoryDatabase
from wework_message.adapters.memory.uncertainty import UNCERTAIN_WINDOW_MS
from wework_message.domain.account import Binding
from wework_message.domain.ids import DEFAULT_TENANT, Guid, MessageId, ProviderCode, ProviderKey, TenantId
from wework_message.domain.inbox import REPEATABLE, CallbackSource, stored_as
from wework_message.domain.message.unmatched import waits_for
from wework_message.domain.page import fitting
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.inbox import (
    NEWEST_LOOKED_AT,
    RecordedInstance,
    ReplayedEntries,
    ReplaySelection,
    Surroundings,
)
from wework_message.domain.ports.repositories import CallbackInbox, InboxEntry, InboxState, InboxVerdict
from wework_message.domain.ports.system import Clock


class MemoryCallbackInbox:
    """Callbacks, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """Shares the database with the rest of its unit of work; `clock` says which calls are old."""
        self._db = database
        self._clock = clock

    async def store(
        self,
        provider_code: ProviderCode,
        items: Sequence[CallbackItem],
        at: int,
        known_to: Sequence[MessageId] = (),
        *,
        states: Sequence[InboxState] = (),
        source: CallbackSource = CallbackSource.CALLBACK,
    ) -> int:
        new = 0
        for item, message_id, state in zip_longest(items, known_to, states):
            key = (provider_code, item.guid, item.notify_type, item.event_key)
            if self._db.callback_keys.get(key) is not None:
                continue
            row = CallbackRow(
                id=next(self._db.serial),
                provider_code=provider_code,
                guid=item.guid,
                notify_type=item.notify_type,
                raw=item.raw,
                received_at=at,
                state=state or stored_as(is_defective=item.defect is not None, is_known=message_id is not None),
                message_id=message_id,
                waits_for=None if state is None or item.stream_record is None else waits_for(item.stream_record),
                source=source,
            )
            self._db.callbacks.put(row.id, row)
            self._db.callback_keys.put(key, row.id)
            new += 1
        return new

    async def surroundings(self, provider_code: ProviderCode, items: Sequence[CallbackItem]) -> Surroundings:
        keys = [(item.guid, item.notify_type, item.event_key) for item in items]
        named = [
            (provider_code, item.guid, name)
            for item in items
            if item.stream_record is not None
            for name in item.stream_record.names
        ]
        guids = {item.guid for item in items}
        return Surroundings(
            frozenset(key for key in keys if self._db.callback_keys.get((provider_code, *key)) is not None),
            frozenset(key for key in named if self._db.provider_keys.get(key) is not None),
            {
                binding.guid: self._instance(binding)
                for binding in self._db.bindings.rows()
                if binding.provider_code == provider_code and binding.guid in guids
            },
        )

    def _instance(self, binding: Binding) -> RecordedInstance:
        account = self._db.accounts.get(binding.account_id)
        since = self._clock.now() - UNCERTAIN_WINDOW_MS
        return RecordedInstance(
            own_user_id=None if account is None else account.wecom_user_id,
            moved=binding.epoch > 0,
            awaits_echoes=any(
                (code, attempt.guid) == (binding.provider_code, binding.guid) and attempt.started_at >= since
                for code, attempt in self._db.uncertain.rows()
            )
            or any(row.chunk.account_id == binding.account_id for row in self._db.mass_chunks.rows()),
            tenant_id=DEFAULT_TENANT if account is None else account.tenant_id,
            siblings=any(
                other.account_id == binding.account_id and other.binding_id != binding.binding_id
                for other in self._db.bindings.rows()
            ),
        )

    async def repeat(self, provider_code: ProviderCode, items: Sequence[CallbackItem], at: int) -> int:
        keys = {(provider_code, item.guid, item.notify_type, item.event_key) for item in items}
        stored = [
            self._db.callbacks.get(row_id) for key in keys if (row_id := self._db.callback_keys.get(key)) is not None
        ]
        again = 0
        for row in stored:
            if row is not None and row.state in REPEATABLE:
                self._db.callbacks.put(row.id, dataclasses.replace(row, state=REPEATABLE[row.state], received_at=at))
                again += row.state is InboxState.QUARANTINED
        return again

    async def known(
        self, provider_code: ProviderCode, items: Sequence[CallbackItem], notify_types: Sequence[int]
    ) -> frozenset[str]:
        return frozenset(
            item.event_key
            for item in items
            for notify_type in notify_types
            if (row_id := self._db.callback_keys.get((provider_code, item.guid, notify_type, item.event_key)))
            and (row := self._db.callbacks.get(row_id)) is not None
            and row.state is not InboxState.QUARANTINED
        )

    async def has_newer(self, provider_code: ProviderCode, guid: Guid, notify_type: int, than: int) -> bool:
        rows = sorted(
            (row for row in self._db.callbacks.rows() if (row.guid, row.notify_type) == (guid, notify_type)),
            key=lambda row: row.id,
        )
        return any(
            row.received_at > than and row.provider_code == provider_code and row.state is not InboxState.QUARANTINED
            for row in rows[-NEWEST_LOOKED_AT:]
        )

    async def unmatched(
        self, provider_code: ProviderCode, guid: Guid, *, since: int, limit: int
    ) -> Sequence[InboxEntry]:
        rows = [
            row
            for row in self._db.callbacks.rows()
            if (row.provider_code, row.guid) == (provider_code, guid)
            and row.state is not InboxState.APPLIED
            and row.received_at >= since
        ]
        return [_entry(row) for row in rows[:limit]]

    async def pending(self, limit: int) -> Sequence[InboxEntry]:
        waiting = sorted(row.id for row in self._db.callbacks.rows() if row.state is InboxState.PENDING)
        rows = [row for row_id in waiting[:limit] if (row := self._db.callbacks.get(row_id)) is not None]
        rows = rows[: fitting(len(row.raw) for row in rows)]
        return [_entry(row) for row in rows]

    async def count(self, state: InboxState, *, limit: int, guid: Guid | None = None) -> int:
        return min(limit, len(self._ids(state, guid)))

    async def discard(
        self,
        state: InboxState,
        *,
        limit: int,
        keep: int = 0,
        guid: Guid | None = None,
        before: int | None = None,
        tenant_id: TenantId | None = None,
    ) -> int:
        unwanted = self._ids(state, guid, before, tenant_id)[keep:][:limit]
        self._db.drop_callbacks(frozenset(unwanted))
        return len(unwanted)

    def _ids(
        self, state: InboxState, guid: Guid | None, before: int | None = None, tenant_id: TenantId | None = None
    ) -> list[int]:
        """Newest first."""
        rows = [
            row
            for row in self._db.callbacks.rows()
            if row.state is state and guid in (None, row.guid) and tenant_id in (None, owner_of(self._db, row))
        ]
        return sorted((row.id for row in rows if before is None or row.received_at < before), reverse=True)

    async def reopen(
        self, keys: Sequence[ProviderKey], guids: Sequence[tuple[ProviderCode, Guid]], *, since: int
    ) -> int:
        awaited, instances = frozenset(keys), frozenset(guids)
        reopened = [
            row
            for row in self._db.callbacks.rows()
            if _waits(row)
            and (
                (row.waits_for is not None and (row.provider_code, row.guid, row.waits_for) in awaited)
                or ((row.provider_code, row.guid) in instances and row.received_at >= since)
            )
        ]
        for row in reopened:
            self._db.callbacks.put(row.id, dataclasses.replace(row, state=InboxState.PENDING))
        return len(reopened)

    async def replay(
        self, selection: ReplaySelection, *, limit: int, before: int | None, dry_run: bool = False
    ) -> ReplayedEntries:
        rows = [
            row
            for row in self._db.callbacks.rows()
            if (before is None or row.id < before)
            and (row.state in selection.states if selection.guid is None else row.guid == selection.guid)
        ]
        walked = sorted(rows, key=lambda row: row.id, reverse=True)[:limit]
        chosen = [
            row
            for row in walked
            if row.state in selection.states
            and selection.tenant_id in (None, owner_of(self._db, row))
            and row.received_at >= selection.since
            and (row.state is not InboxState.ORPHAN or row.waits_for is not None)
        ]
        for row in () if dry_run else chosen:
            self._db.callbacks.put(row.id, dataclasses.replace(row, state=InboxState.PENDING, tries=0))
        return ReplayedEntries(len(chosen), walked[-1].id if len(walked) == limit else None)

    async def orphan(self, *, limit: int, before: int | None = None, keep: int = 0) -> int:
        old = self._ids(InboxState.PARKED, None, before)[keep:][:limit]
        for row_id in old:
            if (row := self._db.callbacks.get(row_id)) is not None:
                self._db.callbacks.put(row.id, dataclasses.replace(row, state=InboxState.ORPHAN))
        return len(old)

    async def decide(self, verdicts: Sequence[InboxVerdict]) -> None:
        for verdict in verdicts:
            row = self._db.callbacks.get(verdict.id)
            if row is not None:
                decided = dataclasses.replace(
                    row,
                    state=verdict.state,
                    tries=row.tries + (verdict.state is InboxState.PENDING),
                    message_id=verdict.message_id,
                    waits_for=verdict.provider_message_id,
                )
                self._db.callbacks.put(row.id, decided)


def _entry(row: CallbackRow) -> InboxEntry:
    known = (row.id, row.provider_code, row.guid, row.notify_type, row.raw, row.tries, row.received_at, row.source)
    return InboxEntry(*known, row.waits_for)


def _waits(row: CallbackRow) -> bool:
    return row.state is InboxState.PARKED or (row.state is InboxState.ORPHAN and row.waits_for is not None)


def _conforms(inbox: MemoryCallbackInbox) -> CallbackInbox:
    return inbox
