"""Native mass sends through the real service and simulator, judged by the ledger: each recipient once, whatever is killed."""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from tests.support.polling import until
from tests.support.processes.running_service import LONG_S, Json, RunningService, running_service

pytestmark = pytest.mark.e2e

PATH: Final = "/msg/send_group_msg"
PEOPLE: Final = [str(7_881_301_000_000_000 + number) for number in range(450)]
OTHERS: Final = [str(7_881_301_000_001_000 + number) for number in range(60)]
ROOMS: Final = [str(10_600_000_000_000 + number) for number in range(3)]


async def _accepted(running: RunningService, body: Json) -> Json:
    """The batch, after a confirmation where one is needed."""
    request: Json = {"guid": "g1", "content": "明天十点开会", **body}
    answer = await running.api.post("send/batch", request)
    if answer.status_code == 409:
        assert answer.json()["error"] == "CONFIRMATION_REQUIRED"
        answer = await running.api.post("send/batch", request | {"confirmToken": answer.json()["data"]["confirmToken"]})
    assert answer.status_code == 202, answer.text
    batch: Json = answer.json()["data"]
    return batch


async def _becomes(running: RunningService, batch: Json, **by_status: int) -> None:
    latest: Json = {}

    async def there() -> bool:
        progress = await running.api.client.get(f"/api/messages/batches/{batch['batchId']}", params={"limit": 1})
        latest.update(progress.json()["data"]["byStatus"])
        return {name: count for name, count in progress.json()["data"]["byStatus"].items() if count} == by_status

    try:
        await until(there, LONG_S)
    except TimeoutError:
        raise AssertionError(f"not {by_status}: {latest}") from None


async def _calls(running: RunningService) -> list[Json]:
    return [entry for entry in await running.simulator.ledger() if entry["path"] == PATH and entry["of"] is None]


async def _got(running: RunningService) -> Counter[str]:
    """How often each recipient got one."""
    ledger = await running.simulator.ledger()
    return Counter(entry["conversationId"] for entry in ledger if entry["of"] is not None and entry["executed"])


@pytest.mark.timeout(180)
async def test_each_recipient_gets_it_once_and_a_killed_call_is_unknown(tmp_path: Path) -> None:
    settings = {"APP_MESSAGE_LIMITS_MAX_MASS_RECIPIENTS": "1000"}
    async with running_service(tmp_path, **settings) as running:
        batch = await _accepted(running, {"userList": PEOPLE})
        assert [chunk["recipients"] for chunk in batch["chunks"]] == [200, 200, 50]
        await _becomes(running, batch, DELIVERED=450)
        assert sorted(len(call["body"]["user_list"]) for call in await _calls(running)) == [50, 200, 200]
        everybody = Counter({f"S:{person}": 1 for person in PEOPLE})
        assert await _got(running) == everybody

        again = await _accepted(running, {"userList": PEOPLE[:100], "roomList": ROOMS})
        await _becomes(running, again, DELIVERED=3, FAILED=100)
        rows = await running.api.rows(batchId=again["batchId"], status="FAILED")
        assert {row["reason"] for row in rows} == {"ONCE_A_DAY"}
        everybody += Counter({f"R:{room}": 1 for room in ROOMS})
        assert await _got(running) == everybody

        await running.simulator.drop_echoes()  # they would settle what the kill leaves uncertain
        await running.simulator.fault("slow", times=1, path=PATH, when="after", delay_ms=2_000)
        killed = await _accepted(running, {"userList": OTHERS})
        await _becomes(running, killed, SENDING=60)
        await until(lambda: _executed(running, 5), LONG_S)
        running.service.kill()
        running.service.start()
        await _becomes(running, killed, UNKNOWN=60)
        everybody += Counter({f"S:{person}": 1 for person in OTHERS})
        assert await _got(running) == everybody
        assert len(await _calls(running)) == 5


async def _executed(running: RunningService, calls: int) -> bool:
    return len(await _calls(running)) == calls
