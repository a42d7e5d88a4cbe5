"""The environment and the file of the Java service start this service, on real servers."""

import asyncio
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.support.mysql import EmptyDatabase
from tests.support.processes.programs import Program, ServiceProgram, SimulatorProgram
from tests.support.processes.running_service import Api, Simulator, client_of, text
from tests.support.servers.ports import free_port
from tests.support.servers.redis import Redis
from tests.support.servers.rocketmq import RocketMq

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("port 9876")]
"""The file names this port: a test that uses it must not run beside one that needs it free."""

SEED_FILE: Final = Path(__file__).parents[1] / "golden" / "seed-application.yml"
NAME_SERVER: Final = 9876
PROXY: Final = 8081


class SeedService(ServiceProgram):
    """``wework-message serve`` with the given settings alone: the defaults of other tests are not set."""

    def __init__(self, folder: Path, port: int, **settings: str) -> None:
        super().__init__(folder, "", port=port)
        self._settings = {"SERVER_PORT": str(port), **settings}


def docker_run(database: EmptyDatabase, redis: Redis, rocketmq: RocketMq) -> dict[str, str]:
    """The variables of the original ``docker run``, with this machine's ports."""
    target = database.target
    return {
        "SPRING_PROFILES_ACTIVE": "docker",
        "SPRING_DATASOURCE_URL": f"jdbc:mysql://{target.host}:{target.port}/{target.database}",
        "SPRING_DATA_REDIS_HOST": "127.0.0.1",
        "ROCKETMQ_NAME_SERVER": rocketmq.name_server.address,
        # Ports that the line leaves at their defaults:
        "SPRING_DATA_REDIS_PORT": str(redis.port),
        "ROCKETMQ_ENDPOINTS": rocketmq.endpoints,
    }


def needed(database: EmptyDatabase, provider_url: str) -> dict[str, str]:
    """The settings that it needs in addition (D-35)."""
    return {
        "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": provider_url,
        "SPRING_DATASOURCE_USERNAME": database.target.username,
        "SPRING_DATASOURCE_PASSWORD": database.target.password,
    }


async def sends(service: ServiceProgram, simulator: SimulatorProgram) -> None:
    """Assert that messages are accepted and delivered, each executed once."""
    async with client_of(service.url) as client, client_of(simulator.origin) as control:
        api = Api(client)
        ids = [await api.accept(text(f"n {number}", conversationId=f"S:{number % 5}")) for number in range(25)]
        await asyncio.gather(*(api.reaches(message_id, "DELIVERED") for message_id in ids))
        executed = [row["marker"].partition(".")[0] for row in await Simulator(control).ledger() if row["executed"]]
        assert sorted(executed) == sorted(ids)


@pytest.fixture
def service_port() -> int:
    return free_port()


@pytest.fixture
def simulator(tmp_path: Path, service_port: int) -> Iterator[SimulatorProgram]:
    program = SimulatorProgram(tmp_path, f"http://127.0.0.1:{service_port}/message/api/callbacks/webhook")
    program.start()
    yield program
    program.close()


@pytest.mark.services
async def test_the_docker_line_with_the_provider_and_the_database_s_user_starts_the_production_profile(
    tmp_path: Path,
    service_port: int,
    simulator: SimulatorProgram,
    migrated: EmptyDatabase,
    redis_server: Redis,
    rocketmq: RocketMq,
) -> None:
    settings = docker_run(migrated, redis_server, rocketmq) | needed(migrated, simulator.origin)
    service = SeedService(tmp_path, service_port, **settings)
    try:
        service.start()
        await sends(service, simulator)
        async with client_of(service.url) as client:
            parts = (await client.get("/actuator/health")).json()["components"]
        assert {parts[name]["status"] for name in ("db", "redis", "rocketmq") if name in parts} == {"UP"}
    finally:
        service.close()
    assert not (tmp_path / "var").exists(), "it fell back to a file"


@pytest.mark.services
@pytest.mark.parametrize("left_out", range(3))
def test_without_one_of_them_it_is_refused_by_its_name(
    tmp_path: Path, migrated: EmptyDatabase, redis_server: Redis, rocketmq: RocketMq, left_out: int
) -> None:
    required = needed(migrated, "http://127.0.0.1:9")
    variable = list(required)[left_out]
    del required[variable]
    service = Program("service", tmp_path, ["serve"], docker_run(migrated, redis_server, rocketmq) | required)
    service.spawn()
    assert service.exit_code() == 78
    assert variable in service.tail()
    assert migrated.target.password not in service.tail()


def taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def seed_file(folder: Path) -> None:
    """Copy the file, byte for byte, to where the service reads it."""
    (folder / "config").mkdir()
    shutil.copyfile(SEED_FILE, folder / "config" / "application.yml")


def provider_settings(simulator: SimulatorProgram) -> dict[str, str]:
    """The provider's address: the file's own host name does not resolve. All other settings are the file's."""
    return {"APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": simulator.origin}


async def test_the_java_service_s_file_starts_and_delivers_with_no_broker_at_its_name_server(
    tmp_path: Path, service_port: int, simulator: SimulatorProgram
) -> None:
    if taken(NAME_SERVER):
        pytest.skip(f"something listens on {NAME_SERVER}")
    seed_file(tmp_path)
    service = SeedService(tmp_path, service_port, **provider_settings(simulator))
    try:
        service.start()
        await sends(service, simulator)
    finally:
        service.close()


@pytest.mark.services
async def test_the_java_service_s_file_starts_and_delivers_with_a_broker_at_its_name_server(
    tmp_path: Path, service_port: int, simulator: SimulatorProgram, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if missing := RocketMq.missing():
        pytest.skip(f"rocketmq not installed here: {missing}")
    if taken(NAME_SERVER) or taken(PROXY):
        pytest.skip(f"something listens on {NAME_SERVER} or {PROXY}")
    seed_file(tmp_path)
    broker = RocketMq(tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("logs"), NAME_SERVER, PROXY)
    service = SeedService(tmp_path, service_port, **provider_settings(simulator))
    try:
        await asyncio.to_thread(broker.start)
        service.start()
        await sends(service, simulator)
    finally:
        service.close()
        broker.close()
