"""The message repository on SQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Later, Run
from wework_message.adapters.sql.core.prepared import Query, deleting, inserting, updating
from wework_message.adapters.sql.core.turns import lane_block
from wework_message.adapters.sql.mapping import rows
from wework_message.adapters.sql.mapping.tables import batch, due, message, note
from wework_message.adapters.sql.repositories import idempotency, lane_reads, mass, ownership, uncertainty
from wework_message.adapters.sql.repositories.attempt_writes import AttemptWrites
from wework_message.adapters.sql.repositories.loading import (
    LOCKED,
    LOCKED_VERSIONS,
    UNLOCKED,
    UNLOCKED_VERSIONS,
    Stored,
    load,
    versions,
)  # fmt: skip
from wework_message.adapters.sql.repositories.media_waiting import mark_waiting
from wework_message.adapters.sql.repositories.ownership import Owners
from wework_message.adapters.sql.repositories.remembered import RememberedMessages, can_be_remembered
from wework_message.domain.ids import BatchId, Guid, MessageId, ProviderCode, ProviderKey, TenantId
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Lane, LanePosition
from wework_message.domain.ports.repositories import DueMessage, IdempotencyKey, KeyOwner, NewBatch
from wework_message.domain.ports.system import Clock
from wework_message.domain.routing.shares import NOBODY_FIRST, Turn

_NEW_MESSAGE = inserting(message)
_NEW_NOTE = inserting(note, without=("id",))
_NEW_BATCH = inserting(batch)
_UPDATE_MESSAGE = updating(message, {"id": "the_id"}, rows.STATE_COLUMNS)
_UPDATE_ROUND = updating(message, {"id": "the_id"}, rows.ROUND_COLUMNS)
_DELETE_DUE = deleting(due, {"message_id": "the_id"}, index="uq_wm_due_message_id")
_MARK_PACED = updating(due, {"message_id": "the_id"}, ["paced", "paced_for"], index="uq_wm_due_message_id")
_MARK_UNPACED = updating(due, {"message_id": "the_id"}, ["paced"], index="uq_wm_due_message_id")
_PARTS = select(message.c.id).where(message.c.group_id == bindparam("the_id")).order_by(message.c.item_index)


class SqlMessageRepository:
    """Messages, attempts, keys and due times inside one transaction."""

    def __init__(self, run: Run, later: Later, dialect: Dialect, clock: Clock, remembered: RememberedMessages) -> None:
        """`clock` is the store's own clock (SQLite has none that processes could share, D-61).

        `remembered` has what this process stored before.
        """
        self._run = run
        self._later = later
        self._dialect = dialect
        self._clock = clock
        self._locked: dict[MessageId, Stored] = {}
        """What is stored of each message that no other unit of work can change before this one ends."""
        self._attempts = AttemptWrites(keeps_room=dialect.keeps_room)
        self._remembered = remembered
        self._new: list[Message] = []

    def committed(self) -> None:
        """What this unit of work added is stored."""
        self._remembered.keep(self._new)

    async def claim_keys(self, keys: Sequence[IdempotencyKey]) -> Sequence[KeyOwner]:
        """Insert the free ones, then read the owners."""
        return await self._run(idempotency.claim_keys, self._dialect, keys, self._clock.now())

    async def add(self, messages: Sequence[Message], batches: Sequence[NewBatch] = ()) -> None:
        """Multi-row inserts, with the next step."""
        self._later(self._add, messages, batches)

    def _add(self, connection: Connection, messages: Sequence[Message], batches: Sequence[NewBatch]) -> None:
        now = self._clock.now()
        _NEW_BATCH.many(connection, [rows.batch_row(new) for new in batches])
        message_rows = [rows.message_row(new) for new in messages]
        _NEW_MESSAGE.many(connection, message_rows)
        self._dialect.new_due.many(connection, mass.own_due_rows(messages, now))
        mass.wake_chunks(connection, self._dialect, messages, now)
        self._attempts.write(connection, messages, dict.fromkeys((new.id for new in messages), 0))
        _NEW_NOTE.many(connection, [rows.note_row(new, line) for new in messages for line in new.notes])
        pairs = zip(messages, message_rows, strict=True)
        self._new += [new for new, row in pairs if can_be_remembered(new, row["content"])]

    async def busy_lanes(self, lanes: Collection[Lane]) -> frozenset[Lane]:
        """By the index on lanes."""
        return await self._run(lane_reads.busy_lanes, lanes)

    async def last_starts(self, lanes: Collection[Lane]) -> Mapping[Lane, int]:
        """By the attempts."""
        return await self._run(lane_reads.last_starts, lanes)

    async def due(
        self, limit: int, *, among: Collection[MessageId] | None = None, turn: Turn | None = NOBODY_FIRST
    ) -> Sequence[DueMessage]:
        """The claim's selects, then the messages by id."""
        if limit == 0 and not (turn is not None and turn.others):
            return ()
        return await self._run(self._due, limit, among, turn)

    def _due(
        self, connection: Connection, limit: int, among: Collection[MessageId] | None, turn: Turn | None
    ) -> Sequence[DueMessage]:
        now = self._clock.now()
        if turn is None:
            claimed = self._dialect.claim_by_age.rows(connection, now=now, limit=limit)
        elif among is None:
            claimed = self._dialect.claim.rows(connection, now=now, limit=limit, turn=turn)
        else:
            claimed = self._dialect.claim_named.rows(connection, now=now, limit=limit, turn=turn, ids=sorted(among))
        messages = self._load_unlocked(connection, [row["message_id"] for row in claimed])
        unlocked = [row for row in claimed if row["message_id"] in messages]
        paced = [row["message_id"] for row in unlocked if row["paced"]]
        places = lane_reads.places(connection, paced) if paced else {}
        return [
            DueMessage(messages[row["message_id"]], lane_block(row), bool(row["paced"]), places.get(row["message_id"]))
            for row in unlocked
        ]

    def _load_unlocked(self, connection: Connection, message_ids: Sequence[MessageId]) -> dict[MessageId, Message]:
        """Without those that another unit of work is changing. Remembered ones that nobody has changed are not read."""
        known = self._remembered.take(message_ids)
        stored = versions(connection, known, UNLOCKED_VERSIONS)
        unchanged = {key: message for key, message in known.items() if stored.get(key) == Stored.of(message)}
        self._lock(unchanged)
        unread = [key for key in message_ids if key not in unchanged]
        return unchanged | self._load(connection, unread, UNLOCKED)

    async def get(
        self, message_ids: Sequence[MessageId], *, tenant_id: TenantId | None = None
    ) -> Mapping[MessageId, Message]:
        """By primary key."""
        return await self._run(self._load, message_ids, LOCKED, tenant_id) if message_ids else {}

    async def group(self, group_id: BatchId) -> Sequence[Message]:
        """By the group's index."""
        return await self._run(self._group, group_id)

    def _group(self, connection: Connection, group_id: BatchId) -> Sequence[Message]:
        ids = connection.execute(_PARTS, {"the_id": group_id})
        return list(self._load(connection, [row.id for row in ids]).values())

    def _load(
        self,
        connection: Connection,
        message_ids: Sequence[MessageId],
        query: Query = LOCKED,
        tenant_id: TenantId | None = None,
    ) -> dict[MessageId, Message]:
        loaded = load(connection, message_ids, query, tenant_id=tenant_id)
        self._lock(loaded)
        return loaded

    def _lock(self, stored: Mapping[MessageId, Message]) -> None:
        """They are as they are stored, and no other unit of work can change them."""
        self._attempts.read(stored.values())
        self._locked.update((message_id, Stored.of(message)) for message_id, message in stored.items())

    async def save(self, messages: Sequence[Message]) -> frozenset[MessageId]:
        """Check versions, then write."""
        return await self._run(self._save, messages) if messages else frozenset()

    def _save(self, connection: Connection, messages: Sequence[Message]) -> frozenset[MessageId]:
        unread = [changed.id for changed in messages if changed.id not in self._locked]
        self._locked.update(versions(connection, unread, LOCKED_VERSIONS))
        winners = [changed for changed in messages if self._is_stored(changed)]
        for winner in winners:
            winner.version += 1
        self._write(connection, winners)
        self._locked.update((winner.id, Stored.of(winner)) for winner in winners)
        return frozenset(changed.id for changed in messages) - {winner.id for winner in winners}

    def _is_stored(self, changed: Message) -> bool:
        """Whether it was read as it is stored now: only an unchanged version may be overwritten."""
        stored = self._locked.get(changed.id)
        return stored is not None and stored.version == changed.version

    def _write(self, connection: Connection, messages: Sequence[Message]) -> None:
        if not messages:
            return
        _UPDATE_MESSAGE.many(connection, [_state_row(changed) for changed in messages if changed.round == 1])
        _UPDATE_ROUND.many(connection, [_state_row(changed) for changed in messages if changed.round > 1])
        self._attempts.write(connection, messages, {key: stored.attempts for key, stored in self._locked.items()})
        _NEW_NOTE.many(connection, [rows.note_row(changed, line) for changed in messages for line in changed.notes])
        if held := [changed.id for changed in messages if changed.reason == HoldReason.MEDIA]:
            mark_waiting(connection, held)
        self._write_due(connection, messages)

    def _write_due(self, connection: Connection, messages: Sequence[Message]) -> None:
        now = self._clock.now()
        ended: list[dict[str, Any]] = []
        waiting: list[dict[str, Any]] = []
        call_started: list[dict[str, Any]] = []
        for changed in messages:
            if changed.due is None:
                continue
            if changed.due.in_ms is None or changed.waits_in_chunk:
                ended.append({"the_id": changed.id})
            else:
                started = changed.due.place is LanePosition.HOLDING
                (call_started if started else waiting).append(rows.due_row(changed, changed.due, now))
        _DELETE_DUE.many(connection, ended)
        self._dialect.reschedule.many(connection, waiting)
        self._dialect.call_started.many(connection, call_started)
        mass.wake_chunks(connection, self._dialect, messages, now)
        self._wake(connection, messages, now)

    def _wake(self, connection: Connection, messages: Sequence[Message], now: int) -> None:
        freed: list[dict[str, Any]] = []
        blocked: list[dict[str, Any]] = []
        for changed in messages:
            if changed.lane_released and not changed.is_mass:
                lane = {"the_lane": rows.lane(changed.account_id, changed.conversation_id), "now": now}
                holding = changed.due is not None and changed.due.place is LanePosition.HOLDING
                (blocked if holding else freed).append(lane)
        woken = self._dialect.wake_next.many(connection, freed) + self._dialect.wake_all.many(connection, blocked)
        if woken == 0:
            for changed in messages:
                changed.lane_released = False

    async def pace(self, placed: Mapping[MessageId, ProviderCode]) -> None:
        """Mark the due rows, with the next step."""
        marks = [{"the_id": message_id, "paced": True, "paced_for": code} for message_id, code in placed.items()]
        self._later(_MARK_PACED.many, marks)

    async def unpace(self, message_ids: Sequence[MessageId]) -> None:
        """The same."""
        self._later(_MARK_UNPACED.many, [{"the_id": message_id, "paced": False} for message_id in message_ids])

    async def sent_as(self, keys: Sequence[ProviderKey], *, latest: bool = False) -> Owners:
        """By the unique index on provider ids; a locking read where it must be the latest."""
        return await self._run(ownership.sent_as, keys, latest) if keys else {}

    async def accepted_sender(self, provider_code: ProviderCode, guid: Guid) -> str | None:
        """The newest rows, by the index on uncertain attempts."""
        return await self._run(ownership.accepted_sender, provider_code, guid)

    async def uncertain(
        self, provider_code: ProviderCode, guids: Sequence[Guid], *, latest: bool = False
    ) -> Sequence[OpenAttempt]:
        """By the index on uncertain attempts; a locking read where it must be the latest."""
        return await self._run(uncertainty.uncertain, provider_code, guids, self._clock.now(), latest) if guids else ()

    async def unanswered(self, provider_code: ProviderCode, guid: Guid) -> Sequence[OpenAttempt]:
        """By the same index: they have no outcome."""
        return await self._run(uncertainty.unanswered, provider_code, guid, self._clock.now())

    async def count(self, sent: Mapping[tuple[ProviderCode, str, str], int]) -> None:
        """One upsert per kind of result in this transaction, with the next step."""
        if sent:
            self._later(self._count, sent)

    def _count(self, connection: Connection, sent: Mapping[tuple[ProviderCode, str, str], int]) -> None:
        added = [
            {"tenant_id": "default", "provider_code": code, "message_type": kind, "outcome": outcome, "total": more}
            for (code, kind, outcome), more in sorted(sent.items())
        ]
        self._dialect.count.many(connection, added)


def _state_row(changed: Message) -> dict[str, Any]:
    return {"the_id": changed.id, **rows.message_state(changed)}
