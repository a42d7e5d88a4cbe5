"""`kill -9` at any moment: no accepted message is lost, none is sent twice, and the ledger contradicts no status."""

import asyncio
import random
from datetime import UTC, datetime
from typing import Final

import pytest
from tests.support.load.clients import Load
from tests.support.load.judgement import judged
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import LONG_S, RunningService

pytestmark = pytest.mark.e2e

KILLS: Final = {"embedded": 25}
"""The embedded default is killed most often; the other backends show that the same rules hold there."""
OTHER_KILLS: Final = 12
SLOTS: Final = 4
REQUESTS_PER_LIFE: Final = 8

_SIMULATOR: Final = (
    "--latency-ms", "80", "--echo-delay-ms", "150", "--callback-retries", "100", "--callback-retry-delay-ms", "300",
    "--callback-workers", "32",
)  # fmt: skip
_SETTINGS: Final = {"APP_MESSAGE_ASYNC_MAX_POOL_SIZE": str(SLOTS), "APP_MESSAGE_SYNC_WAIT_MS": "300"}


@pytest.mark.timeout(600)
async def test_kills_lose_nothing_double_nothing_and_hide_nothing(backend: BackendSettings) -> None:
    random_source, kills = random.Random(1), KILLS.get(backend.name, OTHER_KILLS)
    cut_off: set[tuple[str, int]] = set()
    async with backend.running_service(*_SIMULATOR, **_SETTINGS) as running:
        load = Load(running.service.url, seed=1)
        load.begin()
        load.up.set()
        for _ in range(kills):
            await _busy(load, random_source)
            load.up.clear()
            running.service.kill()
            if random_source.random() < 0.15:  # while the process starts
                running.service.spawn()
                await asyncio.sleep(random_source.uniform(0.3, 0.9))
                running.service.kill()
            killed_at = datetime.now(UTC)
            await asyncio.to_thread(running.service.start)
            cut_off |= await _interrupted(running, killed_at)
            load.up.set()
        await load.finish()
        assert await judged(running, load, cut_off=len(cut_off)) == []
        assert len(cut_off) >= kills // 2  # the kills hit something
        assert load.requested > 2 * len(cut_off)  # otherwise the limit of UNKNOWN would limit nothing


async def _busy(load: Load, random_source: random.Random) -> None:
    """Return with requests under way, after a random number of answers."""
    load.request(REQUESTS_PER_LIFE)
    enough = len(load.log) + random_source.randrange(1, REQUESTS_PER_LIFE)

    async def answered() -> bool:
        return len(load.log) >= enough

    await until(answered, LONG_S)


async def _interrupted(running: RunningService, killed_at: datetime) -> set[tuple[str, int]]:
    """Message and attempt of each call that was under way when the process was killed."""
    calls: set[tuple[str, int]] = set()
    for row in await running.api.rows(status="SENDING"):
        attempts = (await running.api.message(row["messageId"]))["attempts"]
        calls |= {
            (row["messageId"], attempt["number"])
            for attempt in attempts
            if datetime.fromisoformat(attempt["startedAt"]) <= killed_at
        }
    return calls


@pytest.mark.timeout(240)
async def test_without_kills_and_faults_everything_is_delivered_and_nothing_unknown(backend: BackendSettings) -> None:
    async with backend.running_service(*_SIMULATOR, **_SETTINGS) as running:
        load = Load(running.service.url, seed=2)
        load.begin()
        load.up.set()
        load.request(200)
        await load.finish()
        assert await judged(running, load, cut_off=0) == []
        rows = await running.api.rows()
        assert {row["status"] for row in rows if row["messageId"] not in load.withdrawn} == {"DELIVERED"}
        assert {row["status"] for row in rows} == {"DELIVERED", "CANCELLED", "RECALLED"}  # clients withdraw some
        assert not [call for call in load.log if call.verdict == "info"]
