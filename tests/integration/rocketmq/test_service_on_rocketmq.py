"""The service as a process on a real cluster that is broken under it: nothing is lost, nothing is sent twice, nothing waits."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from tests.e2e.test_kills import judged
from tests.support.load import Load
from tests.support.polling import until
from tests.support.running_service import LONG_S, RunningService, running_service, text
from tests.support.servers.ports import free_port
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.wakeup.notifier import lanes

pytestmark = pytest.mark.e2e

_SIMULATOR: Final = ("--latency-ms", "20", "--echo-delay-ms", "50")
WAKEUPS: Final = 'wm_rocketmq_received_total{result="ok"}'
PUBLISHED: Final = 'wm_rocketmq_publish_seconds_count{result="ok"}'
FAILED: Final = 'wm_rocketmq_publish_seconds_count{result="failed"}'
RECOVERY_S: Final = 15
"""How soon rings come in again once a broker and its proxy answer."""


@pytest.fixture
def settings(rocketmq: RocketMq) -> dict[str, str]:
    """Topics of this test's own, which the service creates."""
    name = rocketmq.fresh_name("served")
    return {
        "ROCKETMQ_NAME_SERVER": rocketmq.name_server.address, "ROCKETMQ_ENDPOINTS": rocketmq.endpoints,
        "ROCKETMQ_TOPICS_DUE": name, "ROCKETMQ_GROUP": name,
    }  # fmt: skip


async def value(running: RunningService, sample: str) -> float:
    exposed = await running.api.client.get("/actuator/prometheus")
    line = next((splitline for splitline in exposed.text.splitlines() if splitline.startswith(sample)), f"{sample} 0")
    return float(line.rpartition(" ")[2])


async def queue(running: RunningService) -> Mapping[str, object]:
    answer = await running.api.client.get("/api/health")
    found: Mapping[str, object] = (
        answer.json()["data"]["rocketmq"] if "data" in answer.json() else answer.json()["rocketmq"]
    )
    return found


async def wakeups(running: RunningService) -> None:
    """Until rings go out and come in."""

    async def publisher() -> bool:
        await running.api.reaches(await running.api.accept(text()), "DELIVERED")
        return await value(running, WAKEUPS) > 0

    await until(publisher, LONG_S)


async def wakes_again(running: RunningService, what: str) -> None:
    """Until rings come in once more, for what is accepted from now on; `what` has just come back."""
    back, before = time.monotonic(), await value(running, WAKEUPS)

    async def used_again() -> bool:
        await running.api.accept(text())
        return await value(running, WAKEUPS) > before

    await until(used_again, RECOVERY_S, every_s=0.05)
    print(f"rings again {time.monotonic() - back:.1f} s after {what}")  # noqa: T201 -- the number of the report


async def busy(load: Load) -> None:
    """Until clients have been answered and go on asking."""

    async def answered() -> bool:
        return len(load.log) > 20

    await until(answered, LONG_S)


async def test_what_is_accepted_rings_through_the_cluster_and_health_says_so(
    settings: dict[str, str], tmp_path: Path
) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)

        async def well() -> bool:
            return (await queue(running))["healthy"] is True

        await until(well, LONG_S)
        assert (await queue(running))["kind"] == "rocketmq"
        assert await value(running, f'wm_rocketmq_backlog{{group="{settings["ROCKETMQ_GROUP"]}"}}') >= 0


@pytest.mark.timeout(240)
async def test_a_broker_killed_under_load_loses_nothing_doubles_nothing_and_is_used_again(
    settings: dict[str, str], tmp_path: Path, rocketmq: RocketMq
) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)
        load = Load(running.service.url, seed=3)
        load.begin()
        load.up.set()
        load.want(150)
        await busy(load)
        rocketmq.kill9()
        load.want(150)
        await asyncio.to_thread(rocketmq.start)
        await wakes_again(running, "the broker answered")
        await load.finish()
        found = await judged(running, load, cut_off=0)
        assert [one for one in found if one.rule.name != "NOT_ASKED_FOR"] == []


async def test_with_no_cluster_at_the_start_messages_are_accepted_and_delivered_all_the_same(tmp_path: Path) -> None:
    name_server = f"127.0.0.1:{free_port()}"
    async with running_service(tmp_path, *_SIMULATOR, ROCKETMQ_NAME_SERVER=name_server) as running:
        ids = [await running.api.accept(text(str(n), conversationId=f"S:{n + 1}")) for n in range(20)]
        for one in ids:
            await running.api.reaches(one, "DELIVERED")

        async def told() -> bool:
            return (await queue(running))["healthy"] is False

        await until(told, LONG_S)
        assert (await queue(running))["reason"] == "broker down: no name server answers"
        assert (await running.api.client.get("/actuator/health/readiness")).status_code == 200


@pytest.mark.timeout(180)
async def test_topics_that_are_purged_under_load_strand_nothing(
    settings: dict[str, str], tmp_path: Path, rocketmq: RocketMq
) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)
        load = Load(running.service.url, seed=4)
        load.begin()
        load.up.set()
        load.want(60)
        await busy(load)
        for lane in lanes(settings["ROCKETMQ_TOPICS_DUE"], settings["ROCKETMQ_GROUP"]).values():
            rocketmq.drop_topic(lane.topic)
        load.want(60)
        await load.finish()
        found = await judged(running, load, cut_off=0)
        assert [one for one in found if one.rule.name != "NOT_ASKED_FOR"] == []


@pytest.mark.timeout(180)
async def test_a_proxy_that_stands_still_is_passed_by_and_used_again(
    settings: dict[str, str], tmp_path: Path, rocketmq: RocketMq
) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)
        rocketmq.pause()
        try:
            ids = [await running.api.accept(text(str(n), conversationId=f"S:{n + 1}")) for n in range(20)]
            for one in ids:
                await running.api.reaches(one, "DELIVERED")
        finally:
            rocketmq.resume()
        await wakes_again(running, "the proxy went on")


@pytest.mark.timeout(180)
async def test_a_broker_that_lost_its_proxy_holds_nothing_up_and_is_used_again_with_the_next_one(
    settings: dict[str, str], tmp_path: Path, rocketmq: RocketMq
) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)
        rocketmq.kill9()
        await asyncio.to_thread(lambda: rocketmq.start(proxy=False))
        ids = [await running.api.accept(text(str(n), conversationId=f"S:{n + 1}")) for n in range(20)]
        for one in ids:
            await running.api.reaches(one, "DELIVERED")

        async def told() -> bool:
            return "proxy not enabled" in str((await queue(running)).get("reason"))

        await until(told, LONG_S)
        await asyncio.to_thread(rocketmq.restore)
        await wakes_again(running, "the proxy was there again")


async def test_a_process_on_the_cluster_ends_in_time(settings: dict[str, str], tmp_path: Path) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)
        assert await asyncio.to_thread(running.service.stop) == 0


async def test_a_cluster_that_stands_still_keeps_no_process_from_ending_in_time(
    settings: dict[str, str], tmp_path: Path, rocketmq: RocketMq
) -> None:
    topics = {
        f"ROCKETMQ_TOPICS_{one.upper()}": f"{settings['ROCKETMQ_GROUP']}-{one}" for one in ("intake", "callbacks")
    }
    async with running_service(tmp_path, *_SIMULATOR, **settings, **topics) as running:
        await wakeups(running)
        rocketmq.pause()
        try:

            async def away() -> bool:
                return (await queue(running))["healthy"] is False

            await until(away, LONG_S)
            assert await asyncio.to_thread(running.service.stop) == 0
        finally:
            rocketmq.resume()
