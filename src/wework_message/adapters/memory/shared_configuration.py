"""Shared configuration in memory."""

import asyncio
from collections.abc import Sequence

from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.shared_configuration import Document, DocumentName


class MemoryConfigurationServer:
    """What several processes read."""

    def __init__(self) -> None:
        """Empty, and there."""
        self.is_away = False
        self.texts: dict[tuple[str, str], str] = {}
        self.listeners: list[asyncio.Event] = []

    def publish(self, data_id: str, text: str, group: str = "DEFAULT_GROUP") -> None:
        """Set one configuration, and tell everybody."""
        self.texts[data_id, group] = text
        for listener in self.listeners:
            listener.set()


class MemorySharedConfiguration:
    """One process's way to it."""

    def __init__(self, server: MemoryConfigurationServer, names: Sequence[DocumentName]) -> None:
        """Reads the configurations of these names, weakest first."""
        self._server = server
        self._names = names
        self._changed = asyncio.Event()
        server.listeners.append(self._changed)

    async def read(self) -> Sequence[Document]:
        self._changed.clear()
        if self._server.is_away:
            raise UnavailableError("configuration", "is away")
        texts = self._server.texts
        keys = [(name, (name.data_id, name.group)) for name in self._names]
        return [Document(name, texts[key]) for name, key in keys if texts.get(key)]

    async def changed(self, seconds: float) -> None:
        await set_within(self._changed, seconds)

    async def close(self) -> None:
        self._server.listeners.remove(self._changed)
