"""What a process reads of a server with configurations, in any adapter."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import pytest

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.shared_configuration import Document, DocumentName, SharedConfiguration

WEAK: Final = DocumentName("common.yaml", "SHARED", refreshed=False)
STRONG: Final = DocumentName("message-service.yaml", "DEFAULT_GROUP")
NAMES: Final = (WEAK, STRONG)
LONG_S: Final = 60.0


class ConfigurationServer(Protocol):
    """The server of the test."""

    is_away: bool

    def publish(self, data_id: str, text: str, group: str = "DEFAULT_GROUP") -> None:
        """Set one configuration; an empty text removes it."""
        ...


Connect = Callable[[Sequence[DocumentName]], SharedConfiguration]


class SharedConfigurationContract:
    """Subclasses have the fixtures `server` and `connect`, which gives another process's way to it."""

    async def test_what_exists_is_read_weakest_first(self, server: ConfigurationServer, connect: Connect) -> None:
        configuration = connect(NAMES)
        assert list(await configuration.read()) == []
        server.publish("message-service.yaml", "a: 1")
        assert list(await configuration.read()) == [Document(STRONG, "a: 1")]
        server.publish("common.yaml", "a: 0\nb: 中文", group="SHARED")
        server.publish("common.yaml", "of another group")
        assert list(await configuration.read()) == [Document(WEAK, "a: 0\nb: 中文"), Document(STRONG, "a: 1")]
        server.publish("message-service.yaml", "")
        assert list(await configuration.read()) == [Document(WEAK, "a: 0\nb: 中文")]
        await configuration.close()

    async def test_news_end_a_wait(self, server: ConfigurationServer, connect: Connect) -> None:
        configuration = connect(NAMES)
        await configuration.read()
        waiting = asyncio.create_task(configuration.changed(LONG_S))
        await asyncio.sleep(0)
        assert not waiting.done()
        server.publish("message-service.yaml", "a: 2")
        await waiting
        assert list(await configuration.read()) == [Document(STRONG, "a: 2")]
        await configuration.close()

    async def test_news_before_the_wait_end_it_at_once(self, server: ConfigurationServer, connect: Connect) -> None:
        configuration = connect(NAMES)
        await configuration.read()
        server.publish("message-service.yaml", "a: 2")
        await configuration.changed(LONG_S)
        await configuration.close()

    async def test_a_wait_without_news_ends(self, connect: Connect) -> None:
        configuration = connect(NAMES)
        await configuration.read()
        await configuration.changed(0.0)
        await configuration.close()

    async def test_a_server_that_is_away_is_said_and_read_again_once_it_is_back(
        self, server: ConfigurationServer, connect: Connect
    ) -> None:
        server.publish("message-service.yaml", "a: 1")
        configuration = connect(NAMES)
        await configuration.read()
        server.is_away = True
        with pytest.raises(UnavailableError):
            await configuration.read()
        server.is_away = False
        server.publish("message-service.yaml", "a: 3")
        assert list(await configuration.read()) == [Document(STRONG, "a: 3")]
        waiting = asyncio.create_task(configuration.changed(LONG_S))
        server.publish("message-service.yaml", "a: 4")
        await waiting
        await configuration.close()

    async def test_no_text_is_in_what_a_document_prints(self) -> None:
        assert "hunter2" not in repr(Document(STRONG, "password: hunter2"))
