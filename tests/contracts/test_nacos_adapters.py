"""The contracts of the list of services and of shared configuration: in memory, and by Nacos's SDK, whose classes are stubs here."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from tests.contracts.service_registry_contract import OURS, RegistryServer, ServiceRegistryContract
from tests.contracts.shared_configuration_contract import (
    NAMES,
    ConfigurationServer,
    Connect,
    SharedConfigurationContract,
)
from tests.support.nacos.sdk_stub import StubClient, StubServer

from wework_message.adapters.memory.service_registry import MemoryRegistryServer, MemoryServiceRegistry
from wework_message.adapters.memory.shared_configuration import MemoryConfigurationServer, MemorySharedConfiguration
from wework_message.adapters.nacos.configuration import MAX_CHARACTERS, NacosSharedConfiguration
from wework_message.adapters.nacos.registry import NacosServiceRegistry
from wework_message.adapters.nacos.reopened import Reopened
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.service_registry import ServiceRegistry
from wework_message.domain.ports.shared_configuration import DocumentName


class TestMemoryServiceRegistry(ServiceRegistryContract):
    @pytest.fixture
    def server(self) -> MemoryRegistryServer:
        return MemoryRegistryServer()

    @pytest.fixture
    def connect(self, server: MemoryRegistryServer) -> Callable[[], ServiceRegistry]:
        return lambda: MemoryServiceRegistry(server)


class TestNacosServiceRegistry(ServiceRegistryContract):
    @pytest.fixture
    def server(self) -> StubServer:
        return StubServer()

    @pytest.fixture
    def connect(self, server: StubServer) -> Callable[[], ServiceRegistry]:
        return lambda: NacosServiceRegistry(server.open, server.close)


class TestMemorySharedConfiguration(SharedConfigurationContract):
    @pytest.fixture
    def server(self) -> MemoryConfigurationServer:
        return MemoryConfigurationServer()

    @pytest.fixture
    def connect(self, server: MemoryConfigurationServer) -> Connect:
        return lambda names: MemorySharedConfiguration(server, names)


class TestNacosSharedConfiguration(SharedConfigurationContract):
    @pytest.fixture
    def server(self) -> StubServer:
        return StubServer()

    @pytest.fixture
    def connect(self, server: StubServer) -> Connect:
        def connected(names: Sequence[DocumentName]) -> NacosSharedConfiguration:
            return NacosSharedConfiguration(names, server.open, server.close)

        return connected


def conforms(memory: MemoryRegistryServer, stub: StubServer) -> tuple[RegistryServer, RegistryServer]:
    return memory, stub


def conforms_too(memory: MemoryConfigurationServer, stub: StubServer) -> tuple[ConfigurationServer, ...]:
    return memory, stub


async def test_a_client_is_kept_until_its_first_failure() -> None:
    server = StubServer()
    registry = NacosServiceRegistry(server.open, server.close)
    await registry.register(OURS)
    await registry.has(OURS)
    assert (server.opened, len(server.clients)) == (1, 1)
    server.is_away = True
    with pytest.raises(UnavailableError):
        await registry.has(OURS)
    assert (server.opened, len(server.clients)) == (1, 0)
    server.is_away = False
    await registry.has(OURS)
    assert (server.opened, len(server.clients)) == (2, 1)
    await registry.close()


async def test_no_error_shows_a_text_of_the_sdk() -> None:
    server = StubServer(is_away=True)
    with pytest.raises(UnavailableError) as caught:
        await NacosServiceRegistry(server.open, server.close).has(OURS)
    assert str(caught.value) == "nacos: StubNacosError -401"
    assert caught.value.__cause__ is None


async def test_a_refused_registration_is_said() -> None:
    class Refusing(StubClient):
        async def register_instance(self, param: object) -> bool:
            return False

    server = StubServer()

    async def opened() -> StubClient:
        server.clients.append(client := Refusing(server))
        return client

    with pytest.raises(UnavailableError, match="not taken"):
        await NacosServiceRegistry(opened, server.close).register(OURS)


async def test_a_call_without_an_answer_ends_and_so_does_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wework_message.adapters.nacos.reopened.CALL_S", 0.0)
    server = StubServer()
    reopened: Reopened[StubClient] = Reopened(server.open, server.close)

    async def forever(_client: StubClient) -> None:
        await asyncio.Event().wait()

    with pytest.raises(UnavailableError, match="no answer in time"):
        await reopened.ask(forever)
    assert server.clients == []


async def test_a_client_that_cannot_be_closed_is_let_go() -> None:
    server = StubServer()

    async def broken(_client: StubClient) -> None:
        raise RuntimeError("half of it is gone")

    registry = NacosServiceRegistry(server.open, broken)
    await registry.register(OURS)
    await registry.close()


@pytest.mark.parametrize("answer", [("", ""), "x" * (MAX_CHARACTERS + 1)])
async def test_an_answer_that_is_no_configuration_is_none(answer: object) -> None:
    server = StubServer(answer=answer)
    configuration = NacosSharedConfiguration(NAMES, server.open, server.close)
    with pytest.raises(UnavailableError, match="no usable answer"):
        await configuration.read()
    await configuration.close()


async def test_a_cancelled_call_lets_its_client_go() -> None:
    server = StubServer()
    reopened: Reopened[StubClient] = Reopened(server.open, server.close)
    called = asyncio.Event()

    async def forever(_client: StubClient) -> None:
        called.set()
        await asyncio.Event().wait()

    asking = asyncio.create_task(reopened.ask(forever))
    await called.wait()
    asking.cancel()
    await asyncio.wait({asking})
    assert (asking.cancelled(), server.clients) == (True, [])
