"""Uploads and mass sends: one suite each, on the provider in memory and on Guxing against the simulator."""

from collections.abc import AsyncIterator
from typing import Any, Final, get_args

import httpx
import pytest
from tests.contracts.mass_gateway_contract import BLOCKED, MassGatewayContract, Massing
from tests.contracts.media_gateway_contract import FILE, MediaGatewayContract, Uploading
from tests.support.processes.running_service import client_of
from tests.support.providers.file_server import FileServer, file_server

from wework_message.adapters.guxing.protocol import GuxingProtocol
from wework_message.adapters.guxing.provider_gateway import GuxingProviderGateway
from wework_message.adapters.memory.mass import MemoryMassGateway
from wework_message.adapters.memory.uploads import MemoryMediaGateway
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.mass_gateway import MassOutcome
from wework_message.domain.ports.media_gateway import Uploaded, UploadOutcome
from wework_message.domain.ports.protocols import MediaConnection, ProviderConnection
from wework_message.simulator import SimulatorOptions, running
from wework_message.simulator.options import UploadForm
from wework_message.simulator.server import RunningSimulator
from wework_message.testing.provider_contract.gateway import BootClock

AMPLE_MS: Final = 20_000
SOON_MS: Final = 300
NEVER_MS: Final = 60_000


class TestMemoryMedia(MediaGatewayContract):
    @pytest.fixture
    def uploading(self) -> Uploading:
        gateway = MemoryMediaGateway()
        ends = {
            "refuse": Uploaded(UploadOutcome.REFUSED, error_code=-1),
            "offline": Uploaded(UploadOutcome.RETRY, guid_offline=True),
            "throttle": Uploaded(UploadOutcome.RETRY, retry_after_ms=2_000),
        }

        async def spoil(fault: str) -> None:
            gateway.script(ends.get(fault, Uploaded(UploadOutcome.RETRY)))

        async def taken() -> int:
            return len(gateway.uploads)

        return Uploading(gateway, gateway, "http://files.example/a", "http://files.example/s3cret", spoil, taken)


class TestMemoryMass(MassGatewayContract):
    @pytest.fixture
    def massing(self) -> Massing:
        gateway = MemoryMassGateway(BootClock())
        gateway.blocked.add(BLOCKED)
        gateway.open_tasks["90001"] = {"msgid": "90001"}

        async def spoil(fault: str) -> None:
            kind = OutcomeClass.REFUSED_PERMANENT if fault == "refuse" else OutcomeClass.UNCERTAIN
            end = MassOutcome(AttemptOutcome(kind, error_code=-4017 if fault == "refuse" else None))
            gateway.script(end)

        async def executed() -> list[str]:
            return gateway.executed

        async def calls() -> int:
            return len(gateway.calls)

        return Massing(gateway, gateway, spoil, executed, calls)


@pytest.fixture
async def files() -> AsyncIterator[FileServer]:
    async with file_server() as served:
        served.offer("/a", FILE)
        yield served


@pytest.fixture
def form() -> str:
    return "file_id"


@pytest.fixture
async def simulator(form: UploadForm) -> AsyncIterator[RunningSimulator]:
    options = SimulatorOptions(
        fsync=False, cdn_rule=True, upload_form=form, mass_form="partial", mass_blocked=(BLOCKED[2:],)
    )
    async with running(options) as started:
        yield started


@pytest.fixture
async def control(simulator: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(simulator.url) as client:
        yield client


async def inject(control: httpx.AsyncClient, path: str, fault: str) -> None:
    details: dict[str, Any] = {
        "slow": {"when": "after", "delay_ms": NEVER_MS},
        "throttle": {"retry_after_s": 2},
        "refuse": {"error_code": -4017},
        "http_500": {"kind": "http_500_after"},
        "html": {"executed": True},
        "svr_fail": {"executed": True},
    }
    (
        await control.post("/_sim/faults", json={"kind": fault, "times": 1, "path": path} | details.get(fault, {}))
    ).raise_for_status()


async def entries(control: httpx.AsyncClient, beginning: str) -> list[dict[str, Any]]:
    return [entry for entry in (await control.get("/_sim/ledger")).json() if entry["path"].startswith(beginning)]


@pytest.fixture
async def gateway(simulator: RunningSimulator) -> AsyncIterator[GuxingProviderGateway]:
    connection = ProviderConnection(simulator.url, AMPLE_MS, 1, media=MediaConnection(uploads=1))
    async with GuxingProtocol().open(connection) as opened:
        assert isinstance(opened, GuxingProviderGateway)
        yield opened


@pytest.fixture
async def hasty(simulator: RunningSimulator) -> AsyncIterator[GuxingProviderGateway]:
    media = MediaConnection(uploads=1, timeout_ms=SOON_MS)
    async with GuxingProtocol().open(ProviderConnection(simulator.url, SOON_MS, 1, media=media)) as opened:
        assert isinstance(opened, GuxingProviderGateway)
        yield opened


class TestGuxingMedia(MediaGatewayContract):
    @pytest.fixture(params=get_args(UploadForm))
    def form(self, request: pytest.FixtureRequest) -> Any:
        return request.param

    @pytest.fixture
    def uploading(
        self,
        gateway: GuxingProviderGateway,
        hasty: GuxingProviderGateway,
        control: httpx.AsyncClient,
        files: FileServer,
    ) -> Uploading:
        async def spoil(fault: str) -> None:
            if fault == "offline":
                await control.post("/_sim/guids", json={"guid": "g-1", "status": 1})
            else:
                await inject(control, "/cloud/*", fault)

        async def taken() -> int:
            return len([entry for entry in await entries(control, "/cloud/") if entry["executed"]])

        return Uploading(gateway, hasty, f"{files.url}/a", f"{files.url}/s3cret", spoil, taken)


class TestGuxingMass(MassGatewayContract):
    @pytest.fixture
    def massing(
        self, gateway: GuxingProviderGateway, hasty: GuxingProviderGateway, control: httpx.AsyncClient
    ) -> Massing:
        async def spoil(fault: str) -> None:
            await inject(control, "/msg/send_group_msg", fault)

        async def executed() -> list[str]:
            sent = await entries(control, "/msg/send_group_msg")
            return [entry["conversationId"] for entry in sent if entry["of"] and entry["executed"]]

        async def calls() -> int:
            return len([entry for entry in await entries(control, "/msg/send_group_msg") if entry["of"] is None])

        return Massing(gateway, hasty, spoil, executed, calls)
