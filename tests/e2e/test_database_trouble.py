"""A database that hangs, and one whose file is moved: nothing is accepted that would be lost, and the probes say so."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.mysql import EmptyDatabase, settings_of
from tests.support.polling import until
from tests.support.processes.programs import ServiceProgram
from tests.support.processes.running_service import Api, client_of, text

pytestmark = pytest.mark.e2e

READINESS = "/actuator/health/readiness"
READY_LIMIT_S = 60
"""Much longer than the service takes to notice: it writes a row by itself every 5 s."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProgram]:
    program = ServiceProgram(tmp_path, "http://127.0.0.1:9")
    try:
        program.start()
        yield program
    finally:
        program.close()


@pytest.fixture
def on_server(tmp_path: Path, migrated: EmptyDatabase) -> Iterator[ServiceProgram]:
    settings = settings_of(migrated.target, "?useSSL=false") | {"DATASOURCE_TIMEOUT_SECONDS": "1"}
    program = ServiceProgram(tmp_path, "http://127.0.0.1:9", port=None, **settings)
    try:
        program.start()
        yield program
    finally:
        program.close()


async def _answers(client: httpx.AsyncClient, status: int) -> None:
    async def answered() -> bool:
        return (await client.get(READINESS)).status_code == status

    await until(answered, READY_LIMIT_S, every_s=0.15)


async def test_a_file_that_is_moved_accepts_nothing_until_it_is_back(service: ServiceProgram, tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "wework-message.db", tmp_path / "elsewhere.db"
    async with client_of(service.url) as client:
        api = Api(client)
        kept = await api.accept(text())
        file.rename(elsewhere)
        await _answers(client, 503)
        refused = await api.post("send/async", text())
        assert (refused.status_code, refused.json()["error"]) == (503, "UNAVAILABLE")
        health = (await client.get("/api/health")).json()
        assert "wework-message.db was deleted, moved or replaced" in str(health)
        assert (await client.get("/actuator/health/liveness")).status_code == 200
        elsewhere.rename(file)
        await _answers(client, 200)
        kept_too = await api.accept(text())
        for message_id in (kept, kept_too):
            assert (await client.get(f"/api/messages/{message_id}")).status_code == 200
    log = (tmp_path / "service.log").read_text()
    assert "nothing can be written, readiness is down: database: wework-message.db was deleted" in log


@pytest.fixture
async def paused(migrated: EmptyDatabase, on_server: ServiceProgram) -> AsyncIterator[EmptyDatabase]:
    """The server is stopped by SIGSTOP after the service has used it."""
    async with client_of(on_server.url) as client:
        await Api(client).accept(text())
    migrated.server.pause()
    try:
        yield migrated
    finally:
        migrated.server.resume()


async def test_while_a_server_hangs_probes_and_requests_are_answered_and_nothing_is_stored(
    on_server: ServiceProgram, paused: EmptyDatabase
) -> None:
    async with client_of(on_server.url, timeout=60) as client:
        api = Api(client)
        await _answers(client, 503)
        health = await client.get("/api/health")
        assert (health.status_code, health.json()["data"]["database"]["status"]) == (200, "DOWN")
        assert (await client.get("/actuator/health/liveness")).status_code == 200
        refused = await asyncio.gather(*(api.post("send/async", text()) for _ in range(3)))
        listed = await client.get("/api/messages")
        assert {answer.status_code for answer in (*refused, listed)} == {503}
        paused.server.resume()
        await _answers(client, 200)
        assert paused.sql("SELECT COUNT(*) FROM wm_message") == "1\n"
        await api.accept(text())
