"""The service on MariaDB, as the Java service's settings name it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.mysql import EmptyDatabase, settings_of
from tests.support.processes.programs import ServiceProcesses, ServiceProgram, service_processes
from tests.support.processes.running_service import Api, Simulator, client_of, text

pytestmark = pytest.mark.e2e


def _settings(database: EmptyDatabase) -> dict[str, str]:
    return settings_of(database.target, "?useSSL=false")


@pytest.fixture
def programs(tmp_path: Path, migrated: EmptyDatabase) -> Iterator[ServiceProcesses]:
    with service_processes(tmp_path, **_settings(migrated)) as programs:
        yield programs


async def test_messages_are_accepted_sent_and_confirmed(programs: ServiceProcesses, migrated: EmptyDatabase) -> None:
    async with client_of(programs.service.url) as client:
        api = Api(client)
        ids = [await api.accept(text(f"{number} 😀", conversationId=f"S:{number % 4}")) for number in range(20)]
        await asyncio.gather(*(api.reaches(message_id, "DELIVERED") for message_id in ids))
        assert (await client.get("/actuator/health")).json()["components"]["db"] == {"status": "UP"}
    assert migrated.sql("SELECT COUNT(*) FROM wm_message WHERE status = 'DELIVERED'") == "20\n"
    async with client_of(programs.simulator.origin) as control:
        ledger = await Simulator(control).ledger()
    assert len([row for row in ledger if row["executed"]]) == 20


async def test_two_services_on_one_database_share_the_work_and_a_key_is_one_message(
    programs: ServiceProcesses, migrated: EmptyDatabase, tmp_path: Path
) -> None:
    other = ServiceProgram(tmp_path, programs.simulator.origin, name="other", port=None, **_settings(migrated))
    try:
        other.start()
        async with client_of(programs.service.url) as first, client_of(other.url) as second:
            apis = (Api(first), Api(second))
            answers = await asyncio.gather(
                *(apis[n % 2].post("send/async", text(), Idempotency_Key=f"k-{n % 10}") for n in range(60))
            )
            assert {answer.status_code for answer in answers} <= {200, 202}
            ids = {answer.json()["data"]["messageId"] for answer in answers}
            assert len(ids) == 10
            await asyncio.gather(*(apis[0].reaches(message_id, "DELIVERED") for message_id in ids))
    finally:
        other.close()
    async with client_of(programs.simulator.origin) as control:
        ledger = await Simulator(control).ledger()
    assert sorted(row["marker"].partition(".")[0] for row in ledger if row["executed"]) == sorted(ids)


@pytest.fixture
def careless(migrated: EmptyDatabase) -> Iterator[EmptyDatabase]:
    migrated.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
    yield migrated
    migrated.sql("SET GLOBAL innodb_flush_log_at_trx_commit = 1")


def test_a_server_that_loses_commits_stops_the_start_with_its_name(careless: EmptyDatabase, tmp_path: Path) -> None:
    service = ServiceProgram(tmp_path, "http://127.0.0.1:9", port=None, **_settings(careless))
    service.spawn()
    assert service.exit_code() == 78
    assert "innodb_flush_log_at_trx_commit: it is 0" in service.tail()
    assert "Traceback" not in service.tail()


def test_a_wrong_password_stops_the_start_and_is_not_repeated(migrated: EmptyDatabase, tmp_path: Path) -> None:
    settings = _settings(migrated) | {"SPRING_DATASOURCE_PASSWORD": "wrong-and-secret"}
    service = ServiceProgram(tmp_path, "http://127.0.0.1:9", port=None, **settings)
    service.spawn()
    assert service.exit_code() not in {0, 70}
    assert "user or password are wrong (1045)" in service.tail()
    assert "wrong-and-secret" not in service.tail()
    assert "Traceback" not in service.tail()
