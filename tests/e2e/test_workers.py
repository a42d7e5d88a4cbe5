"""`serve --workers 2`: whatever dies of it, nothing is lost or doubled, and nothing of it outlives the rest."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import psutil
import pytest
from tests.support.load.clients import Load
from tests.support.load.judgement import judged
from tests.support.mysql import EmptyDatabase, settings_of
from tests.support.polling import until
from tests.support.processes.programs import ServiceProgram, SimulatorProgram
from tests.support.processes.running_service import LONG_S, Api, RunningService, client_of, running_service, text
from tests.support.servers.ports import free_port

pytestmark = pytest.mark.e2e

WORKERS: Final = 2
SLOTS: Final = 4
KILLS: Final = 10
IN_FLIGHT: Final = 6

_SIMULATOR: Final = (
    "--latency-ms", "80", "--echo-delay-ms", "150", "--callback-retries", "100", "--callback-retry-delay-ms", "300",
    "--callback-workers", "32",
)  # fmt: skip
_SETTINGS: Final = {"SERVER_WORKERS": str(WORKERS), "APP_MESSAGE_ASYNC_MAX_POOL_SIZE": str(SLOTS)}
_PATIENT: Final = {
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_TIMEOUT_MS": "30000",
    "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": "90",
}


@pytest.fixture
async def running(tmp_path: Path, migrated: EmptyDatabase) -> AsyncIterator[RunningService]:
    settings = {**settings_of(migrated.target), **_SETTINGS, "APP_MESSAGE_SYNC_WAIT_MS": "300"}
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await _all_work(running)
        yield running


@pytest.fixture
async def slow(tmp_path: Path, migrated: EmptyDatabase) -> AsyncIterator[RunningService]:
    settings = {**settings_of(migrated.target), **_SETTINGS, **_PATIENT}
    async with running_service(tmp_path, "--latency-ms", "3000", "--callback-retries", "100", **settings) as running:
        await _all_work(running)
        yield running


@pytest.mark.timeout(300)
async def test_kills_of_single_workers_lose_nothing_and_double_nothing(running: RunningService) -> None:
    random_source = random.Random(1)
    load = Load(running.service.url, seed=1)
    load.begin()
    load.up.set()
    killed: set[int] = set()
    for _ in range(KILLS):
        load.request(16)
        logged = len(load.log)

        async def busy(enough: int = logged + random_source.randrange(1, 12)) -> bool:
            return len(load.log) >= enough

        await until(busy, LONG_S)
        worker = random_source.choice(running.service.children)
        worker.kill()
        killed.add(worker.pid)
        await _all_work(running)
    await load.finish()
    assert await judged(running, load, cut_off=KILLS * SLOTS) == []
    assert len(killed) == KILLS
    assert running.service.running  # the supervisor has started each of them again


async def test_a_worker_that_is_down_shows_and_its_counts_stay(running: RunningService) -> None:
    ids = [await running.api.accept(text(str(number), conversationId=f"S:{number + 1}")) for number in range(20)]
    for message_id in ids:
        await running.api.reaches(message_id, "DELIVERED")
    assert await _metric(running, "wm_messages_accepted_total") == len(ids)
    assert (await _metric(running, "wm_workers"), await _metric(running, "wm_workers_up")) == (WORKERS, WORKERS)
    first, second = running.service.children
    second.kill()

    async def shown() -> bool:
        health = (await running.api.client.get("/api/health")).json()["data"]
        return bool(health["workers"]["status"] == "DOWN" and "SIGKILL" in health["workers"]["reason"])

    await until(shown)
    assert (await running.api.client.get("/actuator/health/readiness")).status_code == 200  # the other one works
    await _all_work(running)
    assert await _metric(running, "wm_worker_restarts_total") == 1
    assert await _metric(running, "wm_messages_accepted_total") == len(ids)
    assert first in running.service.children


async def test_lines_of_the_log_are_whole_and_name_their_worker(running: RunningService) -> None:
    async with client_of(running.service.url) as client:
        await asyncio.gather(*(client.get("/api/health") for _ in range(20)))
    await asyncio.gather(*(running.api.accept(text(conversationId=f"S:{number + 1}")) for number in range(100)))
    assert await asyncio.to_thread(running.service.stop) == 0
    lines = [line for line in running.service.lines() if line.startswith("{")]
    records = [json.loads(line) for line in lines]
    assert {record.get("worker") for record in records if record["event"] == "service.started"} == {1, 2}
    assert {record.get("worker") for record in records if record["event"].startswith("supervisor.")} == {None}
    assert all("worker" in record for record in records if record.get("logger") != "supervisor")


async def test_a_signal_to_the_supervisor_drains_every_worker(slow: RunningService) -> None:
    workers = slow.service.children
    for number in range(IN_FLIGHT):
        await slow.api.accept(text(str(number), conversationId=f"S:{number + 1}"))
    await _called(slow, IN_FLIGHT)
    for worker in workers:  # as systemd and a terminal do: everybody gets it
        worker.terminate()
    slow.service.terminate()
    assert await asyncio.to_thread(slow.service.exit_code) == 0
    assert not any(worker.is_running() for worker in workers)
    await asyncio.to_thread(slow.service.start)
    statuses = {row["status"] for row in await slow.api.rows()}
    assert statuses <= {"SENT", "DELIVERED"}  # none was cut off


async def test_a_second_signal_ends_everybody_at_once(slow: RunningService) -> None:
    workers = slow.service.children
    await slow.api.accept(text())
    await _called(slow, 1)
    slow.service.terminate()

    async def drains() -> bool:
        return slow.service.has_written("service.stopping")

    await until(drains)
    slow.service.terminate()
    assert await asyncio.to_thread(slow.service.exit_code) != 0
    _, alive = psutil.wait_procs(workers, timeout=LONG_S)
    assert alive == []


async def test_workers_end_with_their_supervisor(slow: RunningService) -> None:
    workers = slow.service.children
    await slow.api.accept(text())
    await _called(slow, 1)
    slow.service.kill()

    _, alive = await asyncio.to_thread(psutil.wait_procs, workers, LONG_S)
    assert alive == []
    await asyncio.to_thread(slow.service.start)  # none of them keeps the port
    statuses = [row["status"] for row in await slow.api.rows()]
    assert statuses[0] in {"SENT", "DELIVERED"}  # they drained: the call under way was recorded


async def test_both_halves_may_have_workers(tmp_path: Path, migrated: EmptyDatabase) -> None:
    settings = settings_of(migrated.target)
    simulator = SimulatorProgram(tmp_path, f"http://127.0.0.1:{(port := free_port())}/message/api/callbacks/webhook")
    halves = [
        ServiceProgram(tmp_path, simulator.origin, name=name, port=at, command=(*command, "--workers", "2"), **settings)
        for name, at, command in (("api", port, ("serve", "--no-dispatch")), ("consume", free_port(), ("consume",)))
    ]
    try:
        simulator.start()
        for half in halves:
            await asyncio.to_thread(half.start)
        async with client_of(halves[0].url) as client, client_of(halves[1].url) as operating:
            ids = [await Api(client).accept(text(conversationId=f"S:{number + 1}")) for number in range(20)]
            for message_id in ids:
                await Api(client).reaches(message_id, "DELIVERED")
            assert "wm_workers 2.0" in (await operating.get("/actuator/prometheus")).text
        assert [await asyncio.to_thread(half.stop) for half in halves] == [0, 0]
    finally:
        for program in (*halves, simulator):
            program.close()


async def _all_work(running: RunningService) -> None:
    async def work() -> bool:
        try:
            health = (await running.api.client.get("/api/health")).json()["data"]
        except httpx.TransportError:  # the worker that had this connection was killed
            return False
        return bool(health["workers"]["status"] == "UP")

    await until(work, LONG_S)


async def _metric(running: RunningService, name: str) -> float:
    """The sum of all samples of `name`, from one scrape."""
    exposition = (await running.api.client.get("/actuator/prometheus")).text
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", exposition, re.MULTILINE))


async def _called(running: RunningService, calls: int) -> None:
    async def called() -> bool:
        return len(await running.simulator.ledger()) >= calls

    await until(called)
