"""The callback inbox on SQL."""

from collections.abc import Sequence
from contextlib import closing
from itertools import zip_longest
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, literal, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, deleting, updating
from wework_message.adapters.sql.mapping.tables import callback
from wework_message.adapters.sql.mapping.widths import message_id_column
from wework_message.adapters.sql.repositories import inbox_reads
from wework_message.adapters.sql.repositories.callback_owners import may_have, of_tenant
from wework_message.adapters.sql.repositories.inbox_repeats import repeat_known
from wework_message.adapters.sql.repositories.inbox_replay import replay_step
from wework_message.adapters.sql.repositories.reopened import reopened
from wework_message.adapters.sql.repositories.surroundings import surroundings_of
from wework_message.domain.ids import Guid, MessageId, ProviderCode, ProviderKey, TenantId
from wework_message.domain.inbox import CallbackSource, stored_as
from wework_message.domain.message.unmatched import waits_for
from wework_message.domain.page import page_of
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.inbox import ReplayedEntries, ReplaySelection, Surroundings
from wework_message.domain.ports.repositories import InboxEntry, InboxState, InboxVerdict
from wework_message.domain.ports.system import Clock

_DECIDE = updating(callback, {"id": "the_id"}, ["state", "message_id", "waits_for", "tries"], plus="tries")

_PENDING = Query(
    by_index(
        select(callback.c.id, func.length(callback.c.raw).label("size"))
        .where(callback.c.state == InboxState.PENDING.value)
        .order_by(callback.c.id)
        .limit(bindparam("limit")),
        callback,
        "ix_wm_callback_state",
    ).with_for_update(skip_locked=True)
)
_ENTRIES = Query(
    by_index(
        select(*inbox_reads.ENTRY)
        .where(callback.c.id.in_(bindparam("ids", expanding=True)))
        .order_by(callback.c.id),
        callback,
    ).with_for_update()  # reads what was locked, not what an older snapshot has
)  # fmt: skip
_DELETE = deleting(callback, {"id": "id"})
_MOVE = updating(callback, {"id": "the_id", "state": "old_state"}, ["state"])


class SqlCallbackInbox:
    """Callbacks inside one transaction."""

    def __init__(self, run: Run, dialect: Dialect, clock: Clock) -> None:
        """`dialect` knows the insert that leaves repeated items alone; `clock` says which calls are old."""
        self._clock = clock
        self._run = run
        self._dialect = dialect

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
        """One multi-row insert that leaves known items alone."""
        return await self._run(self._store, provider_code, items, at, known_to, states, source) if items else 0

    def _store(
        self,
        connection: Connection,
        provider_code: ProviderCode,
        items: Sequence[CallbackItem],
        at: int,
        known_to: Sequence[MessageId],
        states: Sequence[InboxState],
        source: CallbackSource,
    ) -> int:
        arrived = [
            {
                "provider_code": provider_code,
                "guid": item.guid,
                "notify_type": item.notify_type,
                "event_key": item.event_key,
                "raw": item.raw,
                "received_at": at,
                "state": (
                    state or stored_as(is_defective=item.defect is not None, is_known=message_id is not None)
                ).value,
                "tries": 0,
                "message_id": message_id_column(message_id),
                "waits_for": None if state is None or item.stream_record is None else waits_for(item.stream_record),
                "source": None if source is CallbackSource.CALLBACK else source.value,
            }
            for item, message_id, state in zip_longest(items, known_to, states)
        ]
        return max(0, self._dialect.new_callback.many(connection, arrived))

    async def surroundings(self, provider_code: ProviderCode, items: Sequence[CallbackItem]) -> Surroundings:
        """Ids by their unique index, instances by theirs, and items by the unique key of their guid and type; in one hand-over."""
        return await self._run(surroundings_of, provider_code, items, self._clock.now())

    async def repeat(self, provider_code: ProviderCode, items: Sequence[CallbackItem], at: int) -> int:
        """The known rows by their unique key, and then by id those that change."""
        return await self._run(repeat_known, provider_code, items, at) if items else 0

    async def known(
        self, provider_code: ProviderCode, items: Sequence[CallbackItem], notify_types: Sequence[int]
    ) -> frozenset[str]:
        """By the unique key."""
        return (
            await self._run(inbox_reads.known, provider_code, items, notify_types)
            if items and notify_types
            else frozenset()
        )

    async def has_newer(self, provider_code: ProviderCode, guid: Guid, notify_type: int, than: int) -> bool:
        """From the end of the index by guid and type."""
        return await self._run(inbox_reads.has_newer, provider_code, guid, notify_type, than)

    async def unmatched(
        self, provider_code: ProviderCode, guid: Guid, *, since: int, limit: int
    ) -> Sequence[InboxEntry]:
        """A range of the index by guid, state and arrival for each state."""
        return await self._run(inbox_reads.unmatched, provider_code, guid, since, limit)

    async def pending(self, limit: int) -> Sequence[InboxEntry]:
        """By state and id: their sizes first, then as many as fit."""
        return await self._run(_pending, limit)

    async def count(self, state: InboxState, *, limit: int, guid: Guid | None = None) -> int:
        """Index entries only."""
        return await self._run(_count, state, limit, guid)

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
        """Reads one range of an index, newest first, and deletes by key."""
        return await self._run(_discard, state, limit, keep, guid, before, tenant_id)

    async def reopen(
        self,
        keys: Sequence[ProviderKey],
        guids: Sequence[tuple[ProviderCode, Guid]],
        *,
        since: int,
    ) -> int:
        """Updates by index. Reopening an entry that still matches nothing does no harm: it is PARKED again."""
        return await self._run(reopened, keys, guids, since)

    async def replay(
        self, selection: ReplaySelection, *, limit: int, before: int | None, dry_run: bool = False
    ) -> ReplayedEntries:
        """Reads one range of an index for each state, or the one of a guid; updates by key, where the state is still the same."""
        return await self._run(replay_step, selection, limit, before, dry_run)

    async def orphan(self, *, limit: int, before: int | None = None, keep: int = 0) -> int:
        """Reads one range of an index, newest first, and updates by key."""
        return await self._run(_orphan, limit, before, keep)

    async def decide(self, verdicts: Sequence[InboxVerdict]) -> None:
        """One update per entry, in one round."""
        if verdicts:
            await self._run(_decide, verdicts)


def _pending(connection: Connection, limit: int) -> Sequence[InboxEntry]:
    with closing(_PENDING.iterate(connection, limit=limit)) as rows:
        oldest, fit = page_of(rows, itemgetter("size"))
    ids = [row["id"] for row in oldest[:fit]]
    return inbox_reads.entries_of(_ENTRIES.rows(connection, ids=ids)) if ids else ()


def _in_state(state: InboxState, guid: Guid | None) -> Select[Any]:
    """The ids of entries in a state, of one guid or of all, by the index that serves it (in a file none serves APPLIED ones of a guid)."""
    ids = select(callback.c.id).where(callback.c.state == literal(state.value, literal_execute=True))
    if guid is None:
        return by_index(ids, callback, "ix_wm_callback_state")
    if state is not InboxState.APPLIED:
        ids = ids.where(inbox_reads.IS_NOT_APPLIED)
    return by_index(ids.where(callback.c.guid == guid), callback, "ix_wm_callback_recent")


def _count(connection: Connection, state: InboxState, limit: int, guid: Guid | None) -> int:
    entries = _in_state(state, guid).limit(limit).subquery()
    return connection.execute(select(func.count()).select_from(entries)).scalar_one()


def _discard(
    connection: Connection,
    state: InboxState,
    limit: int,
    keep: int,
    guid: Guid | None,
    before: int | None,
    tenant_id: TenantId | None,
) -> int:
    if not may_have(connection, tenant_id, guid):
        return 0
    ids = _ids(connection, state, limit, keep, guid, before, tenant_id)
    return _DELETE.many(connection, [{"id": callback_id} for callback_id in ids])


def _ids(
    connection: Connection,
    state: InboxState,
    limit: int,
    keep: int,
    guid: Guid | None,
    before: int | None,
    tenant_id: TenantId | None = None,
) -> Sequence[int]:
    """Beyond the newest `keep`."""
    newest_first = [callback.c.id.desc()] if guid is None else [callback.c.received_at.desc(), callback.c.id.desc()]
    unwanted = _in_state(state, guid).order_by(*newest_first).limit(limit).offset(keep)
    if before is not None:
        unwanted = unwanted.where(callback.c.received_at < before)
    if tenant_id is not None:
        unwanted = unwanted.where(of_tenant(tenant_id))
    return connection.execute(unwanted).scalars().all()


def _orphan(connection: Connection, limit: int, before: int | None, keep: int) -> int:
    ids = _ids(connection, InboxState.PARKED, limit, keep, None, before)
    change = {"old_state": InboxState.PARKED.value, "state": InboxState.ORPHAN.value}
    return _MOVE.many(connection, [{"the_id": callback_id, **change} for callback_id in ids])


def _decide(connection: Connection, verdicts: Sequence[InboxVerdict]) -> None:
    _DECIDE.many(
        connection,
        [
            {
                "the_id": verdict.id,
                "state": verdict.state.value,
                "message_id": verdict.message_id,
                "waits_for": verdict.provider_message_id,
                "tries": int(verdict.state is InboxState.PENDING),
            }
            for verdict in verdicts
        ],
    )
