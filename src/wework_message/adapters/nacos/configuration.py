"""Configurations of Nacos."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from wework_message.adapters.nacos.reopened import Reopened
from wework_message.adapters.nacos.sdk import ConfigParam, NacosServer, close_configuration, open_configuration
from wework_message.application.waiting import set_within
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.shared_configuration import Document, DocumentName

MAX_CHARACTERS: Final = 200_000
"""Of one configuration: larger ones would take seconds to read. The console of Nacos itself takes 100 kB."""


class NacosSharedConfiguration:
    """Listens while it is connected."""

    def __init__(
        self,
        names: Sequence[DocumentName],
        open_client: Callable[[], Awaitable[Any]],
        close_client: Callable[[Any], Awaitable[None]] = close_configuration,
    ) -> None:
        """Nothing is connected before the first call. `names` are the configurations, weakest first."""
        self._names = names
        self._open_client = open_client
        self._client = Reopened(self._opened, close_client)
        self._changed = asyncio.Event()

    @classmethod
    def at(cls, server: NacosServer, names: Sequence[DocumentName]) -> "NacosSharedConfiguration":
        """That of this server."""
        return cls(names, partial(open_configuration, server))

    async def read(self) -> Sequence[Document]:
        self._changed.clear()
        return await self._client.ask(self._read)

    async def changed(self, seconds: float) -> None:
        await set_within(self._changed, seconds)

    async def close(self) -> None:
        await self._client.close()

    async def _opened(self) -> Any:
        client = await self._open_client()
        for name in self._names:
            await client.add_listener(name.data_id, name.group, self._on_change)
        return client

    async def _on_change(self, _tenant: str, _group: str, _data_id: str, _content: str) -> None:
        """Whatever it is, everything is read again: a change that is missed in an outage would otherwise stay so."""
        self._changed.set()

    async def _read(self, client: Any) -> Sequence[Document]:
        documents = [Document(name, await self._text(client, name)) for name in self._names]
        return [document for document in documents if document.text]

    async def _text(self, client: Any, name: DocumentName) -> str:
        text = await client.get_config(ConfigParam(data_id=name.data_id, group=name.group))
        if text is None:
            return ""
        if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
            raise UnavailableError("nacos", f"no usable answer for {name}")
        return text
