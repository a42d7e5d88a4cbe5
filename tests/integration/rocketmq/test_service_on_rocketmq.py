"""The service as a process on a real cluster that fails: nothing is lost, nothing is sent twice, nothing waits."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
from tests.support.load.clients import Load
from tests.support.load.judgement import judged
from tests.support.polling import until
from tests.support.processes.running_service import LONG_S, RunningService, running_service, text
from tests.support.servers.ports import free_port
from tests.support.servers.rocketmq import RocketMq

from wework_message.adapters.rocketmq.wakeup.notifier import lanes

pytestmark = pytest.mark.e2e

_SIMULATOR: Final = ("--latency-ms", "20", "--echo-delay-ms", "50")
WAKEUPS: Final = 'wm_rocketmq_received_total{result="ok"}'
PUBLISHED: Final = 'wm_rocketmq_publish_seconds_count{result="ok"}'
FAILED: Final = 'wm_rocketmq_publish_seconds_count{result="failed"}'
RECOVERY_S: Final = 15
"""How soon wake-ups are received again once a broker and its proxy answer."""


@pytest.fixture
def settings(rocketmq: RocketMq) -> dict[str, str]:
    """New topics, which the service creates."""
    name = rocketmq.fresh_name("served")
    return {
        "ROCKETMQ_NAME_SERVER": rocketmq.name_server.address, "ROCKETMQ_ENDPOINTS": rocketmq.endpoints,
        "ROCKETMQ_TOPICS_DUE": name, "ROCKETMQ_GROUP": name,
    }  # fmt: skip


async def value(running: RunningService, sample: str) -> float:
    exposed = await running.api.client.get("/actuator/prometheus")
    line = next((text for text in exposed.text.splitlines() if text.startswith(sample)), f"{sample} 0")
    return float(line.rpartition(" ")[2])


async def queue(running: RunningService) -> Mapping[str, object]:
    answer = await running.api.client.get("/api/health")
    status: Mapping[str, object] = (
        answer.json()["data"]["rocketmq"] if "data" in answer.json() else answer.json()["rocketmq"]
    )
    return status


async def accept_two(running: RunningService) -> Sequence[str]:
    """Two messages of one lane: the first may be called at once, and the second needs a wake-up."""
    return await asyncio.gather(running.api.accept(text("first")), running.api.accept(text("second")))


async def wakeups(running: RunningService) -> None:
    """Wait until wake-ups are published and received."""

    async def is_woken() -> bool:
        for message_id in await accept_two(running):
            await running.api.reaches(message_id, "DELIVERED")
        return await value(running, WAKEUPS) > 0

    await until(is_woken, LONG_S)


async def wakes_again(running: RunningService, what: str) -> None:
    """Wait until wake-ups are received for what is accepted from now on; `what` has just come back."""
    back, before = time.monotonic(), await value(running, WAKEUPS)

    async def used_again() -> bool:
        await accept_two(running)
        return await value(running, WAKEUPS) > before

    await until(used_again, RECOVERY_S, every_s=0.05)
    print(f"wake-ups again {time.monotonic() - back:.1f} s after {what}")  # noqa: T201 -- the number of the report


async def busy(load: Load) -> None:
    """Wait until clients have got answers and go on asking."""

    async def answered() -> bool:
        return len(load.log) > 20

    await until(answered, LONG_S)


async def test_accepted_messages_wake_through_the_cluster_and_health_shows_it(
    settings: dict[str, str], tmp_path: Path
) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)

        async def is_healthy() -> bool:
            return (await queue(running))["healthy"] is True

        await until(is_healthy, LONG_S)
        assert (await queue(running))["kind"] == "rocketmq"
        assert await value(running, 'wm_backend_up{part="queue"}') == 1
        assert await value(running, f'wm_rocketmq_backlog{{group="{settings["ROCKETMQ_GROUP"]}"}}') >= 0


@pytest.mark.timeout(240)
async def test_a_broker_killed_under_load_loses_and_repeats_nothing_and_is_used_again(
    settings: dict[str, str], tmp_path: Path, rocketmq: RocketMq
) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)
        load = Load(running.service.url, seed=3)
        load.begin()
        load.up.set()
        load.request(150)
        await busy(load)
        rocketmq.kill9()
        load.request(150)
        await asyncio.to_thread(rocketmq.start)
        await wakes_again(running, "the broker answered")
        await load.finish()
        violations = await judged(running, load, cut_off=0)
        assert [violation for violation in violations if violation.rule.name != "NOT_REQUESTED"] == []


async def test_with_no_cluster_at_the_start_messages_are_accepted_and_delivered_all_the_same(tmp_path: Path) -> None:
    name_server = f"127.0.0.1:{free_port()}"
    async with running_service(tmp_path, *_SIMULATOR, ROCKETMQ_NAME_SERVER=name_server) as running:
        ids = [await running.api.accept(text(str(n), conversationId=f"S:{n // 2 + 1}")) for n in range(20)]
        for message_id in ids:
            await running.api.reaches(message_id, "DELIVERED")

        async def is_reported() -> bool:
            return (await queue(running))["healthy"] is False

        await until(is_reported, LONG_S)
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
        load.request(60)
        await busy(load)
        for lane in lanes(settings["ROCKETMQ_TOPICS_DUE"], settings["ROCKETMQ_GROUP"]).values():
            rocketmq.drop_topic(lane.topic)
        load.request(60)
        await load.finish()
        violations = await judged(running, load, cut_off=0)
        assert [violation for violation in violations if violation.rule.name != "NOT_REQUESTED"] == []


@pytest.mark.timeout(180)
async def test_a_proxy_that_hangs_is_bypassed_and_used_again(
    settings: dict[str, str], tmp_path: Path, rocketmq: RocketMq
) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)
        rocketmq.pause()
        try:
            ids = [await running.api.accept(text(str(n), conversationId=f"S:{n // 2 + 1}")) for n in range(20)]
            for message_id in ids:
                await running.api.reaches(message_id, "DELIVERED")
        finally:
            rocketmq.resume()
        await wakes_again(running, "the proxy went on")


@pytest.mark.timeout(180)
async def test_a_broker_without_its_proxy_delays_nothing_and_is_used_again_with_the_next_proxy(
    settings: dict[str, str], tmp_path: Path, rocketmq: RocketMq
) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)
        rocketmq.kill9()
        await asyncio.to_thread(lambda: rocketmq.start(proxy=False))
        ids = [await running.api.accept(text(str(n), conversationId=f"S:{n // 2 + 1}")) for n in range(20)]
        for message_id in ids:
            await running.api.reaches(message_id, "DELIVERED")

        async def is_reported() -> bool:
            return "proxy not enabled" in str((await queue(running)).get("reason"))

        await until(is_reported, LONG_S)
        await asyncio.to_thread(rocketmq.restore)
        await wakes_again(running, "the proxy was there again")


async def test_a_process_on_the_cluster_ends_in_time(settings: dict[str, str], tmp_path: Path) -> None:
    async with running_service(tmp_path, *_SIMULATOR, **settings) as running:
        await wakeups(running)
        assert await asyncio.to_thread(running.service.stop) == 0


async def test_a_process_on_a_cluster_that_hangs_ends_in_time(
    settings: dict[str, str], tmp_path: Path, rocketmq: RocketMq
) -> None:
    topics = {
        f"ROCKETMQ_TOPICS_{use.upper()}": f"{settings['ROCKETMQ_GROUP']}-{use}" for use in ("intake", "callbacks")
    }
    async with running_service(tmp_path, *_SIMULATOR, **settings, **topics) as running:
        await wakeups(running)
        rocketmq.pause()
        try:

            async def is_away() -> bool:
                return (await queue(running))["healthy"] is False

            await until(is_away, LONG_S)
            assert await asyncio.to_thread(running.service.stop) == 0
        finally:
            rocketmq.resume()
