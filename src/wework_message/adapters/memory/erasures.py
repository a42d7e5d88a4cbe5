"""Erasures in memory."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from wework_message.adapters.memory.callback_owners import owner_of
from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.pruned_media import forget_uses
from wework_message.adapters.memory.uncertainty import UNCERTAIN_WINDOW_MS, open_attempt, unanswered
from wework_message.domain.conversation import ERASED_CONVERSATION
from wework_message.domain.erasure import ErasedRows, Erasure, ErasureStep, Part, is_evidence
from wework_message.domain.ids import ErasureId, Guid, ProviderCode, TenantId
from wework_message.domain.message.erasing import erase_conversation, may_be_erased
from wework_message.domain.message.message import Message
from wework_message.domain.message.snapshot import snapshot
from wework_message.domain.ports.erasures import ErasureReader, Erasures
from wework_message.domain.ports.repositories import ERASED_FINGERPRINT

Item = TypeVar("Item")


class MemoryErasures:
    """Erasures, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database
        self._parts: Final[Mapping[Part, Callable[[ErasureStep, int], ErasedRows]]] = {
            Part.MESSAGES: self._messages,
            Part.KEYS: self._keys,
            Part.CALLBACKS: self._callbacks,
            Part.EVENTS: self._events,
            Part.DEAD_LETTERS: self._dead_letters,
            Part.POOL_CHOICES: self._choices,
        }

    async def add(self, erasure: Erasure) -> None:
        self._db.erasures.put(erasure.id, _copy(erasure))

    async def get(self, erasure_id: ErasureId) -> Erasure | None:
        stored = self._db.erasures.get(erasure_id)
        return _copy(stored) if stored is not None else None

    async def save(self, erasure: Erasure) -> None:
        self._db.erasures.put(erasure.id, _copy(erasure))

    async def erase(self, step: ErasureStep, *, limit: int) -> ErasedRows:
        return self._parts[step.part](step, limit)

    def _messages(self, step: ErasureStep, limit: int) -> ErasedRows:
        own = [
            message
            for message in self._db.messages.rows()
            if step.subject.covers(message.conversation_id)
            and message.tenant_id == step.tenant_id
            and message.id < step.until
        ]
        rows, after = _next(own, lambda message: (message.conversation_id, message.id), step.after, limit)
        resting = [message for message in rows if may_be_erased(message.status, message.recall.state)]
        for message in resting if not step.dry_run else ():
            self._erase(snapshot(message))
            forget_uses(self._db, [message.id], step.now)
        return ErasedRows(len(resting), len(rows) - len(resting), after)

    def _erase(self, message: Message) -> None:
        erase_conversation(message)
        self._db.messages.put(message.id, message)
        self._db.bare_notes(message.id)
        for key, owner in list(self._db.mass_days.items()):
            if owner == message.id:
                self._db.mass_days.drop(key)
        for attempt in message.attempts:
            if (listed := self._db.uncertain.get((message.id, attempt.number))) is not None:
                forgotten = open_attempt(message, attempt)
                self._db.uncertain.put((message.id, attempt.number), (listed[0], forgotten))

    def _keys(self, step: ErasureStep, limit: int) -> ErasedRows:
        if step.dry_run:
            return ErasedRows(0, 0, None)
        own = [(key, row) for key, row in self._db.keys.items() if key[0] == step.tenant_id]
        rows, after = _next(own, lambda item: item[0][1], step.after, limit)
        erased = {
            target
            for message in self._db.messages.rows()
            if message.conversation_id == ERASED_CONVERSATION
            for target in (message.id, message.batch_id, message.group_id)
        }
        hashed = [(key, row) for key, row in rows if row.target in erased and row.fingerprint != ERASED_FINGERPRINT]
        for key, row in hashed:
            self._db.keys.put(key, dataclasses.replace(row, fingerprint=ERASED_FINGERPRINT))
        return ErasedRows(len(hashed), 0, after)

    def _callbacks(self, step: ErasureStep, limit: int) -> ErasedRows:
        rows, after = _next(self._db.callbacks.rows(), lambda row: row.id, step.after, limit)
        own = [row for row in rows if owner_of(self._db, row) == step.tenant_id]
        named = [row for row in own if step.subject.is_named_in(row.raw)]
        evidence = [
            row
            for row in named
            if is_evidence(row.state, row.received_at, self._awaited_since(row.provider_code, row.guid, step.now))
        ]
        others = frozenset(row.id for row in named) - {row.id for row in evidence}
        if not step.dry_run:
            self._db.drop_callbacks(others)
        return ErasedRows(len(others), sum(step.holds_up(row.received_at) for row in evidence), after)

    def _awaited_since(self, provider_code: ProviderCode, guid: Guid, now: int) -> int | None:
        calls = unanswered(self._db.messages.rows(), provider_code, guid, now, UNCERTAIN_WINDOW_MS)
        uncertain = [
            attempt
            for code, attempt in self._db.uncertain.rows()
            if (code, attempt.guid) == (provider_code, guid) and attempt.started_at >= now - UNCERTAIN_WINDOW_MS
        ]
        return min((call.started_at for call in (*calls, *uncertain)), default=None)

    def _events(self, step: ErasureStep, limit: int) -> ErasedRows:
        rows, after = _next(self._db.webhook_deliveries.items(), lambda item: item[0], step.after, limit)
        own = [(key, delivery) for key, delivery in rows if delivery.tenant_id == step.tenant_id]
        named = [key for key, delivery in own if step.subject.is_named_in(delivery.body)]
        for key in named if not step.dry_run else ():
            self._db.webhook_deliveries.drop(key)
        return ErasedRows(len(named), 0, after)

    def _dead_letters(self, step: ErasureStep, limit: int) -> ErasedRows:
        rows, after = _next(self._db.dead_letters.rows(), lambda row: row.id, step.after, limit)
        own = [row for row in rows if row.letter.tenant_id == step.tenant_id]
        named = [row for row in own if step.subject.is_named_in(row.letter.body.decode(errors="replace"))]
        for row in named if not step.dry_run else ():
            self._db.dead_letters.drop(row.id)
            self._db.dead_letter_keys.drop((row.letter.source, row.letter.source_id))
        return ErasedRows(len(named), 0, after)

    def _choices(self, step: ErasureStep, limit: int) -> ErasedRows:
        own = [key for key, _ in self._db.pool_choices.items() if key[0] == step.tenant_id]
        rows, after = _next(own, lambda key: key, step.after, limit)
        named = [key for key in rows if step.subject.covers(key[2])]
        for key in named if not step.dry_run else ():
            self._db.pool_choices.drop(key)
        return ErasedRows(len(named), 0, after)


class MemoryErasureReader:
    """Views of the stored erasures."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Reads independently of units of work."""
        self._db = database

    async def erasure(self, tenant_id: TenantId, erasure_id: ErasureId) -> Erasure | None:
        self._db.check_available()
        stored = self._db.erasures.committed(erasure_id)
        return _copy(stored) if stored is not None and stored.tenant_id == tenant_id else None

    async def erasures(self, tenant_id: TenantId, *, limit: int, before: ErasureId | None) -> Sequence[Erasure]:
        self._db.check_available()
        own = [erasure for erasure in self._db.erasures.committed_rows() if erasure.tenant_id == tenant_id]
        older = [erasure for erasure in own if before is None or erasure.id < before]
        newest = sorted(older, key=lambda erasure: erasure.id, reverse=True)[:limit]
        return [_copy(erasure) for erasure in newest]

    async def next(self) -> Erasure | None:
        self._db.check_available()
        active = [erasure for erasure in self._db.erasures.committed_rows() if not erasure.done]
        first = min(active, key=lambda erasure: (erasure.next_at, erasure.id), default=None)
        return _copy(first) if first is not None else None


def _copy(erasure: Erasure) -> Erasure:
    return dataclasses.replace(erasure, erased=erasure.erased.copy())


def _next(
    rows: Iterable[Item], key: Callable[[Item], Any], after: str, limit: int
) -> tuple[Sequence[Item], str | None]:
    """The next `limit` rows in the order of their keys, and the last key as a text, where there are more."""
    reached = msgspec.json.decode(after) if after else None
    ordered = sorted(((_plain(key(row)), row) for row in rows), key=lambda item: item[0])
    behind = [item for item in ordered if reached is None or item[0] > reached][:limit]
    return [row for _, row in behind], msgspec.json.encode(behind[-1][0]).decode() if len(behind) == limit else None


def _plain(key: Any) -> Any:
    """As it is after it was stored as JSON."""
    return list(key) if isinstance(key, tuple) else key


def _conforms(erasures: MemoryErasures, reader: MemoryErasureReader) -> tuple[Erasures, ErasureReader]:
    return erasures, reader
