"""How far the message streams of instances were pulled, in memory."""

from collections.abc import Collection, Mapping, Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.domain.account import Binding
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.ports.streams import StreamPositions, StreamReader
from wework_message.domain.stream import StreamPosition


class MemoryStreamPositions:
    """Inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def position(self, provider_code: ProviderCode, guid: Guid) -> StreamPosition | None:
        return self._db.streams.get((provider_code, guid))

    async def save(self, provider_code: ProviderCode, guid: Guid, position: StreamPosition) -> None:
        self._db.streams.put((provider_code, guid), position)

    async def tear(self) -> None:
        for key, position in list(self._db.streams.items()):
            self._db.streams.put(key, position.torn())


class MemoryStreamReader:
    """Of what is committed."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Reads independently of units of work."""
        self._db = database

    async def positions(self, provider_code: ProviderCode, guids: Collection[Guid]) -> Mapping[Guid, StreamPosition]:
        self._db.check_available()
        return {
            guid: position
            for guid in guids
            if (position := self._db.streams.committed((provider_code, guid))) is not None
        }

    async def uncertain(self, provider_code: ProviderCode, *, limit: int) -> Sequence[tuple[Binding, int]]:
        self._db.check_available()
        unknown = [message for message in self._db.messages.committed_rows() if message.status is MessageStatus.UNKNOWN]
        newest = sorted(unknown, key=lambda message: message.id, reverse=True)[:limit]
        began: dict[Guid, int] = {}
        for message in newest:
            attempt = message.attempts.open
            if attempt is not None and attempt.provider_code == provider_code:
                began[attempt.guid] = max(began.get(attempt.guid, 0), attempt.started_at)
        bindings = [
            (binding, began[binding.guid])
            for binding in self._db.bindings.committed_rows()
            if binding.provider_code == provider_code
            and binding.guid in began
            and binding.enabled
            and not binding.removed
        ]
        return sorted(bindings, key=lambda pair: pair[0].guid)

    async def newest_seq(self, provider_code: ProviderCode, guid: Guid, account_id: AccountId) -> str | None:
        self._db.check_available()
        accepted = [
            (attempt.started_at, attempt.outcome.receipt.seq)
            for message in self._db.messages.committed_rows()
            for attempt in message.attempts
            if (attempt.provider_code, attempt.guid, attempt.account_id) == (provider_code, guid, account_id)
            and attempt.outcome is not None
            and attempt.outcome.receipt is not None
            and attempt.outcome.receipt.seq is not None
        ]
        return max(accepted)[1] if accepted else None


def _conforms(positions: MemoryStreamPositions, reader: MemoryStreamReader) -> tuple[StreamPositions, StreamReader]:
    return positions, reader
