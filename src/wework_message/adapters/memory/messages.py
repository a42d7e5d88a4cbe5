"""The message repository in memory."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from wework_message.adapters.memory.database import AttemptKey, DueRow, KeyRow, MemoryDatabase, as_stored
from wework_message.adapters.memory.mass_sends import wake_chunk
from wework_message.adapters.memory.turns import share_out
from wework_message.adapters.memory.uncertainty import UNCERTAIN_WINDOW_MS, open_attempt, unanswered
from wework_message.domain.errors import ConflictError
from wework_message.domain.ids import BatchId, Guid, MessageId, ProviderCode, ProviderKey, TenantId
from wework_message.domain.message.attempt import Attempt
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message
from wework_message.domain.message.scheduling import Lane, LanePosition, Urgency
from wework_message.domain.ports.repositories import (
    DueMessage,
    IdempotencyKey,
    KeyOwner,
    LaneBlock,
    MessageRepository,
    NewBatch,
)  # fmt: skip
from wework_message.domain.ports.system import Clock
from wework_message.domain.routing.shares import NOBODY_FIRST, Turn


class MemoryMessageRepository:
    """Messages, attempts, keys and due times, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` decides what is due."""
        self._db = database
        self._clock = clock

    async def claim_keys(self, keys: Sequence[IdempotencyKey]) -> Sequence[KeyOwner]:
        """One owner per key, in order; the first of equal keys gets it."""
        owners = []
        for key in keys:
            row = self._db.keys.get(place := (key.tenant_id, key.key))
            if row is None:
                row = KeyRow(key.target, key.fingerprint, self._clock.now())
                self._db.keys.put(place, row)
                owners.append(KeyOwner(row.target, row.fingerprint, fresh=True))
            else:
                owners.append(KeyOwner(row.target, row.fingerprint, fresh=False))
        return owners

    async def add(self, messages: Sequence[Message], batches: Sequence[NewBatch] = ()) -> None:
        """Insert messages and batches. Raises `ConflictError` for an id that exists."""
        for batch in batches:
            self._db.batches.put(batch.id, batch)
        for message in messages:
            if self._db.messages.get(message.id) is not None:
                raise ConflictError("this message id exists already")
            self._write(message)
            for owner in (message.batch_id, message.group_id):
                if owner is not None:
                    self._db.members.put(owner, (*(self._db.members.get(owner) or ()), message.id))

    async def busy_lanes(self, lanes: Collection[Lane]) -> frozenset[Lane]:
        return frozenset(row.lane for row in self._db.due.rows() if row.lane in lanes)

    async def last_starts(self, lanes: Collection[Lane]) -> Mapping[Lane, int]:
        calls = sorted(
            ((message.account_id, message.conversation_id), attempt.started_at)
            for message in self._db.messages.rows()
            for attempt in message.attempts
        )
        return {lane: started_at for lane, started_at in calls if lane in lanes}

    async def due(
        self, limit: int, *, among: Collection[MessageId] | None = None, turn: Turn | None = NOBODY_FIRST
    ) -> Sequence[DueMessage]:
        now = self._clock.now()
        ready = [row for row in self._db.due.rows() if row.due_at <= now and (among is None or row.message_id in among)]
        claimed = share_out(ready, turn, limit, now)
        heads = self._heads({row.lane for row in claimed}, now)
        return [
            DueMessage(
                as_stored(message), self._block(row, heads, now), row.paced, row.paced_for if row.paced else None
            )
            for row in claimed
            if (message := self._db.messages.get(row.message_id)) is not None
        ]

    def _heads(self, lanes: set[Lane], now: int) -> dict[Lane, DueRow]:
        heads: dict[Lane, DueRow] = {}
        for row in self._db.due.rows():
            if row.lane in lanes and row.in_line(now):
                first = heads.setdefault(row.lane, row)
                if (row.urgency, row.seq) < (first.urgency, first.seq):
                    heads[row.lane] = row
        return heads

    def _block(self, row: DueRow, heads: Mapping[Lane, DueRow], now: int) -> LaneBlock | None:
        if not row.in_line(now):
            return None
        holder = self._db.holders.get(row.lane)
        if holder is None:
            return None if heads[row.lane] is row else LaneBlock.BEHIND
        outcome = self._attempt(holder).outcome
        return LaneBlock.BEHIND if outcome is None else LaneBlock.BEHIND_UNKNOWN

    def _attempt(self, key: AttemptKey) -> Attempt:
        message = self._db.messages.get(key[0])
        if message is None:
            raise KeyError(key)
        return message.attempts.numbered(key[1])

    async def get(
        self, message_ids: Sequence[MessageId], *, tenant_id: TenantId | None = None
    ) -> Mapping[MessageId, Message]:
        """Copies of the messages that exist."""
        return {
            message_id: as_stored(stored)
            for message_id in message_ids
            if (stored := self._db.messages.get(message_id)) is not None and tenant_id in (None, stored.tenant_id)
        }

    async def group(self, group_id: BatchId) -> Sequence[Message]:
        parts = await self.get(self._db.members.get(group_id) or ())
        return sorted((part for part in parts.values() if part.group_id == group_id), key=lambda part: part.index or 0)

    async def save(self, messages: Sequence[Message]) -> frozenset[MessageId]:
        """Write the messages that are not lost. After a `ConflictError` the unit of work must be left without a commit."""
        winners = [message for message in messages if self._is_current(message)]
        for message in winners:
            self._unlist(message.id)
        for message in winners:
            self._write(dataclasses.replace(message, version=message.version + 1))
        for message in winners:
            message.version += 1
            if message.lane_released and not message.is_mass:
                message.lane_released = self._wake(message)
        return frozenset(message.id for message in messages) - {message.id for message in winners}

    def _is_current(self, message: Message) -> bool:
        stored = self._db.messages.get(message.id)
        return stored is not None and stored.version == message.version

    def _unlist(self, message_id: MessageId) -> None:
        """Take the stored attempts out of the indexes: releases come before claims, in whatever order they are saved."""
        stored = self._db.messages.get(message_id)
        for attempt in stored.attempts if stored is not None else ():
            key = (message_id, attempt.number)
            lane = (attempt.account_id, stored.conversation_id) if stored is not None else None
            if lane is not None and self._db.holders.get(lane) == key:
                self._db.holders.drop(lane)
            self._db.uncertain.drop(key)

    def _write(self, message: Message) -> None:
        self._list(message)
        self._db.messages.put(message.id, as_stored(message))
        if message.notes:
            self._db.notes.put(message.id, (*(self._db.notes.get(message.id) or ()), *message.notes))
        self._set_due(message)

    def _list(self, message: Message) -> None:
        if sum(attempt.unsettled for attempt in message.attempts) > 1:
            raise ConflictError("a message has one unsettled attempt at most")
        for attempt in message.attempts:
            key = (message.id, attempt.number)
            lane = (attempt.account_id, message.conversation_id)
            if attempt.lane_open:
                if self._db.holders.get(lane) not in (None, key):
                    raise ConflictError("a lane has one open attempt at most")
                self._db.holders.put(lane, key)
            if attempt.provider_message_id is not None:
                provider_key = (attempt.provider_code, attempt.guid, attempt.provider_message_id)
                if self._db.provider_keys.get(provider_key) not in (None, key):
                    raise ConflictError("a provider message id has one owner per guid")
                self._db.provider_keys.put(provider_key, key)
            elif attempt.outcome is not None and attempt.outcome.unproven:
                self._db.uncertain.put(key, (attempt.provider_code, open_attempt(message, attempt)))

    def _set_due(self, message: Message) -> None:
        due = message.due
        if due is None:
            return
        if message.waits_in_chunk and due.in_ms is not None:
            wake_chunk(self._db, message, due.in_ms, self._clock.now())
        if due.in_ms is None or message.waits_in_chunk:
            self._db.due.drop(message.id)
            return
        old = self._db.due.get(message.id)
        self._db.due.put(
            message.id,
            DueRow(
                message_id=message.id,
                lane=(message.account_id, message.conversation_id),
                urgency=Urgency.of(message.options.priority),
                seq=next(self._db.serial) if old is None else old.seq,
                due_at=self._clock.now() + due.in_ms,
                in_ms=due.in_ms,
                place=due.place,
                scheduled=message.is_waiting() and due.place is LanePosition.FREE,
                parked=due.waits_in_lane,
                # A call uses the place up: the next one asks for its own.
                paced=old is not None and old.paced and due.place is not LanePosition.HOLDING,
                paced_for=None if old is None else old.paced_for,
            ),
        )

    def _wake(self, message: Message) -> bool:
        now = self._clock.now()
        own = self._db.due.get(message.id)
        uncertain = own is not None and own.place is LanePosition.HOLDING
        lane = (message.account_id, message.conversation_id)
        line = sorted(
            (row for row in self._db.due.rows() if row.lane == lane and row.in_line(now)),
            key=lambda row: (row.urgency, row.seq),
        )
        woken = [row for row in (line if uncertain else line[:1]) if row.parked and row.due_at > now]
        for row in woken:
            self._db.due.put(row.message_id, dataclasses.replace(row, due_at=now))
        return bool(woken)

    async def pace(self, placed: Mapping[MessageId, ProviderCode]) -> None:
        for message_id, provider_code in placed.items():
            if (row := self._db.due.get(message_id)) is not None:
                self._db.due.put(message_id, dataclasses.replace(row, paced=True, paced_for=provider_code))

    async def unpace(self, message_ids: Sequence[MessageId]) -> None:
        for message_id in message_ids:
            if (row := self._db.due.get(message_id)) is not None:
                self._db.due.put(message_id, dataclasses.replace(row, paced=False))

    async def sent_as(
        self,
        keys: Sequence[ProviderKey],
        *,
        latest: bool = False,  # noqa: ARG002 -- units of work come one after the other
    ) -> Mapping[ProviderKey, AttemptKey]:
        return {key: owner for key in keys if (owner := self._db.provider_keys.get(key)) is not None}

    async def accepted_sender(self, provider_code: ProviderCode, guid: Guid) -> str | None:
        accepted = [
            (attempt.started_at, attempt.outcome.receipt.sender_id)
            for message in self._db.messages.rows()
            for attempt in message.attempts
            if (attempt.provider_code, attempt.guid) == (provider_code, guid)
            and attempt.outcome is not None
            and attempt.outcome.receipt is not None
            and attempt.outcome.receipt.sender_id is not None
        ]
        return max(accepted)[1] if accepted else None

    async def uncertain(
        self,
        provider_code: ProviderCode,
        guids: Sequence[Guid],
        *,
        latest: bool = False,  # noqa: ARG002 -- as above
    ) -> Sequence[OpenAttempt]:
        """Uncertain attempts of the last 24 h without an id, oldest first."""
        since = self._clock.now() - UNCERTAIN_WINDOW_MS
        attempts = [
            dataclasses.replace(attempt, own_user_id=self._wecom_user_id(attempt))
            for code, attempt in self._db.uncertain.rows()
            if code == provider_code and attempt.guid in guids and attempt.started_at >= since
        ]
        return sorted(attempts, key=lambda attempt: (attempt.started_at, attempt.message_id, attempt.number))

    async def unanswered(self, provider_code: ProviderCode, guid: Guid) -> Sequence[OpenAttempt]:
        calls = unanswered(self._db.messages.rows(), provider_code, guid, self._clock.now(), UNCERTAIN_WINDOW_MS)
        return [dataclasses.replace(call, own_user_id=self._wecom_user_id(call)) for call in calls]

    def _wecom_user_id(self, attempt: OpenAttempt) -> str | None:
        account = self._db.accounts.get(self._attempt((attempt.message_id, attempt.number)).account_id)
        return account.wecom_user_id if account is not None else None

    async def count(self, sent: Mapping[tuple[ProviderCode, str, str], int]) -> None:
        for key, number in sent.items():
            self._db.finished.put(key, (self._db.finished.get(key) or 0) + number)


def _conforms(repository: MemoryMessageRepository) -> MessageRepository:
    return repository
