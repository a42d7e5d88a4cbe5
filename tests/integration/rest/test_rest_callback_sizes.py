"""Callbacks cost no more than their size: rows, bytes of lists, and what waits (ADR 25)."""

import json
from typing import Any, Final

import pytest
from tests.support.apps.guxing_app import a_policy
from tests.support.apps.rest import Rest, serving

from wework_message.domain.inbox import InboxLimits
from wework_message.domain.page import PAGE_BYTES

HOOK: Final = "/message/api/callbacks/webhook"
MEBIBYTE: Final = 2**20


def a_callback(data: Any, notify_type: int = 11013, guid: str = "guid-a") -> bytes:
    return json.dumps({"guid": guid, "notify_type": notify_type, "data": data}, separators=(",", ":")).encode()


def rows(rest: Rest) -> list[Any]:
    return list(rest.in_memory_app.database.callbacks.committed_rows())


def stored_bytes(rest: Rest) -> int:
    return sum(len(row.raw) for row in rows(rest))


async def sends(rest: Rest, body: bytes) -> int:
    return (await rest.client.post(HOOK, content=body)).status_code


async def test_half_a_million_junk_records_are_one_row(idle: Rest) -> None:
    body = a_callback(list(range(560_000)))
    assert await sends(idle, body) == 200
    assert [row.state for row in rows(idle)] == ["QUARANTINED"]
    assert stored_bytes(idle) <= len(body)
    assert await sends(idle, body) == 200
    assert len(rows(idle)) == 1


async def test_a_callback_becomes_a_thousand_rows_and_one_that_can_be_sent_again(idle: Rest) -> None:
    records = [{"id": str(number), "msg_type": 2} for number in range(1, 2_501)]
    body, sizes = a_callback(records), []
    for _ in range(3):
        assert await sends(idle, body) == 200
        sizes.append(len(rows(idle)))
        quarantined = (await idle.get("/api/callbacks/quarantine?limit=1")).json()["data"]["items"]
        body = quarantined[0]["rawData"].encode()
    assert sizes == [1_001, 2_002, 2_502]


async def test_a_list_has_four_mebibytes_at_most_and_goes_on(idle: Rest) -> None:
    for number in range(9):
        assert await sends(idle, a_callback({"n": number, "text": "x" * MEBIBYTE}, notify_type=11002)) == 200
    listed: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await idle.get(f"/api/callbacks/guid-a/recent?limit=100{cursor and f'&cursor={cursor}'}")
        assert len(answer.content) <= PAGE_BYTES
        listed += [callback["data"]["n"] for callback in answer.json()["data"]]
        cursor = answer.headers.get("x-next-cursor")
    assert listed == list(reversed(range(9)))


@pytest.mark.parametrize("list_of", ["/api/callbacks/guid-a/recent", "/api/callbacks/guid-a/callbacks/11002"])
async def test_a_callback_longer_than_a_list_is_whole_at_its_own_route(idle: Rest, list_of: str) -> None:
    body = a_callback({"text": '"' * (MEBIBYTE + MEBIBYTE // 2)}, notify_type=11002)
    assert await sends(idle, a_callback({}, notify_type=11002)) == 200
    assert await sends(idle, body) == 200
    answer = await idle.get(list_of)
    long, short = answer.json()["data"]
    assert len(answer.content) <= PAGE_BYTES
    assert (long["data"], long["rawData"], short["data"]) == (None, None, {})
    whole = (await idle.get(f"/api/callbacks/by-id/{long['callbackId']}")).json()["data"]
    assert whole["rawData"].encode() == body
    assert whole | {"data": None, "rawData": None} == long


@pytest.mark.parametrize("callback_id", ["0", "999", "x", "1" * 30, "-1", "%EF%BC%91"])
async def test_a_callback_that_does_not_exist_is_404(idle: Rest, callback_id: str) -> None:
    assert (await idle.get(f"/api/callbacks/by-id/{callback_id}")).status_code == 404


async def test_the_quarantine_of_all_guids_is_listed_and_purged(idle: Rest) -> None:
    for guid in ("guid-a", "guid-b", "guid-c"):
        for number in range(2):
            await sends(idle, a_callback([number], guid=guid))
    await sends(idle, a_callback({}, notify_type=11002))
    first = (await idle.get("/api/callbacks/quarantine?limit=4")).json()["data"]
    second = (await idle.get(f"/api/callbacks/quarantine?cursor={first['nextCursor']}")).json()["data"]
    assert [item["guid"] for item in first["items"]] == ["guid-c", "guid-c", "guid-b", "guid-b"]
    assert ([item["guid"] for item in second["items"]], second["nextCursor"]) == (["guid-a"] * 2, None)
    of_one = (await idle.get("/api/callbacks/quarantine?guid=guid-b")).json()["data"]["items"]
    assert [item["guid"] for item in of_one] == ["guid-b"] * 2

    async def purged(query: str) -> Any:
        return (await idle.client.delete(f"/api/callbacks/quarantine{query}")).json()["data"]

    assert await purged("?guid=guid-b") == {"deleted": 2, "more": False}
    assert await purged("?before=2025-06-15T15:06:39Z") == {"deleted": 0, "more": False}
    assert await purged("") == {"deleted": 4, "more": False}
    assert [row.state for row in rows(idle)] == ["PENDING"]


@pytest.mark.parametrize("query", ["before=2025", "before=tomorrow", "guid=", "age=1", "before=0001-01-01T00:00:00Z"])
async def test_a_purge_that_is_misspelt_deletes_nothing(idle: Rest, query: str) -> None:
    await sends(idle, a_callback([1]))
    assert (await idle.client.delete(f"/api/callbacks/quarantine?{query}")).status_code == 422
    assert len(rows(idle)) == 1


async def test_an_inbox_that_is_full_asks_the_provider_to_come_again() -> None:
    async with serving(a_policy(inbox=InboxLimits(max_pending=2)), dispatching=False) as rest:
        statuses = [await sends(rest, a_callback({"n": number}, notify_type=11002)) for number in range(4)]
        answer = await rest.client.post(HOOK, content=a_callback({"n": 9}, notify_type=11002))
        assert statuses == [200, 200, 503, 503]
        assert (answer.headers["retry-after"], answer.json()["error"]) == ("1", "UNAVAILABLE")
        await rest.in_memory_app.projector.project_pending()
        assert await sends(rest, a_callback({"n": 9}, notify_type=11002)) == 200
