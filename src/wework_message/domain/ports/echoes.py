"""The port for echoes of messages at rest."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from wework_message.domain.ids import ProviderKey
from wework_message.domain.message.sent_message import Echo, SentMessage


class EchoRepository(Protocol):
    """Messages at rest and their echoes, inside one transaction."""

    async def sent(self, keys: Sequence[ProviderKey]) -> Mapping[ProviderKey, SentMessage]:
        """The messages of which `SentMessage.of` makes something, by the provider's ids of their newest attempts; locked.

        It waits for no other unit of work: messages that one is changing are left out.
        """
        ...

    async def deliver(self, echoes: Sequence[Echo], at: int) -> None:
        """Write that these messages, which `sent` has read, are DELIVERED since `at` (epoch ms), with the fact and a note."""
        ...
