"""Protocols by name: which adapter speaks to a provider, and who reads its callbacks (decision 20)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Final, Protocol

from wework_message.adapters.guxing.callbacks import GuxingCallbackReader
from wework_message.adapters.guxing.gateway import GuxingGateway
from wework_message.adapters.http import HttpClient
from wework_message.bootstrap.settings import ProviderSettings, SettingsError
from wework_message.domain.content import MessageType
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.gateway import CallbackReader, MessageGateway
from wework_message.domain.routing.provider import Capabilities

GROUP: Final = "wework_message.providers"
"""Entry-point group in which other protocols register a `ProviderProtocol`."""


ASKING: Final = 4
"""Connections to a provider for probes, beside those of the calls in flight."""


class ProviderProtocol(Protocol):
    """What an adapter package offers to be a provider protocol."""

    capabilities: Capabilities

    def reader(self) -> CallbackReader:
        """Reads this protocol's callbacks."""
        ...

    async def open(self, stack: AsyncExitStack, url: str, settings: ProviderSettings, calls: int) -> MessageGateway:
        """A gateway to one configured provider, closed with the stack; `calls` may be open at once."""
        ...


class GuxingProtocol:
    """广州孤星 over our own HTTP client."""

    capabilities = Capabilities(frozenset(set(MessageType) - {MessageType.MIXED}))

    def reader(self) -> CallbackReader:
        """Its callbacks."""
        return GuxingCallbackReader()

    async def open(self, stack: AsyncExitStack, url: str, settings: ProviderSettings, calls: int) -> MessageGateway:
        """A gateway whose connections are closed with the stack."""
        client, asking = HttpClient(url, max_connections=calls), HttpClient(url, max_connections=ASKING)
        stack.push_async_callback(asking.aclose)
        stack.push_async_callback(client.aclose)
        return GuxingGateway(
            client, asking=asking, timeout_ms=settings.timeout_ms, outcome_codes=settings.outcome_codes
        )


@dataclass(frozen=True, slots=True)
class Gateways:
    """Every enabled provider's gateway and callback reader."""

    send: Mapping[ProviderCode, MessageGateway]
    readers: Mapping[ProviderCode, CallbackReader]


def protocol(name: str) -> ProviderProtocol:
    """The protocol of this name, ours or an installed one; raises `SettingsError`."""
    if name == "guxing":
        return GuxingProtocol()
    found = next(iter(entry_points(group=GROUP, name=name)), None)
    if found is None:
        raise SettingsError("app.wework.providers.*.protocol", f"no installed package provides the protocol {name}")
    made: ProviderProtocol = found.load()()
    return made


@asynccontextmanager
async def open_gateways(
    providers: Mapping[str, ProviderSettings], urls: Mapping[str, str], calls: int
) -> AsyncIterator[Gateways]:
    """Gateways for the enabled providers; `urls` by settings key."""
    async with AsyncExitStack() as stack:
        send: dict[ProviderCode, MessageGateway] = {}
        readers: dict[ProviderCode, CallbackReader] = {}
        for key, settings in providers.items():
            speaks = protocol(settings.protocol)
            readers[ProviderCode(settings.code)] = speaks.reader()
            if settings.enabled:
                send[ProviderCode(settings.code)] = await speaks.open(stack, urls[key], settings, calls)
        yield Gateways(send, readers)
