"""Callbacks are lost, all of them: UNKNOWN ends by the pulled stream, and the ledger shows that nothing was sent twice."""

import time
from pathlib import Path

import pytest
from tests.support.polling import until
from tests.support.processes.running_service import RunningService, running_service, text

from wework_message.domain.message.fitting import SKEW_MS

pytestmark = pytest.mark.e2e

SYNC = "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_SETTLE_SYNC"
EACH_SECOND = {"APP_MESSAGE_UNKNOWN_SYNC_INTERVAL_SECONDS": "1"}


async def lost(running: RunningService, kind: str, to: str) -> str:
    """A send whose answer is lost: `answer_lost` was executed, `closed_before` was not."""
    await running.simulator.fault(kind, times=1)
    answer = await running.api.send(text(conversationId=to))
    assert answer["status"] == "UNKNOWN"
    return str(answer["messageId"])


async def executions(running: RunningService, message_id: str) -> int:
    return sum(call["executed"] for call in await running.simulator.calls(message_id))


async def total_pulls(running: RunningService) -> float:
    lines = (await running.api.client.get("/actuator/prometheus")).text.splitlines()
    values = [float(line.split()[-1]) for line in lines if line.startswith("wm_stream_pulls_total{")]
    assert values
    return sum(values)


async def test_unknown_is_settled_by_the_stream_and_what_is_not_in_it_is_sent_once_more(tmp_path: Path) -> None:
    async with running_service(tmp_path, **EACH_SECOND, **{SYNC: "complete"}) as running:
        await running.simulator.drop_echoes()
        await running.api.send(text("by it the place in the stream is known", conversationId="S:0"))

        async def pulled() -> bool:
            return await total_pulls(running) > 2  # the first has nothing that it could join

        await until(pulled)
        since = time.monotonic()
        executed = [await lost(running, "answer_lost", f"S:{number}") for number in range(1, 4)]
        for message_id in executed:
            assert (await running.api.reaches(message_id, "DELIVERED"))["attempts"] == 1
        timeline = (await running.api.message(executed[0]))["timeline"]
        assert [line["detail"] for line in timeline if line["kind"] == "ECHO"] == ["pull"]

        async def whole_for_long_enough() -> bool:
            return time.monotonic() - since > SKEW_MS / 1000

        await until(whole_for_long_enough)
        never = await lost(running, "closed_before", "S:4")
        others: list[str] = []

        async def sent_again() -> bool:
            """The absence is proven by what comes later in the stream."""
            others.append((await running.api.send(text(f"later {len(others)}", conversationId="S:5")))["messageId"])
            return bool((await running.api.status(never))["attempts"] == 2)

        await until(sent_again, limit_s=60)
        assert not (await running.api.reaches(never, "DELIVERED"))["possibleDuplicate"]
        for message_id in (*executed, never, *others):
            assert await executions(running, message_id) == 1
        assert (await running.simulator.state())["echoes_offered"] == 0


async def test_without_the_setting_nothing_is_pulled_and_they_stay_unknown(tmp_path: Path) -> None:
    async with running_service(tmp_path, **EACH_SECOND) as running:
        await running.simulator.drop_echoes()
        await running.api.send(text())
        executed, never = await lost(running, "answer_lost", "S:1"), await lost(running, "closed_before", "S:2")
        behind = await running.api.send(text("behind it", conversationId="S:1"))
        await running.api.reaches(behind["messageId"], "SENT")  # 2H have passed
        for message_id in (executed, never):
            assert (await running.api.status(message_id))["status"] == "UNKNOWN"
        assert await total_pulls(running) == 0
