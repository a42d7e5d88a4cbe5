"""`kill -9` at any moment: no accepted message is lost, none is sent twice, and nothing is said that the ledger denies."""

import asyncio
import random
from typing import Final

import pytest
from tests.support.crowd import Crowd, executions_of, rows_of
from tests.support.oracle import CLOSED, Rule, Violation, judge
from tests.support.polling import until
from tests.support.stands import Stand
from tests.support.witnesses import Json, Scene

pytestmark = pytest.mark.e2e

KILLS: Final = {"embedded": 50}
"""The embedded default is killed as often as it takes to trust it; the others show that the same rules hold there."""
FEW: Final = 12
SLOTS: Final = 4
REQUESTS_PER_LIFE: Final = 8
SETTLED_S: Final = 120
"""After the last kill: a lease of 14.5 s, twice a lane given up after 6 s, and what is queued behind."""

_SIMULATOR: Final = (
    "--latency-ms", "80", "--echo-delay-ms", "150", "--callback-retries", "100", "--callback-retry-delay-ms", "300",
    "--callback-workers", "32",
)  # fmt: skip
_SETTINGS: Final = {"APP_MESSAGE_ASYNC_MAX_POOL_SIZE": str(SLOTS), "APP_MESSAGE_SYNC_WAIT_MS": "300"}


@pytest.mark.timeout(400)
async def test_kills_lose_nothing_double_nothing_and_hide_nothing(stand: Stand) -> None:
    random_source, kills = random.Random(1), KILLS.get(stand.name, FEW)
    async with stand.acting(*_SIMULATOR, **_SETTINGS) as scene:
        crowd = Crowd(scene.service.url, seed=1)
        crowd.begin()
        crowd.want(REQUESTS_PER_LIFE)
        crowd.up.set()
        for _ in range(kills):
            await asyncio.sleep(_life_s(random_source))
            crowd.up.clear()
            scene.service.kill()
            crowd.want(REQUESTS_PER_LIFE)
            if random_source.random() < 0.15:  # not even started yet
                scene.service.spawn()
                await asyncio.sleep(random_source.uniform(0.3, 0.9))
                scene.service.kill()
            await asyncio.to_thread(scene.service.start)
            crowd.up.set()
        await crowd.finish()
        assert await judged(scene, crowd, cut_off=kills * SLOTS) == []
        assert crowd.asked_for > 2 * kills * SLOTS  # else the bound on UNKNOWN would bound nothing


@pytest.mark.timeout(240)
async def test_without_kills_and_faults_everything_is_delivered_and_nothing_unknown(stand: Stand) -> None:
    async with stand.acting(*_SIMULATOR, **_SETTINGS) as scene:
        crowd = Crowd(scene.service.url, seed=2)
        crowd.begin()
        crowd.up.set()
        crowd.want(200)
        await crowd.finish()
        assert await judged(scene, crowd, cut_off=0) == []
        assert {row["status"] for row in await scene.api.rows()} == {"DELIVERED"}
        assert not [call for call in crowd.log if call.verdict == "info"]


def _life_s(random_source: random.Random) -> float:
    """How long a process lives after it began to answer: as often around 20 ms as around 200."""
    return float(0.01 * 60 ** random_source.random())


async def judged(scene: Scene, crowd: Crowd, *, cut_off: int) -> list[Violation]:
    """The oracle's word once nothing is under way any more, or after a time in which everything must have ended."""
    found: list[Violation] = []

    async def quiet() -> bool:
        rows = await scene.api.rows()
        if not {row["status"] for row in rows} <= CLOSED or (await scene.simulator.state())["echoes_pending"]:
            return False
        found[:] = await _judge(scene, crowd, rows, cut_off)
        return all(one.rule is not Rule.EVIDENCE_IGNORED for one in found)  # taken, and not yet looked at

    try:
        await until(quiet, SETTLED_S, every_s=0.5)
    except TimeoutError:
        return await _judge(scene, crowd, await scene.api.rows(), cut_off)
    return found


async def _judge(scene: Scene, crowd: Crowd, rows: list[Json], cut_off: int) -> list[Violation]:
    attempts = {row["messageId"]: (await scene.api.message(row["messageId"]))["attempts"] for row in rows}
    executions = executions_of(await scene.simulator.ledger())
    _tell(rows, attempts, len(executions), crowd)
    return judge(crowd.log, rows_of(rows, attempts), executions, cut_off=cut_off)


def _tell(rows: list[Json], attempts: dict[str, list[Json]], executed: int, crowd: Crowd) -> None:
    """Shown where the test fails, or with -s."""
    statuses = sorted(row["status"] for row in rows)
    uncertain = sum(one["outcome"] == "UNCERTAIN" for each in attempts.values() for one in each)
    told = sorted(call.verdict for call in crowd.log)
    seen = {one: statuses.count(one) for one in sorted(set(statuses))}
    answers = {one: told.count(one) for one in sorted(set(told))}
    print(f"rows {seen}, uncertain {uncertain}, executed {executed}, told {answers}")  # noqa: T201 - pytest shows it
