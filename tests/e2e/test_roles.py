"""Accepting and consuming as separate processes: restarted in turn, killed, and on one file."""

import asyncio
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import pytest
from tests.support.load.clients import Load
from tests.support.load.judgement import judged
from tests.support.mysql import settings_of, target_of
from tests.support.polling import until
from tests.support.processes.cluster import CONSUME, SERVE, Cluster, Member, cluster
from tests.support.processes.programs import ServiceProgram
from tests.support.processes.running_service import LONG_S, Json, client_of, text
from tests.support.servers.mariadb import Database, MariaDb

pytestmark = pytest.mark.e2e

SLOTS: Final = 4
UNRECORDED: Final = 2 * SLOTS
"""Calls that are open or not recorded yet, at most (ADR 36)."""
FOUR: Final = (Member("serve-1"), Member("serve-2"), Member("consume-1", CONSUME), Member("consume-2", CONSUME))
TWO: Final = (Member("serve-1"), Member("consume-1", CONSUME))

_SIMULATOR: Final = (
    "--latency-ms", "80", "--echo-delay-ms", "150", "--callback-retries", "100", "--callback-retry-delay-ms", "300",
    "--callback-workers", "32",
)  # fmt: skip
_SETTINGS: Final = {"APP_MESSAGE_ASYNC_MAX_POOL_SIZE": str(SLOTS), "APP_MESSAGE_SYNC_WAIT_MS": "300"}
_PATIENT: Final = {
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_TIMEOUT_MS": "20000",
    "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": "20",
}
"""Limits that no call reaches because the machine is busy."""


async def _answered(load: Load, more: int) -> None:
    enough = len(load.log) + more

    async def there() -> bool:
        return len(load.log) >= enough

    await until(there, LONG_S)


@pytest.mark.timeout(300)
async def test_four_processes_migrate_an_empty_database_and_restart_in_turn_without_losing_anything(
    tmp_path: Path, mariadb: MariaDb, mariadb_database: Database
) -> None:
    settings = settings_of(target_of(mariadb_database)) | _SETTINGS | _PATIENT
    async with cluster(tmp_path, FOUR, settings, *_SIMULATOR) as four:
        assert mariadb.sql(f"SELECT COUNT(*) FROM {mariadb_database.name}.wm_schema_version") == "1\n"  # noqa: S608 -- our own name
        load = Load(four.urls[0], 1, *four.urls[1:])
        load.begin()
        load.up.set()
        for program in four.members.values():
            load.request(40)
            await _answered(load, 10)
            assert await asyncio.to_thread(program.stop) == 0  # within 25 s
            await asyncio.to_thread(program.start)
        await load.finish()
        assert await judged(four.running, load, cut_off=0) == []
        assert load.requested > 150


@pytest.mark.timeout(300)
async def test_kills_of_a_consuming_process_double_nothing(tmp_path: Path, mariadb_database: Database) -> None:
    random_source, kills = random.Random(1), 3
    async with cluster(tmp_path, FOUR, settings_of(target_of(mariadb_database)) | _SETTINGS, *_SIMULATOR) as four:
        load = Load(four.urls[0], 1, *four.urls[1:])
        load.begin()
        load.up.set()
        for _ in range(kills):
            load.request(30)
            await _answered(load, random_source.randrange(5, 20))
            four.members["consume-1"].kill()
            await asyncio.to_thread(four.members["consume-1"].start)
        await load.finish()
        assert await judged(four.running, load, cut_off=kills * UNRECORDED) == []


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with cluster(tmp_path, TWO, {}) as two:
        yield two


async def test_a_sync_send_is_answered_with_what_another_process_did(two: Cluster) -> None:
    answer = await two.running.api.post("send", text())
    assert (answer.status_code, answer.json()["data"]["status"]) in {(200, "SENT"), (200, "DELIVERED")}
    await two.running.api.reaches(answer.json()["data"]["messageId"], "DELIVERED")  # a callback here, projected there


async def test_a_consuming_process_answers_only_operators(two: Cluster) -> None:
    async with client_of(two.members["consume-1"].origin) as client:
        for path in ("health", "health/readiness", "health/liveness", "info", "prometheus"):
            for prefix in ("", "/message"):
                assert (await client.get(f"{prefix}/actuator/{path}")).status_code == 200
        health = (await client.get("/api/health")).json()["data"]
        assert (health["role"], health["parts"]["database"]) == ("consuming", "sqlite")
        for path in ("/api/messages", "/api/providers", "/swagger-ui.html", "/v3/api-docs"):
            assert (await client.get(path)).status_code == 404
        assert (await client.post("/api/messages/send/async", json=text())).status_code == 404


async def test_the_split_on_one_file_warns_and_ends_with_0(two: Cluster) -> None:
    for program in two.members.values():
        assert await asyncio.to_thread(program.stop) == 0
        assert "is a SQLite file" in program.tail()


async def _health(client: httpx.AsyncClient) -> Json:
    data: Json = (await client.get("/api/health")).json()["data"]
    return data


async def _gauges(client: httpx.AsyncClient) -> dict[str, float]:
    exposed = (await client.get("/actuator/prometheus")).text
    return {
        name: float(value)
        for name, value in re.findall(r"^(wm_oldest\w+|wm_unk\S+|wm_inv\S+) (\S+)$", exposed, re.MULTILINE)
    }


async def test_without_a_consuming_process_messages_wait_and_health_shows_it(tmp_path: Path) -> None:
    async with cluster(tmp_path, TWO[:1], {}) as alone, client_of(alone.members["serve-1"].url) as client:
        message_id = await alone.running.api.accept(text())

        async def waits() -> bool:
            return bool((await _health(client))["oldestDueSeconds"] > 0)

        await until(waits)
        assert (await _health(client))["role"] == "accepting"
        assert (await alone.running.api.status(message_id))["status"] == "QUEUED"
        assert await alone.running.simulator.ledger() == []
        assert "wm_oldest_due_seconds" in await _gauges(client)


async def test_store_metrics_come_from_one_process(two: Cluster) -> None:
    await two.running.api.send(text())

    async def shown() -> list[dict[str, float]]:
        by_process = []
        for program in two.members.values():
            async with client_of(program.origin) as client:
                by_process.append(await _gauges(client))
        return [gauges for gauges in by_process if gauges]

    async def by_one_process() -> bool:
        return len(await shown()) == 1

    await until(by_one_process)
    (gauges,) = await shown()
    assert {name for name in gauges if name.startswith("wm_unknown_open")} == {
        'wm_unknown_open{provider="GUANGZHOU_GUXING"}'
    }
    assert sum(value for name, value in gauges.items() if name.startswith("wm_invariant_violations")) == 0
    assert len(gauges) == 7


@pytest.mark.parametrize("command", [SERVE, CONSUME])
def test_half_a_service_does_not_start_with_a_simulator_of_its_own(command: tuple[str, ...], tmp_path: Path) -> None:
    program = ServiceProgram(tmp_path, "simulator", command=command)
    program.spawn()
    assert program.exit_code() == 78
    assert "app.wework.providers.guangzhou-guxing.api-base-url: must be a URL" in program.tail()


async def test_serve_may_answer_operators_on_a_separate_port(tmp_path: Path, two: Cluster) -> None:
    program = ServiceProgram(tmp_path, two.running.simulator_program.origin, name="both", MANAGEMENT_SERVER_PORT="0")
    try:
        program.start()
        ports: list[str] = []

        async def logged() -> bool:
            ports[:] = re.findall(r'"managementPort": ?(\d+)', program.tail())
            return bool(ports)

        await until(logged)
        (port,) = ports
        async with client_of(f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/actuator/health/readiness")).status_code == 200
            assert (await client.get("/api/messages")).status_code == 404
        async with client_of(program.url) as client:
            assert (await client.get("/api/messages")).status_code == 200
        assert program.stop() == 0
    finally:
        program.close()
