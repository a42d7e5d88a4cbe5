"""A replay whose process is killed in the middle goes on in the next one, and sends nothing twice."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from tests.support.polling import until
from tests.support.processes.running_service import LONG_S, Json, RunningService, running_service, text

pytestmark = pytest.mark.e2e

MESSAGES: Final = 200
SLOTS: Final = 4
"""As many calls may be cut off by the kill: of these it is unknown whether they were executed."""


@pytest.mark.timeout(180)
async def test_a_replay_that_is_killed_sends_each_message_once(tmp_path: Path) -> None:
    async with running_service(tmp_path, APP_MESSAGE_ASYNC_MAX_POOL_SIZE=str(SLOTS)) as running:
        message_ids = await _refused(running)
        (group,) = (await _get(running, ""))["items"]
        assert (group["cause"], group["errorCode"], group["count"]) == ("REFUSED_PERMANENT", -4017, MESSAGES)
        await running.simulator.clear_faults()
        body = {"cause": "REFUSED_PERMANENT", "errorCode": -4017, "ratePerSecond": 100}
        started = (await running.api.client.post("/api/dead-letters/replay", json=body)).json()["data"]
        assert started["total"] == MESSAGES
        path = f"/replays/{started['replayId']}"

        async def in_the_middle() -> bool:
            return bool((await _get(running, path))["replayed"] > MESSAGES // 4)

        await until(in_the_middle, LONG_S)
        running.service.kill()
        running.service.start()
        resumed = await _get(running, path)
        assert resumed["replayed"] < MESSAGES  # it was killed in the middle

        async def through() -> bool:
            replay = await _get(running, path)
            return bool(replay["done"] and replay["open"] <= SLOTS)

        await until(through, LONG_S)
        replay = await _get(running, path)
        assert (replay["state"], replay["replayed"], replay["failed"], replay["skipped"]) == ("DONE", MESSAGES, 0, 0)
        await _judge(running, message_ids, still_open=replay["open"])


async def _refused(running: RunningService) -> set[str]:
    """The ids of messages that the provider has refused, by a code that a table knows."""
    await running.simulator.fault("refuse", error_code=-4017)
    messages = [text(str(number), conversationId=f"S:{number}") for number in range(1, MESSAGES + 1)]
    batch = (await running.api.post("send/batch", {"messages": messages})).json()["data"]

    async def failed() -> bool:
        answer = await running.api.client.get(f"/api/messages/batches/{batch['batchId']}")
        return bool(answer.json()["data"]["byStatus"] == {"FAILED": MESSAGES})

    await until(failed, LONG_S)
    return {item["messageId"] for item in batch["items"]}


async def _judge(running: RunningService, message_ids: set[str], *, still_open: int) -> None:
    """Nothing is executed twice, and nothing is left out but what the kill may have cut off."""
    executed = Counter(
        entry["marker"].partition(".")[0] for entry in await running.simulator.ledger() if entry["executed"]
    )
    assert set(executed.values()) == {1}
    assert set(executed) <= message_ids
    assert len(message_ids - set(executed)) <= still_open
    rounds = await _get(running, "/messages")
    assert rounds["items"] == []  # nothing is FAILED any more


async def _get(running: RunningService, path: str) -> Json:
    answer = await running.api.client.get(f"/api/dead-letters{path}")
    assert answer.status_code == 200, answer.text
    data: Json = answer.json()["data"]
    return data
