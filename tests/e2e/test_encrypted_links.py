"""The service with every link encrypted, and what it says at the start where a certificate is refused."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.authority import Authority
from tests.support.mysql import EmptyDatabase, settings_of
from tests.support.polling import until
from tests.support.processes.programs import ServiceProcesses, ServiceProgram, service_processes
from tests.support.processes.running_service import Api, client_of, text
from tests.support.servers.redis import Redis
from tests.support.servers.rocketmq import RocketMq

pytestmark = pytest.mark.e2e


def encrypted(database: EmptyDatabase) -> dict[str, str]:
    """As a Java service's URL demands it."""
    ca_file = str(database.server.authority.ca_file)
    return settings_of(database.target, "?sslMode=VERIFY_IDENTITY") | {"DATASOURCE_TLS_CA_FILE": ca_file}


@pytest.fixture
def demanding(migrated: EmptyDatabase) -> Iterator[EmptyDatabase]:
    """Its user is refused in clear text."""
    user = f"'{migrated.target.username}'@'%'"
    migrated.sql(f"ALTER USER {user} REQUIRE SSL")
    yield migrated
    migrated.sql(f"ALTER USER {user} REQUIRE NONE")


@pytest.fixture
def programs(
    tmp_path: Path, demanding: EmptyDatabase, redis_server: Redis, rocketmq: RocketMq
) -> Iterator[ServiceProcesses]:
    redis_server.flush()
    settings = encrypted(demanding) | {
        "DATASOURCE_AUTO_MIGRATE": "false",
        "REDIS_URL": redis_server.tls_url, "REDIS_TLS_CA_FILE": str(redis_server.authority.ca_file),
        "ROCKETMQ_NAME_SERVER": rocketmq.name_server.address, "ROCKETMQ_ENDPOINTS": rocketmq.endpoints,
        "ROCKETMQ_TLS_MODE": "verify", "ROCKETMQ_TLS_CA_FILE": str(rocketmq.authority.ca_file),
    }  # fmt: skip
    with service_processes(tmp_path, **settings) as programs:
        yield programs


async def test_messages_go_out_with_every_link_encrypted_and_a_user_without_rights_to_tables(
    programs: ServiceProcesses, demanding: EmptyDatabase
) -> None:
    async with client_of(programs.service.url) as client:
        api = Api(client)
        ids = [await api.accept(text(f"{number}", conversationId=f"S:{number}")) for number in range(5)]
        await asyncio.gather(*(api.reaches(message_id, "DELIVERED") for message_id in ids))

        async def all_up() -> bool:
            health = (await client.get("/api/health")).json()["data"]
            return all(health[name]["healthy"] for name in ("database", "redis", "rocketmq"))

        await until(all_up)
    assert demanding.sql("SELECT COUNT(*) FROM wm_message WHERE status = 'DELIVERED'") == "5\n"
    assert "clear text" not in programs.service.tail()


def test_a_database_with_a_certificate_of_somebody_else_stops_the_start_with_the_reason(
    migrated: EmptyDatabase, tmp_path: Path
) -> None:
    settings = encrypted(migrated) | {"DATASOURCE_TLS_CA_FILE": str(Authority(tmp_path).ca_file)}
    service = ServiceProgram(tmp_path, "http://127.0.0.1:9", port=None, **settings)
    service.spawn()
    assert service.exit_code() not in {0, 70}
    said = r"database: MySQL \S+@\S+: TLS: the issuer of its certificate is not trusted"
    assert re.search(said, service.tail()), service.tail()
    assert "Traceback" not in service.tail()
