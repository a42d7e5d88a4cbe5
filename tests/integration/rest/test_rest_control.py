from typing import Any

import pytest
from tests.support.apps.rest import ASYNC, BATCH, SEND, TEXT, Rest

from wework_message.entrypoints.wire.instants import iso

PAUSE, RESUME, CONTROL = "/api/control/pause", "/api/control/resume", "/api/control"


async def test_a_pause_is_answered_listed_repeated_and_taken_back(idle: Rest) -> None:
    body = {"scope": "SERVICE", "reason": "wrong text", "by": "Mei"}
    paused = (await idle.post(PAUSE, body | {"id": None})).json()["data"]
    assert paused == body | {"id": None, "since": iso(idle.in_memory_app.clock.now())}
    idle.in_memory_app.clock.advance(1_000)
    assert (await idle.post(PAUSE, {"scope": "SERVICE", "reason": "another"})).json()["data"] == paused
    assert (await idle.get(CONTROL)).json()["data"] == {"items": [paused], "nextCursor": None}
    resumed = [(await idle.post(RESUME, {"scope": "SERVICE"})).json()["data"] for _ in range(2)]
    assert resumed == [{"scope": "SERVICE", "id": None, "resumed": told} for told in (True, False)]
    assert (await idle.get(CONTROL)).json()["data"]["items"] == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "scope"),
        ({"scope": "GUID", "id": "g"}, "scope"),
        ({"scope": 7, "id": "g"}, "scope"),
        ({"scope": "SERVICE", "id": "x"}, "id"),
        ({"scope": "ACCOUNT"}, "id"),
        ({"scope": "ACCOUNT", "id": ""}, "id"),
        ({"scope": "ACCOUNT", "id": 7}, "id"),
        ({"scope": "ACCOUNT", "id": "x" * 137}, "id"),
        ({"scope": "ACCOUNT", "id": "nobody"}, "id"),
        ({"scope": "PROVIDER", "id": "nobody"}, "id"),
        ({"scope": "BATCH", "id": "nobody"}, "id"),
        ({"scope": "TENANT", "id": "nobody"}, "id"),
        ({"scope": "SERVICE", "reason": "x" * 256}, "reason"),
        ({"scope": "SERVICE", "reason": "a\nb"}, "reason"),
        ({"scope": "SERVICE", "by": "x" * 65}, "by"),
        ({"scope": "SERVICE", "why": "x"}, "why"),
        ({"scope": "SERVICE", "why": None}, "why"),
        ({"scope": "ACCOUNT", "id": None}, "id"),
    ],
)
async def test_a_bad_pause_names_its_field_and_stores_nothing(idle: Rest, body: dict[str, Any], path: str) -> None:
    answer = await idle.post(PAUSE, body)
    assert (answer.status_code, answer.json()["error"]) == (422, "VALIDATION_FAILED")
    assert [problem["path"] for problem in answer.json()["errors"]] == [path]
    assert idle.in_memory_app.database.pauses.committed_items() == {}


async def test_a_resume_takes_no_reason_and_bodies_must_be_json_objects(idle: Rest) -> None:
    answer = await idle.post(RESUME, {"scope": "SERVICE", "reason": "x"})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "reason")
    for path in (PAUSE, RESUME):
        assert (await idle.post(path, [1])).status_code == 422
        assert (await idle.post(path, {"scope": "SERVICE", "reason": "x" * 20_000})).status_code == 413


async def test_every_answer_about_a_waiting_message_says_that_it_is_paused(idle: Rest) -> None:
    batch = (await idle.post(BATCH, {"messages": [TEXT]})).json()["data"]
    message_id = batch["items"][0]["messageId"]
    await idle.post(PAUSE, {"scope": "BATCH", "id": batch["batchId"]})

    async def reasons() -> list[Any]:
        whole = (await idle.get(f"/api/messages/{message_id}")).json()["data"]
        status = (await idle.get(f"/api/messages/{message_id}/status")).json()["data"]
        polled = (await idle.get(f"/api/messages/status?ids={message_id}")).json()["data"]["items"][0]
        listed = (await idle.get("/api/messages")).json()["data"]["items"][0]
        of_batch = (await idle.get(f"/api/messages/batches/{batch['batchId']}")).json()["data"]["items"][0]
        assert whole["status"] == "QUEUED"
        return [answer["reason"] for answer in (whole, status, polled, listed, of_batch)]

    assert await reasons() == ["PAUSED"] * 5
    await idle.post(RESUME, {"scope": "BATCH", "id": batch["batchId"]})
    assert await reasons() == [None] * 5


async def test_a_paused_service_accepts_and_does_not_let_a_sync_client_wait(rest: Rest) -> None:
    await rest.post(PAUSE, {"scope": "SERVICE"})
    answer = await rest.post(SEND, TEXT)
    assert answer.status_code == 202
    data = answer.json()["data"]
    assert (data["status"], data["reason"]) == ("QUEUED", "PAUSED")
    later = (await rest.post(ASYNC, TEXT)).json()["data"]["messageId"]
    await rest.post(RESUME, {"scope": "SERVICE"})
    for message_id in (data["messageId"], later):
        assert (await rest.reaches(message_id, "SENT"))["reason"] is None


async def test_health_says_what_is_paused_and_stays_up(idle: Rest) -> None:
    nothing = dict.fromkeys(("SERVICE", "TENANT", "PROVIDER", "ACCOUNT", "BATCH"), 0)

    async def health() -> tuple[str, Any]:
        data = (await idle.get("/api/health")).json()["data"]
        return data["status"], data["control"]

    assert await health() == ("UP", {"sending": True, "paused": nothing})
    assert "control" not in (await idle.get("/actuator/health")).json()["components"]
    codes = [provider["code"] for provider in (await idle.get("/api/providers")).json()["data"]]
    await idle.post(PAUSE, {"scope": "PROVIDER", "id": codes[0]})
    assert await health() == ("UP", {"sending": len(codes) > 1, "paused": nothing | {"PROVIDER": 1}})
    providers = (await idle.get("/api/providers")).json()["data"]
    assert [provider["paused"] for provider in providers] == [True, *[False] * (len(codes) - 1)]
    await idle.post(PAUSE, {"scope": "SERVICE"})
    assert await health() == ("UP", {"sending": False, "paused": nothing | {"PROVIDER": 1, "SERVICE": 1}})
    ready = await idle.get("/actuator/health")
    assert ready.status_code == 200
    assert ready.json()["components"]["control"] == {"status": "UP", "details": {"PROVIDER": 1, "SERVICE": 1}}


async def test_the_unsent_rest_of_a_batch_is_cancelled_in_slices(idle: Rest) -> None:
    batch_id = (await idle.post(BATCH, {"messages": [TEXT] * 5})).json()["data"]["batchId"]
    path = f"/api/messages/batches/{batch_id}/cancel"
    first = (await idle.post(f"{path}?limit=3", {})).json()["data"]
    assert first == {
        "batchId": batch_id, "total": 5, "cancelled": 3, "sent": 0, "inFlight": 0, "ended": 0, "remaining": 2,
        "newlyCancelled": 3, "done": False,
    }  # fmt: skip
    second = (await idle.post(path, {})).json()["data"]
    assert (second["cancelled"], second["newlyCancelled"], second["done"]) == (5, 2, True)
    progress = (await idle.get(f"/api/messages/batches/{batch_id}")).json()["data"]
    assert (progress["byStatus"], progress["done"]) == ({"CANCELLED": 5}, 5)
    assert {item["reason"] for item in progress["items"]} == {"BATCH_CANCELLED"}


async def test_a_cancel_of_no_batch_is_404_and_a_bad_limit_422(idle: Rest) -> None:
    assert (await idle.post("/api/messages/batches/nobody/cancel", {})).status_code == 404
    for limit in ("0", "201", "x"):
        answer = await idle.post(f"/api/messages/batches/nobody/cancel?limit={limit}", {})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "limit")


async def test_a_parameter_that_no_route_of_pauses_has_is_refused(idle: Rest) -> None:
    for answer in (await idle.get(f"{CONTROL}?x=1"), await idle.post(f"{PAUSE}?x=1", {"scope": "SERVICE"})):
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "UNKNOWN_FIELD")
    assert idle.in_memory_app.database.pauses.committed_items() == {}
