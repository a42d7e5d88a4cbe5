"""The database dies between an answer and its record, then the service: what was answered is recorded, without any echo."""

import asyncio
from pathlib import Path

import pytest
from tests.support.mysql import EmptyDatabase, settings_of
from tests.support.polling import until
from tests.support.processes.running_service import running_service, text
from tests.support.processes.tcp_proxy import tcp_proxy

pytestmark = pytest.mark.e2e

COUNT = 3


async def test_answers_that_a_dead_database_did_not_take_are_recorded_by_the_next_process(
    tmp_path: Path, migrated: EmptyDatabase
) -> None:
    settings = settings_of(migrated.target) | {
        "DATASOURCE_TIMEOUT_SECONDS": "1",
        "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_TIMEOUT_MS": "20000",
        "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": "20",
        "APP_SPOOL_DIRECTORY": str(tmp_path / "spool"),
    }
    port = 0
    async with (
        tcp_proxy(lambda: port) as proxy,
        running_service(tmp_path, provider_url=proxy.url, **settings) as running,
    ):
        port = running.simulator_program.port
        await running.simulator.drop_echoes()
        proxy.hold()
        await proxy.open()
        sent = [await running.api.accept(text(conversationId=f"S:{number}")) for number in range(1, COUNT + 1)]
        for message_id in sent:
            await running.api.reaches(message_id, "SENDING")
        await asyncio.to_thread(migrated.server.kill9)
        proxy.release()

        async def spooled() -> bool:
            return sum(file.read_bytes().count(b"\n") for file in (tmp_path / "spool").glob("*.spool")) == COUNT

        await until(spooled, 60)
        running.service.kill()
        await asyncio.to_thread(migrated.server.start)
        await asyncio.to_thread(running.service.start)
        for message_id in sent:
            assert (await running.api.status(message_id))["status"] == "SENT"
            assert len(await running.simulator.calls(message_id)) == 1
        metrics = (await running.api.client.get("/actuator/prometheus")).text
        assert "wm_spooled_answers 0.0" in metrics
