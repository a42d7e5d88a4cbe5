"""An erasure whose process is killed in the middle goes on in the next one, while messages go out."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from tests.support.polling import until
from tests.support.processes.running_service import LONG_S, Json, RunningService, running_service, text

pytestmark = pytest.mark.e2e

PERSON: Final = "7881300000000001"
CALLBACKS: Final = 6_000
"""Thirty steps: it is killed in the middle of them."""

_SEED: Final = """
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
INSERT INTO wm_callback (provider_code, guid, notify_type, event_key, raw, received_at, state, tries)
SELECT 'GUANGZHOU_GUXING', 'g1', 11010, 'e' || n, ?, 1, 'ORPHAN', 0 FROM number
"""


@pytest.mark.timeout(120)
async def test_an_erasure_that_is_killed_goes_on_and_leaves_nothing(tmp_path: Path) -> None:
    async with running_service(tmp_path) as running:
        own = await running.api.accept(text(conversationId=f"S:{PERSON}"))
        await running.api.reaches(own, "DELIVERED")
        _seed(tmp_path)
        begun = await running.api.client.post("/api/erasures", json={"conversationId": f"S:{PERSON}"})
        assert begun.status_code == 202, begun.text
        path = f"/api/erasures/{begun.json()['data']['erasureId']}"

        async def in_the_middle() -> bool:
            return bool((await _get(running, path))["erased"]["callbacks"] > 0)

        await until(in_the_middle, LONG_S)
        running.service.kill()
        running.service.start()
        assert (await _get(running, path))["state"] == "RUNNING"
        other = await running.api.accept(text(conversationId=f"S:{PERSON[:-1]}2"))
        await running.api.reaches(other, "DELIVERED")

        async def through() -> bool:
            return bool((await _get(running, path))["done"])

        await until(through, LONG_S)
        erasure = await _get(running, path)
        assert (erasure["conversationId"], erasure["remaining"], erasure["erased"]["messages"]) == (None, 0, 1)
        assert erasure["erased"]["callbacks"] >= CALLBACKS
        assert (await running.api.message(own))["conversationId"] == ""
        assert (await running.api.message(other))["conversationId"] == f"S:{PERSON[:-1]}2"
    assert PERSON.encode() not in b"".join(file.read_bytes() for file in _database(tmp_path))


def _seed(folder: Path) -> None:
    """Callbacks that name the person, while the service runs."""
    with closing(sqlite3.connect(_database(folder)[0], timeout=LONG_S)) as connection, connection:
        connection.execute(_SEED, (CALLBACKS, f'{{"sender":"{PERSON}"}}'))


def _database(folder: Path) -> list[Path]:
    return sorted(folder.rglob("wework-message.db*"))


async def _get(running: RunningService, path: str) -> Json:
    answer = await running.api.client.get(path)
    assert answer.status_code == 200, answer.text
    data: Json = answer.json()["data"]
    return data
