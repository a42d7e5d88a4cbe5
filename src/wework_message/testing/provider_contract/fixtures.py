"""What every part of the suite starts from: the protocol, its provider, and a gateway between them."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Final

import pytest
import pytest_asyncio

from wework_message.domain.ids import Guid
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.gateway import MessageGateway
from wework_message.domain.ports.protocols import ProviderConnection, ProviderProtocol
from wework_message.domain.ports.system import Clock
from wework_message.testing.provider_contract.gateway import GUID, BootClock
from wework_message.testing.provider_contract.http_provider import HttpProvider

AMPLE_MS: Final = 20_000
"""A deadline that a passing test never reaches."""
SOON_MS: Final = 500
"""The deadline of calls to a provider that never answers."""
CALLS: Final = 10


class ProviderFixtures:
    """Subclasses provide the fixtures `protocol` and `provider`, and the attributes that differ from the defaults."""

    options: ClassVar[Mapping[str, str]] = {}
    """Options of one provider that the protocol accepts, all that it needs among them."""

    @pytest.fixture
    def protocol(self) -> ProviderProtocol:
        """The protocol to test."""
        raise NotImplementedError

    @pytest.fixture
    def provider(self) -> HttpProvider:
        """Its provider, not yet started."""
        raise NotImplementedError

    @pytest.fixture
    def guid(self) -> Guid:
        """An instance that is online at the provider."""
        return GUID

    @pytest.fixture
    def clock(self) -> Clock:
        """The clock of the machine."""
        return BootClock()

    @pytest_asyncio.fixture
    async def running(self, provider: HttpProvider) -> AsyncIterator[HttpProvider]:
        """The provider, started."""
        async with provider:
            yield provider

    @pytest.fixture
    def executed(self, provider: HttpProvider) -> Callable[[], int]:
        """How many messages the provider has sent."""
        return lambda: provider.executed

    @pytest_asyncio.fixture
    async def gateway(self, protocol: ProviderProtocol, running: HttpProvider) -> AsyncIterator[MessageGateway]:
        """A gateway to the provider, with time enough for every call."""
        async with self.opened(protocol, running.url) as gateway:
            yield gateway

    @pytest.fixture
    def refusing_url(self) -> Iterator[str]:
        """The URL of a port that refuses connections: it is bound, so that nobody else gets it, and nobody listens."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"

    @pytest_asyncio.fixture
    async def unreachable(self, protocol: ProviderProtocol, refusing_url: str) -> AsyncIterator[MessageGateway]:
        """A gateway to nobody."""
        async with self.opened(protocol, refusing_url) as gateway:
            yield gateway

    def opened(
        self,
        protocol: ProviderProtocol,
        url: str,
        *,
        timeout_ms: int = AMPLE_MS,
        calls: int = CALLS,
        outcome_codes: Mapping[str, OutcomeClass] | None = None,
    ) -> AbstractAsyncContextManager[MessageGateway]:
        """A gateway of the protocol, opened as the service opens it."""
        return protocol.open(ProviderConnection(url, timeout_ms, calls, outcome_codes or {}, self.options))
