import pytest
from tests.support.apps.rest import Rest

HOOK = "/message/api/callbacks/webhook"


def a_notice(serial: int, notify_type: int = 11002, guid: str = "guid-a") -> dict[str, object]:
    return {"guid": guid, "notify_type": notify_type, "data": {"status": serial}}


async def test_a_callback_is_stored_before_it_is_answered(idle: Rest) -> None:
    answer = await idle.post(HOOK, a_notice(1))
    assert (answer.status_code, answer.json()["data"]) == (200, "回调已接收")
    (stored,) = (await idle.get("/api/callbacks/guid-a/recent")).json()["data"]
    assert stored == {
        "guid": "guid-a",
        "notifyType": 11002,
        "callbackType": "QR_CODE_CHANGE",
        "data": {"status": 1},
        "receiveTime": "2025-06-15T15:06:40.000Z",
        "rawData": stored["rawData"],
        "callbackId": stored["callbackId"],
        "state": "PENDING",
        "messageId": None,
    }
    assert isinstance(stored["callbackId"], str)


async def test_a_callback_that_comes_twice_is_kept_once_and_answered_twice(idle: Rest) -> None:
    assert (await idle.post(HOOK, a_notice(1))).status_code == 200
    assert (await idle.post(HOOK, a_notice(1))).status_code == 200
    assert len((await idle.get("/api/callbacks/guid-a/recent")).json()["data"]) == 1


@pytest.mark.parametrize("body", [{}, {"guid": "g"}, {"guid": 1, "notify_type": 11010}, [1]])
async def test_what_is_no_callback_is_422(idle: Rest, body: object) -> None:
    answer = await idle.post(HOOK, body)
    assert (answer.status_code, answer.json()["error"]) == (422, "VALIDATION_FAILED")


@pytest.mark.parametrize("wrapping", [(b"", b"\x00"), (b"\xef\xbb\xbf", b"\r\n"), (b" ", b"\x00\x00 ")])
@pytest.mark.parametrize("name", [b"a\nb", b"\xe5\xbc", b"\xff", b"\\ud83", b"\x00"])
async def test_a_callback_is_read_however_a_lenient_gateway_writes_it(
    idle: Rest, wrapping: tuple[bytes, bytes], name: bytes
) -> None:
    body = b'{"guid":"g","notify_type":11002,"data":{"status":7,"name":"' + name + b'"}}'
    answer = await idle.client.post(HOOK, content=wrapping[0] + body + wrapping[1])
    assert (answer.status_code, answer.json()["data"]) == (200, "回调已接收")
    (stored,) = (await idle.get("/api/callbacks/g/recent")).json()["data"]
    assert stored["data"]["status"] == 7


async def test_what_is_no_json_and_no_callback_either_is_400(idle: Rest) -> None:
    answer = await idle.client.post(HOOK, content=b'{"notify_type":11002,"data":"\xff\n"}\x00')
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_JSON")


async def test_a_callback_needs_no_content_type(idle: Rest) -> None:
    answer = await idle.client.post(HOOK, content=b'{"guid":"g","notify_type":11002,"data":{}}')
    assert answer.status_code == 200


async def test_a_store_that_is_away_makes_the_provider_come_again(idle: Rest) -> None:
    idle.in_memory_app.database.away = True
    answer = await idle.post(HOOK, a_notice(1))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_process_that_drains_still_takes_callbacks(idle: Rest) -> None:
    idle.in_memory_app.application.service.draining = True
    assert (await idle.post(HOOK, a_notice(1))).status_code == 200


async def test_callbacks_are_listed_newest_first_in_pages_and_by_type(idle: Rest) -> None:
    for serial in range(3):
        await idle.post(HOOK, a_notice(serial))
    await idle.post(HOOK, a_notice(9, notify_type=573))
    await idle.post(HOOK, a_notice(9, guid="guid-b"))
    first = await idle.get("/api/callbacks/guid-a/callbacks/11002?limit=2")
    assert [callback["data"]["status"] for callback in first.json()["data"]] == [2, 1]
    cursor = first.headers["x-next-cursor"]
    second = await idle.get(f"/api/callbacks/guid-a/callbacks/11002?limit=2&cursor={cursor}")
    assert [callback["data"]["status"] for callback in second.json()["data"]] == [0]
    assert "x-next-cursor" not in second.headers
    everything = (await idle.get("/callbacks/guid-a/recent")).json()["data"]
    assert [callback["callbackType"] for callback in everything] == ["SYSTEM_NOTIFICATION", *["QR_CODE_CHANGE"] * 3]


async def test_an_empty_batch_of_messages_is_shown_as_it_came(idle: Rest) -> None:
    assert (await idle.post(HOOK, {"guid": "guid-a", "notify_type": 11013, "data": []})).status_code == 200
    for path in ("recent", "callbacks/11013"):
        (shown,) = (await idle.get(f"/api/callbacks/guid-a/{path}")).json()["data"]
        assert (shown["notifyType"], shown["data"], shown["rawData"]) == (
            11013, [], '{"guid":"guid-a","notify_type":11013,"data":[]}'
        )  # fmt: skip


async def test_twenty_recent_ones_and_ten_of_a_type_unless_asked(idle: Rest) -> None:
    for serial in range(21):
        await idle.post(HOOK, a_notice(serial))
    assert len((await idle.get("/api/callbacks/guid-a/recent")).json()["data"]) == 20
    assert len((await idle.get("/api/callbacks/guid-a/callbacks/11002")).json()["data"]) == 10


@pytest.mark.parametrize("path", ["recent", "callbacks/11002"])
async def test_a_hundred_are_a_page_and_pages_of_one_instant_miss_and_repeat_none(idle: Rest, path: str) -> None:
    """All of them come at one instant, and more come between two pages."""
    for serial in range(102):
        await idle.post(HOOK, a_notice(serial))
    page = await idle.get(f"/api/callbacks/guid-a/{path}?limit=100")
    await idle.post(HOOK, a_notice(200))
    rest = await idle.get(f"/api/callbacks/guid-a/{path}?limit=1&cursor={page.headers['x-next-cursor']}")
    last = await idle.get(f"/api/callbacks/guid-a/{path}?limit=1&cursor={rest.headers['x-next-cursor']}")
    assert "x-next-cursor" not in last.headers
    shown = [callback for answer in (page, rest, last) for callback in answer.json()["data"]]
    assert [callback["data"]["status"] for callback in shown] == list(reversed(range(102)))
    assert len({callback["receiveTime"] for callback in shown}) == 1


async def test_parked_callbacks_are_listed_as_the_quarantine_is(idle: Rest) -> None:
    answer = await idle.get("/api/callbacks/parked?guid=guid-a&limit=1")
    assert answer.json()["data"] == {"items": [], "nextCursor": None}
    for query in ("limit=0", "limit=101", "guid=", "cursor=x", "state=PARKED"):
        assert (await idle.get(f"/api/callbacks/parked?{query}")).status_code == 422


async def test_callbacks_are_counted_by_state_and_kind(idle: Rest) -> None:
    for serial in range(2):
        await idle.post(HOOK, a_notice(serial))
    data = (await idle.get("/api/callbacks/stats")).json()["data"]
    assert {"state": "PENDING", "count": 2, "more": False} in data["states"]
    assert len(data["states"]) == 6
    (kind,) = data["newest"]
    assert (kind["notifyType"], kind["callbackType"], kind["state"], kind["count"]) == (
        11002, "QR_CODE_CHANGE", "PENDING", 2
    )  # fmt: skip
    assert (data["counted"], data["since"]) == (2, "2025-06-15T15:06:40.000Z")


async def test_quarantined_callbacks_are_replayed(idle: Rest) -> None:
    await idle.post(HOOK, {"guid": "guid-a", "notify_type": 11010, "data": 7})
    since = {"since": "2025-06-15T15:06:40Z", "guid": "guid-a"}
    for body, replayed in (
        (since | {"state": "FAILED"}, 0),
        (since | {"guid": "guid-b"}, 0),
        (since | {"since": "2025-06-15T15:06:41Z"}, 0),
        (since | {"dryRun": True}, 1),
        (since | {"state": None}, 1),
        (since, 0),
    ):
        answer = await idle.post("/api/callbacks/replay", body)
        assert answer.json()["data"] == {
            "replayed": replayed, "dryRun": body.get("dryRun", False), "more": False, "nextCursor": None
        }  # fmt: skip
    states = [item["state"] for item in (await idle.get("/api/callbacks/guid-a/recent")).json()["data"]]
    assert states == ["PENDING"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "since"),
        ({"since": 7}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2025-06-15T15:06:40Z", "guid": ""}, "guid"),
        ({"since": "2025-06-15T15:06:40Z", "guid": "g" * 256}, "guid"),
        ({"since": "2025-06-15T15:06:40Z", "guid": 7}, "guid"),
        ({"since": "2025-06-15T15:06:40Z", "state": "APPLIED"}, "state"),
        ({"since": "2025-06-15T15:06:40Z", "state": 1}, "state"),
        ({"since": "2025-06-15T15:06:40Z", "dryRun": 1}, "dryRun"),
        ({"since": "2025-06-15T15:06:40Z", "what": None}, "what"),
    ],
)
async def test_a_bad_replay_names_its_field(idle: Rest, body: dict[str, object], path: str) -> None:
    answer = await idle.post("/api/callbacks/replay", body)
    assert answer.status_code == 422
    assert path in answer.text


async def test_the_cursor_of_a_replay_is_one_of_an_earlier_answer(idle: Rest) -> None:
    answer = await idle.post("/api/callbacks/replay?cursor=!", {"since": "2025-06-15T15:06:40Z"})
    assert answer.status_code == 422
