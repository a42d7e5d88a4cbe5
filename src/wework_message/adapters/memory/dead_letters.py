"""Dead letters in memory."""

import dataclasses
from collections.abc import Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.dead_letter_rows import DeadLetterRow
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.dead_letters import (
    DeadLetter,
    DeadLetterReader,
    DeadLetters,
    DeadLetterSource,
    DeadLetterView,
)


class MemoryDeadLetters:
    """Dead letters, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def keep(self, letters: Sequence[DeadLetter]) -> int:
        new = 0
        for letter in letters:
            key = (letter.source, letter.source_id)
            if self._db.dead_letter_keys.get(key) is not None:
                continue
            row = DeadLetterRow(next(self._db.serial), letter)
            self._db.dead_letters.put(row.id, row)
            self._db.dead_letter_keys.put(key, row.id)
            new += 1
        return new

    async def replayed(self, letter_id: int, target: str, at: int) -> None:
        row = self._db.dead_letters.get(letter_id)
        if row is not None:
            self._db.dead_letters.put(letter_id, dataclasses.replace(row, target=target, replayed_at=at))


class MemoryDeadLetterReader:
    """Views of the stored dead letters."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Reads independently of units of work."""
        self._db = database

    async def dead_letters(
        self, tenant_id: TenantId, source: DeadLetterSource, *, limit: int, before: int | None
    ) -> Sequence[DeadLetterView]:
        self._db.check_available()
        rows = [
            row
            for row in self._db.dead_letters.committed_rows()
            if (row.letter.tenant_id, row.letter.source) == (tenant_id, source) and (before is None or row.id < before)
        ]
        rows.sort(key=lambda row: row.id, reverse=True)
        return [_view(row) for row in rows[:limit]]

    async def dead_letter(self, tenant_id: TenantId, letter_id: int) -> tuple[DeadLetterView, bytes] | None:
        self._db.check_available()
        row = self._db.dead_letters.committed(letter_id)
        return (_view(row), row.letter.body) if row is not None and row.letter.tenant_id == tenant_id else None


def _view(row: DeadLetterRow) -> DeadLetterView:
    letter = row.letter
    return DeadLetterView(
        id=row.id,
        source=letter.source,
        source_id=letter.source_id,
        message_id=letter.message_id,
        reason=letter.reason,
        faults=letter.faults,
        key=letter.key,
        size=len(letter.body),
        deliveries=letter.deliveries,
        received_at=letter.received_at,
        replayed_at=row.replayed_at,
        target=row.target,
    )


def _conforms(letters: MemoryDeadLetters, reader: MemoryDeadLetterReader) -> tuple[DeadLetters, DeadLetterReader]:
    return letters, reader
