"""广州孤星 (Guangzhou Guxing) as a provider protocol, over our own HTTP client."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.adapters.guxing.checks import callback_checks
from wework_message.adapters.guxing.provider_gateway import GuxingProviderGateway
from wework_message.adapters.http import HttpClient
from wework_message.domain.content import MessageType
from wework_message.domain.conversation import PEERS_AND_ROOMS
from wework_message.domain.errors import InvalidValueError
from wework_message.domain.ports.checks import Check
from wework_message.domain.ports.gateway import MessageGateway
from wework_message.domain.ports.protocols import Idempotency, ProviderConnection, ProviderProtocol
from wework_message.domain.routing.provider import Capabilities

PROBE_CONNECTIONS: Final = 4
"""Connections to a provider for probes, in addition to those for calls."""


class GuxingProtocol:
    """A `ProviderProtocol` without options."""

    name: Final = "guxing"
    capabilities: Final = Capabilities(frozenset(set(MessageType) - {MessageType.MIXED}))
    conversations: Final = PEERS_AND_ROOMS
    has_echoes: Final = True
    idempotency: Final = Idempotency.NONE
    has_simulator: Final = True
    secret_options: Final = frozenset[str]()

    def check_options(self, options: Mapping[str, str]) -> None:
        """Raises `InvalidValueError` for any option: there are none."""
        for name in options:
            raise InvalidValueError(name, f"is no option of the protocol {self.name}")

    def reader(self) -> GuxingCallbackReader:
        return GuxingCallbackReader()

    @asynccontextmanager
    async def open(self, connection: ProviderConnection) -> AsyncIterator[MessageGateway]:
        """A gateway whose connections are closed at the end of the context."""
        async with AsyncExitStack() as stack:
            probe_client = HttpClient(connection.url, max_connections=PROBE_CONNECTIONS)
            stack.push_async_callback(probe_client.aclose)
            client = HttpClient(connection.url, max_connections=connection.calls)
            stack.push_async_callback(client.aclose)
            upload_client = HttpClient(connection.url, max_connections=connection.media.uploads)
            stack.push_async_callback(upload_client.aclose)
            yield GuxingProviderGateway(
                client, probe_transport=probe_client, upload_transport=upload_client, connection=connection
            )

    def checks(self, name: str) -> Sequence[Check]:
        return callback_checks(name)


def _conforms(protocol: GuxingProtocol) -> ProviderProtocol:
    return protocol
