"""`kill -9` of the database and of its service at any moment, with the same judgement as the kills on SQLite."""

import asyncio
import random
from pathlib import Path
from typing import Final

import pytest
from tests.support.load.clients import Load
from tests.support.load.judgement import judged
from tests.support.mysql import EmptyDatabase, settings_of
from tests.support.polling import until
from tests.support.processes.running_service import running_service

pytestmark = pytest.mark.e2e

KILLS: Final = 8
SLOTS: Final = 4
UNRECORDED: Final = 2 * SLOTS
"""Calls that are open or not recorded yet, at most (ADR 36)."""

_SIMULATOR: Final = (
    "--latency-ms", "80", "--echo-delay-ms", "150", "--callback-retries", "100", "--callback-retry-delay-ms", "300",
    "--callback-workers", "32",
)  # fmt: skip


@pytest.mark.timeout(300)
async def test_kills_of_database_and_service_lose_nothing_and_double_nothing(
    tmp_path: Path, migrated: EmptyDatabase
) -> None:
    random_source = random.Random(1)
    settings = {
        **settings_of(migrated.target),
        "APP_MESSAGE_ASYNC_MAX_POOL_SIZE": str(SLOTS),
        "APP_MESSAGE_SYNC_WAIT_MS": "300",
    }
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        load = Load(running.service.url, seed=1)
        load.begin()
        load.up.set()
        for number in range(KILLS):
            load.request(16)
            logged = len(load.log)

            async def busy(enough: int = logged + random_source.randrange(1, 12)) -> bool:
                return len(load.log) >= enough

            await until(busy, 60)
            if number % 2:
                load.up.clear()
                running.service.kill()
                await asyncio.to_thread(running.service.start)
                load.up.set()
            else:
                await asyncio.to_thread(migrated.server.kill9)
                await asyncio.to_thread(migrated.server.start)
        await load.finish()
        assert await judged(running, load, cut_off=KILLS * UNRECORDED) == []
