"""Echoes of messages at rest, in memory: `Message` itself says what they do."""

from collections.abc import Mapping, Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.domain.ids import ProviderKey
from wework_message.domain.inbox import CallbackSource
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.sent_message import Echo, SentMessage
from wework_message.domain.message.timeline import Note
from wework_message.domain.ports.echoes import EchoRepository


class MemoryEchoes:
    """Inside the open unit of work."""

    def __init__(self, database: MemoryDatabase, messages: MemoryMessageRepository) -> None:
        """`messages` are those of the same unit of work."""
        self._db = database
        self._messages = messages

    async def sent(self, keys: Sequence[ProviderKey]) -> Mapping[ProviderKey, SentMessage]:
        """Units of work run one after the other: none is left out."""
        owners = [owner[0] for key in keys if (owner := self._db.provider_keys.get(key)) is not None]
        stored = (await self._messages.get(owners)).values()
        sent = {message.key: message for message in map(SentMessage.of, stored) if message is not None}
        return {key: sent[key] for key in keys if key in sent}

    async def deliver(self, echoes: Sequence[Echo], at: int) -> None:
        """The evidence is folded anew."""
        stored = await self._messages.get([echo.message.id for echo in echoes])
        for echo in echoes:
            number = echo.message.number
            note = Note(
                FactKind.ECHO, at, attempt=number, event_key=echo.event_key, source=CallbackSource.CALLBACK.value
            )
            stored[echo.message.id].learn(number, FactKind.ECHO, horizon_ms=0, now=at, note=note)
        await self._messages.save([*stored.values()])


def _conforms(echoes: MemoryEchoes) -> EchoRepository:
    return echoes
