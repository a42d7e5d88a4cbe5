"""Mass sends in memory."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.mass_rows import ChunkRow
from wework_message.adapters.memory.uncertainty import UNCERTAIN_WINDOW_MS, open_attempt
from wework_message.domain.ids import AccountId, BatchId, Guid, MessageId, ProviderCode, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.mass.chunks import MassChunk
from wework_message.domain.mass.confirmation import Confirmation
from wework_message.domain.mass.day import day_of
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.maintenance import Pruned
from wework_message.domain.ports.mass import DueChunk, MassReader, MassRepository, MassTask
from wework_message.domain.ports.queries import ChunkView
from wework_message.domain.ports.system import Clock


class MemoryMass:
    """Mass sends, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` is the database's own."""
        self._db = database
        self._clock = clock

    async def add(self, chunks: Sequence[MassChunk]) -> None:
        for chunk in chunks:
            self._db.mass_chunks.put((chunk.batch_id, chunk.number), ChunkRow(chunk))

    async def due(self, limit: int) -> Sequence[DueChunk]:
        now = self._clock.now()
        due = [(row.due_at, row) for row in self._db.mass_chunks.rows() if row.due_at is not None and row.due_at <= now]
        claimed = [row for _, row in sorted(due, key=lambda item: item[0])[:limit]]
        for row in claimed:
            self._put(dataclasses.replace(row, due_at=None, paced_for=None, placed_at=None))
        return [
            DueChunk(row.chunk, self._waiting(row.chunk), row.paced_for, max(0, (row.placed_at or 0) - now))
            for row in claimed
        ]

    def _put(self, row: ChunkRow) -> None:
        self._db.mass_chunks.put((row.chunk.batch_id, row.chunk.number), row)

    def _waiting(self, chunk: MassChunk) -> Sequence[MessageId]:
        stored = (self._db.messages.get(message_id) for message_id in self._db.members.get(chunk.batch_id) or ())
        waiting = [message for message in stored if message is not None and message.is_waiting() and chunk.has(message)]
        return [message.id for message in sorted(waiting, key=lambda message: message.index or 0)]

    async def later(self, chunk: MassChunk, in_ms: int, *, paced_for: ProviderCode | None = None) -> None:
        row = self._db.mass_chunks.get((chunk.batch_id, chunk.number))
        if row is not None:
            now = self._clock.now()
            sooner = _sooner(row, in_ms, now)
            placed = dataclasses.replace(sooner, paced_for=paced_for, placed_at=now + in_ms)
            self._put(sooner if paced_for is None else placed)

    async def take_days(
        self,
        tenant_id: TenantId,  # noqa: ARG002 -- accounts have one tenant
        account_id: AccountId,
        day: str,
        owners: Mapping[str, MessageId],
    ) -> frozenset[str]:
        taken = set()
        for conversation_id, message_id in owners.items():
            owner = self._db.mass_days.get((account_id, day, conversation_id))
            if owner in (None, message_id) or self._is_unsent(owner):
                self._db.mass_days.put((account_id, day, conversation_id), message_id)
            else:
                taken.add(conversation_id)
        return frozenset(taken)

    def _is_unsent(self, owner: MessageId | None) -> bool:
        message = None if owner is None else self._db.messages.get(owner)
        if message is None or message.possible_duplicate:
            return False
        if message.status is MessageStatus.FAILED:
            return message.confirmed is True
        return message.is_waiting() or message.status in (MessageStatus.CANCELLED, MessageStatus.EXPIRED)

    async def accepted(
        self, provider_code: ProviderCode, guid: Guid, account_id: AccountId, conversations: Collection[str]
    ) -> Sequence[OpenAttempt]:
        since = self._clock.now() - UNCERTAIN_WINDOW_MS
        calls = [
            open_attempt(message, attempt)
            for message in self._db.messages.rows()
            for attempt in message.attempts
            if message.account_id == account_id
            and message.conversation_id in conversations
            and (attempt.provider_code, attempt.guid) == (provider_code, guid)
            and attempt.outcome is not None
            and attempt.outcome.kind is OutcomeClass.ACCEPTED
            and attempt.provider_message_id is None
            and attempt.content_key is not None
            and attempt.started_at >= since
        ]
        return sorted(calls, key=lambda call: (call.started_at, call.message_id))

    async def called(self, task: MassTask, *, check_in_ms: int | None) -> None:
        row = self._db.mass_chunks.get((task.chunk.batch_id, task.chunk.number))
        if row is not None:
            check_at = None if check_in_ms is None else self._clock.now() + check_in_ms
            self._put(dataclasses.replace(row, task=task, check_at=check_at))

    async def checked(self, task: MassTask, *, check_in_ms: int | None) -> None:
        row = self._db.mass_chunks.get((task.chunk.batch_id, task.chunk.number))
        if row is not None and row.task is not None and row.task.started_at == task.started_at:
            await self.called(dataclasses.replace(task, checks=task.checks + 1), check_in_ms=check_in_ms)

    async def checks(self, limit: int, *, again_in_ms: int) -> Sequence[MassTask]:
        now = self._clock.now()
        due = [row for row in self._db.mass_chunks.rows() if row.check_at is not None and row.check_at <= now]
        claimed = sorted(due, key=lambda row: row.check_at or 0)[:limit]
        for row in claimed:
            self._put(dataclasses.replace(row, check_at=now + again_in_ms))
        return [row.task for row in claimed if row.task is not None]

    async def recipients(self, chunk: MassChunk) -> Sequence[MessageId]:
        stored = (self._db.messages.get(message_id) for message_id in self._db.members.get(chunk.batch_id) or ())
        own = [message for message in stored if message is not None and chunk.has(message)]
        return [message.id for message in sorted(own, key=lambda message: message.index or 0)]

    async def announce(self, confirmation: Confirmation) -> None:
        now = self._clock.now()
        for digest, stored in list(self._db.mass_confirmations.items()):
            if stored.expires_at <= now:
                self._db.mass_confirmations.drop(digest)
        self._db.mass_confirmations.put(confirmation.digest, confirmation)

    async def confirm(self, digest: bytes, fingerprint: bytes, *, now: int) -> bool:
        stored = self._db.mass_confirmations.get(digest)
        if stored is None or stored.fingerprint != fingerprint or stored.expires_at <= now:
            return False
        self._db.mass_confirmations.drop(digest)
        return True


def wake_chunk(database: MemoryDatabase, message: Message, in_ms: int, now: int) -> None:
    """A message that waits in its chunk is due in `in_ms` at the latest, in the open unit of work."""
    for key, row in list(database.mass_chunks.items()):
        if row.chunk.has(message):
            database.mass_chunks.put(key, _sooner(row, in_ms, now))


def chunk_due_at(database: MemoryDatabase, message: Message) -> int | None:
    """When the chunk of a message that waits in one is due, by what is committed."""
    if not message.waits_in_chunk:
        return None
    rows = database.mass_chunks.committed_rows()
    return min((row.due_at for row in rows if row.due_at is not None and row.chunk.has(message)), default=None)


def chunk_views(database: MemoryDatabase, batch_id: BatchId) -> Sequence[ChunkView]:
    """Those of a batch, by what is committed."""
    own = [row for row in database.mass_chunks.committed_rows() if row.chunk.batch_id == batch_id]
    return [
        ChunkView(
            row.chunk.number,
            row.chunk.recipients,
            row.chunk.are_rooms,
            row.due_at,
            None if row.task is None else row.task.task_id,
        )
        for row in sorted(own, key=lambda row: row.chunk.number)
    ]


def shorten_chunks(database: MemoryDatabase, now: int) -> int:
    """No chunk waits longer than it was to wait when that was set; how many did."""
    late = [(key, row) for key, row in database.mass_chunks.items() if (row.due_at or 0) > now + row.in_ms]
    for key, row in late:
        placed_at = None if row.placed_at is None else now + row.in_ms
        database.mass_chunks.put(key, dataclasses.replace(row, due_at=now + row.in_ms, placed_at=placed_at))
    return len(late)


def recheck_chunks(database: MemoryDatabase, account_id: AccountId, now: int) -> int:
    """The chunks of the account that wait for a time are due; how many."""
    waiting = [
        (key, row)
        for key, row in database.mass_chunks.items()
        if row.chunk.account_id == account_id and (row.due_at or 0) > now
    ]
    for key, row in waiting:
        database.mass_chunks.put(key, dataclasses.replace(row, due_at=now, in_ms=0, paced_for=None, placed_at=None))
    return len(waiting)


def drop_chunks(database: MemoryDatabase, batch_id: BatchId) -> None:
    """The batch has no messages any more."""
    for key, _ in list(database.mass_chunks.items()):
        if key[0] == batch_id:
            database.mass_chunks.drop(key)


def prune_mass_sends(database: MemoryDatabase, older_than_ms: int, limit: int, now: int) -> Pruned:
    """Old days, oldest first, and confirmations that are over."""
    first = day_of(now - older_than_ms, "UTC")
    old = sorted([key for key, _ in database.mass_days.items() if key[1] < first], key=lambda key: key[1])[:limit]
    for key in old:
        database.mass_days.drop(key)
    for digest, confirmation in list(database.mass_confirmations.items()):
        if confirmation.expires_at <= now:
            database.mass_confirmations.drop(digest)
    return Pruned(len(old), first if len(old) == limit else None)


def _sooner(row: ChunkRow, in_ms: int, now: int) -> ChunkRow:
    if row.due_at is not None and row.due_at <= now + in_ms:
        return row
    return dataclasses.replace(row, due_at=now + in_ms, in_ms=in_ms)


class MemoryMassReader:
    """What is committed."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` is the database's own."""
        self._db = database
        self._clock = clock

    async def chunk_due(self) -> bool:
        now = self._clock.now()
        return any(row.due_at is not None and row.due_at <= now for row in self._db.mass_chunks.committed_rows())

    async def check_due(self) -> bool:
        now = self._clock.now()
        return any(row.check_at is not None and row.check_at <= now for row in self._db.mass_chunks.committed_rows())


def _conforms(mass: MemoryMass, reader: MemoryMassReader) -> tuple[MassRepository, MassReader]:
    return mass, reader
