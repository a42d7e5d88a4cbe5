"""The Guxing gateway over both transports, against the simulator on real sockets."""

import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from tests.contracts.gateway_contract import GatewayContract
from tests.contracts.instance_admin_contract import InstanceAdminContract
from tests.contracts.provider_gateway_contract import AMPLE_MS, GUID, ProviderGatewayContract, SimulatorSite
from tests.support.processes.running_service import client_of

from wework_message.adapters.guxing.gateway import GuxingGateway
from wework_message.adapters.guxing.httpx_transport import HttpxTransport
from wework_message.adapters.guxing.protocol import GuxingProtocol
from wework_message.adapters.http import HttpClient
from wework_message.adapters.system import SystemClock
from wework_message.domain.ids import Guid
from wework_message.domain.ports.gateway import ClientState, MessageGateway
from wework_message.domain.ports.instances import InstanceAdmin
from wework_message.domain.ports.protocols import ProviderConnection
from wework_message.domain.ports.system import Clock
from wework_message.simulator import SimulatorOptions, running
from wework_message.simulator.server import RunningSimulator

TransportKind = type[HttpClient] | type[HttpxTransport]


@pytest.fixture(params=[HttpClient, HttpxTransport])
def transport(request: pytest.FixtureRequest) -> TransportKind:
    kind: TransportKind = request.param
    return kind


@pytest.fixture
async def simulator() -> AsyncIterator[RunningSimulator]:
    async with running(SimulatorOptions(fsync=False)) as started:
        yield started


class GuxingSite(SimulatorSite):
    def __init__(self, control: httpx.AsyncClient, url: str, transport: TransportKind) -> None:
        super().__init__(control)
        self._url = url
        self._transport = transport
        self._opened: list[HttpClient | HttpxTransport] = []

    async def gateway(self, timeout_ms: int = AMPLE_MS) -> MessageGateway:
        opened = self._transport(self._url)
        self._opened.append(opened)
        gateway = GuxingGateway(opened, timeout_ms=timeout_ms)
        assert await gateway.probe()
        return gateway

    async def aclose(self) -> None:
        for transport in self._opened:
            await transport.aclose()


class TestGuxingGatewayToAProviderThatMisbehaves(ProviderGatewayContract):
    @pytest.fixture
    async def site(self, simulator: RunningSimulator, transport: TransportKind) -> AsyncIterator[GuxingSite]:
        async with client_of(simulator.url) as control:
            site = GuxingSite(control, simulator.url, transport)
            yield site
            await site.aclose()


class TestGuxingInstances(InstanceAdminContract):
    @pytest.fixture
    async def admin(self, simulator: RunningSimulator, guid: Guid) -> AsyncIterator[InstanceAdmin]:
        async with GuxingProtocol().open(ProviderConnection(simulator.url, AMPLE_MS, 1)) as gateway:
            assert isinstance(gateway, InstanceAdmin)
            assert await gateway.client_state(guid) is ClientState.ONLINE  # its first use makes the simulator create it
            yield gateway

    @pytest.fixture
    async def unreachable(self) -> AsyncIterator[InstanceAdmin]:
        with socket.socket() as taken:  # bound and not listening, as below
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            async with GuxingProtocol().open(ProviderConnection(url, AMPLE_MS, 1)) as gateway:
                assert isinstance(gateway, InstanceAdmin)
                yield gateway

    @pytest.fixture
    def guid(self) -> Guid:
        return GUID


class TestGuxingGateway(GatewayContract):
    @pytest.fixture
    async def gateway(self, simulator: RunningSimulator, transport: TransportKind) -> AsyncIterator[MessageGateway]:
        opened = transport(simulator.url)
        yield GuxingGateway(opened)
        await opened.aclose()

    @pytest.fixture
    async def unreachable(self, transport: TransportKind) -> AsyncIterator[MessageGateway]:
        with socket.socket() as taken:  # bound and not listening: no other socket gets the port, and it refuses
            taken.bind(("127.0.0.1", 0))
            opened = transport(f"http://127.0.0.1:{taken.getsockname()[1]}")
            yield GuxingGateway(opened)
            await opened.aclose()

    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()

    @pytest.fixture
    def guid(self) -> Guid:
        return GUID

    @pytest.fixture
    def executed(self, simulator: RunningSimulator) -> Callable[[], Any]:
        return lambda: simulator.counters()["executed"]
