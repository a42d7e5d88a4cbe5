from typing import Any

import pytest
from tests.support.apps.rest import ASYNC, BATCH, TEXT, Rest
from tests.support.polling import until

from wework_message.entrypoints.wire.instants import iso

EMPTY = TEXT | {"content": ""}


async def test_each_item_of_a_batch_is_answered(idle: Rest) -> None:
    later = TEXT | {"scheduledAt": "2026-01-01T00:00:00Z"}
    answer = await idle.post(BATCH, {"messages": [TEXT, EMPTY, later]})
    data = answer.json()["data"]
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/message/api/messages/batches/{data['batchId']}"
    assert (data["mode"], data["accepted"], data["rejected"]) == ("FANOUT", 2, 1)
    assert [item["index"] for item in data["items"]] == [0, 1, 2]
    assert [item["status"] for item in data["items"]] == ["QUEUED", None, "SCHEDULED"]
    assert data["items"][1]["error"] == "VALIDATION_FAILED"
    assert data["items"][1]["errors"][0]["path"] == "messages[1].content"
    assert idle.in_memory_app.stored() == 2


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [TEXT] * 201}, "messages"),
        ({"messages": [EMPTY, EMPTY]}, "messages[0].content"),
        ({"messages": [TEXT, EMPTY], "atomic": True}, "messages[1].content"),
        ({"messages": [TEXT], "mood": "FANOUT"}, "mood"),
        ({"guid": "g"}, "messages"),
        ({"guid": "g", "userList": [], "roomList": [], "content": "x"}, "userList"),
    ],
    ids=["none", "201", "none valid", "atomic", "unknown field", "no list", "no recipients"],
)
async def test_a_batch_that_stores_nothing(idle: Rest, body: dict[str, Any], path: str) -> None:
    answer = await idle.post(BATCH, body)
    assert (answer.status_code, answer.json()["error"]) == (422, "VALIDATION_FAILED")
    assert path in [problem["path"] for problem in answer.json()["errors"]]
    assert idle.in_memory_app.stored() == 0


async def test_two_hundred_items_are_one_batch(idle: Rest) -> None:
    data = (await idle.post(BATCH, {"messages": [TEXT] * 200})).json()["data"]
    assert (data["accepted"], idle.in_memory_app.stored()) == (200, 200)


async def test_a_mass_send_is_answered_by_recipient_and_call(idle: Rest) -> None:
    body = {"guid": "g", "userList": ["1", "x", "2"], "roomList": ["3", "3"], "content": "x"}
    answer = await idle.post(BATCH, body)
    data = answer.json()["data"]
    assert answer.status_code == 202
    assert (data["mode"], data["accepted"], data["rejected"], data["duplicate"]) == ("MASS_SEND", 3, 2, False)
    assert [item["status"] for item in data["items"]] == ["QUEUED", None, "QUEUED", "QUEUED", None]
    assert data["chunks"] == [{"number": 0, "recipients": 2}, {"number": 1, "recipients": 1}]
    await idle.in_memory_app.send_mass()
    progress = (await idle.get(f"/api/messages/batches/{data['batchId']}")).json()["data"]
    assert (progress["mode"], progress["byStatus"], progress["done"]) == ("MASS_SEND", {"SENT": 3}, 3)
    assert progress["chunks"] == [
        {"number": 0, "recipients": 2, "rooms": False, "nextAttemptAt": None, "taskId": "task-1"},
        {"number": 1, "recipients": 1, "rooms": True, "nextAttemptAt": None, "taskId": "task-2"},
    ]
    assert [item["messageType"] for item in progress["items"]] == ["MASS_SEND"] * 3


async def test_a_waiting_recipient_is_due_with_its_call(idle: Rest) -> None:
    later = {"guid": "g", "userList": ["1"], "content": "x", "scheduledAt": "2026-01-01T00:00:00Z"}
    data = (await idle.post(BATCH, later)).json()["data"]
    assert data["items"][0]["status"] == "SCHEDULED"
    item = (await idle.get(f"/api/messages/{data['items'][0]['messageId']}/status")).json()["data"]
    assert item["nextAttemptAt"] == "2026-01-01T00:00:00.000Z"


async def test_a_mass_send_needs_the_token_of_its_own_first_request(idle: Rest) -> None:
    body = {"guid": "g", "userList": ["1", "2"], "content": "x"}
    assert (await idle.post(BATCH, body | {"confirmToken": "none"})).json()["errors"][0]["path"] == "confirmToken"
    assert idle.in_memory_app.stored() == 0


@pytest.mark.parametrize("name", ["imageMsgList", "fileMsgList", "videoMsgList"])
async def test_media_that_do_not_fit_a_mass_send_are_told_once_at_their_field(idle: Rest, name: str) -> None:
    body = {"guid": "g", "userList": ["1", "2", "3"], "content": "x", name: [{"mediaId": "nobodys"}]}
    answer = await idle.post(BATCH, body)
    (problem,) = answer.json()["errors"]
    assert (answer.status_code, problem["path"]) == (422, f"{name}[0].mediaId")
    assert idle.in_memory_app.stored() == 0


async def test_a_mass_send_that_no_recipient_can_get_is_refused_as_its_recipients_are(idle: Rest) -> None:
    await idle.post("/message/api/accounts", {"accountId": "off", "enabled": False})
    body = {"accountId": "off", "userList": ["1", "2"], "content": "x"}
    answer = await idle.post(BATCH, body)
    assert (answer.status_code, answer.json()["error"]) == (422, "VALIDATION_FAILED")


async def test_tasks_of_an_administrator_are_shown_as_the_provider_answers(idle: Rest) -> None:
    idle.in_memory_app.mass_gateway.open_tasks["t1"] = {"msgid": "t1"}
    listed = (await idle.get("/api/mass-tasks", params={"guid": "g"})).json()["data"]
    assert listed["raw"] == {"data": {"list": [{"msgid": "t1"}], "next_page": ""}}
    task = (await idle.get("/api/mass-tasks/t1", params={"guid": "g"})).json()["data"]
    assert task["raw"] == {"data": {"msgid": "t1"}}
    for path in ("/api/mass-tasks", "/api/mass-tasks/t1"):
        for params in ({}, {"guid": "a b"}):
            refused = await idle.get(path, params=params)
            assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "guid")
    idle.in_memory_app.mass_gateway.answers = False
    assert (await idle.get("/api/mass-tasks", params={"guid": "g"})).status_code == 503
    idle.in_memory_app.mass_gateways.clear()
    assert (await idle.get("/api/mass-tasks", params={"guid": "g"})).status_code == 501


async def test_javas_shape_fans_out_when_it_says_so(idle: Rest) -> None:
    java = {"guid": "g", "userList": ["1", "2"], "roomList": ["3"], "content": "x", "mode": "FANOUT"}
    data = (await idle.post(BATCH, java)).json()["data"]
    assert (data["mode"], data["accepted"]) == ("FANOUT", 3)


async def test_a_repeated_batch_answers_the_same_batch_with_todays_statuses(rest: Rest) -> None:
    body, key = {"messages": [TEXT, EMPTY, TEXT]}, {"Idempotency-Key": "b-1"}
    first = (await rest.post(BATCH, body, headers=key)).json()["data"]
    last = first["items"][2]["messageId"]

    await rest.reaches(last, "SENT")
    again = await rest.post(BATCH, body, headers=key)
    data = again.json()["data"]
    assert again.headers["idempotent-replayed"] == "true"
    assert (data["batchId"], data["duplicate"]) == (first["batchId"], True)
    assert (data["accepted"], data["rejected"]) == (2, 1)
    assert [item["status"] for item in data["items"]] == ["SENT", None, "SENT"]
    assert [item["duplicate"] for item in data["items"]] == [True, False, True]
    assert [item["messageId"] for item in data["items"]] == [item["messageId"] for item in first["items"]]
    assert rest.in_memory_app.stored() == 2


async def test_an_item_whose_key_was_used_for_the_same_message_is_a_duplicate_with_todays_status(rest: Rest) -> None:
    first = await rest.sent(clientMessageId="k")
    data = (await rest.post(BATCH, {"messages": [TEXT | {"clientMessageId": "k"}, TEXT]})).json()["data"]
    assert (data["accepted"], data["duplicate"]) == (2, False)
    known, fresh = data["items"]
    assert (known["messageId"], known["status"], known["duplicate"]) == (first, "SENT", True)
    assert (fresh["status"], fresh["duplicate"]) == ("QUEUED", False)
    assert rest.in_memory_app.stored() == 2


async def test_an_item_whose_key_was_used_for_something_else_is_rejected_alone(idle: Rest) -> None:
    await idle.accept(clientMessageId="k")
    other = TEXT | {"clientMessageId": "k", "content": "another"}
    data = (await idle.post(BATCH, {"messages": [other, TEXT]})).json()["data"]
    assert (data["accepted"], data["rejected"]) == (1, 1)
    assert data["items"][0]["error"] == "IDEMPOTENCY_CONFLICT"


async def test_progress_counts_and_pages(rest: Rest) -> None:
    batch_id = (await rest.post(BATCH, {"messages": [TEXT] * 3})).json()["data"]["batchId"]
    path = f"/api/messages/batches/{batch_id}"

    async def finished() -> bool:
        return (await rest.get(path)).json()["data"]["finishedAt"] is not None

    await until(finished)
    data = (await rest.get(f"{path}?limit=2")).json()["data"]
    assert (data["mode"], data["total"], data["byStatus"], data["done"]) == ("FANOUT", 3, {"SENT": 3}, 3)
    assert [item["index"] for item in data["items"]] == [0, 1]
    rest_of_it = (await rest.get(f"{path}?limit=2&cursor={data['nextCursor']}")).json()["data"]
    assert [item["index"] for item in rest_of_it["items"]] == [2]
    assert rest_of_it["nextCursor"] is None


async def test_an_item_that_names_an_unknown_provider_is_rejected_alone(idle: Rest) -> None:
    items = [TEXT, {**TEXT, "providerCode": "NOBODY"}]
    answer = await idle.post(BATCH, {"messages": items})
    assert answer.status_code == 202
    first, second = answer.json()["data"]["items"]
    assert (first["status"], second["error"]) == ("QUEUED", "VALIDATION_FAILED")
    assert [problem["path"] for problem in second["errors"]] == ["providerCode"]


@pytest.mark.parametrize("atomic", [True, False])
async def test_a_batch_of_which_nothing_may_be_stored_is_422_naming_the_items(idle: Rest, atomic: bool) -> None:
    items = [{**TEXT, "providerCode": "NOBODY"}, *([TEXT] if atomic else [])]
    answer = await idle.post(BATCH, {"messages": items, "atomic": atomic})
    assert answer.status_code == 422
    assert [problem["path"] for problem in answer.json()["errors"]] == ["messages[0].providerCode"]
    assert idle.in_memory_app.stored() == 0


async def test_a_batch_whose_keys_were_all_used_for_something_else_is_a_conflict(idle: Rest) -> None:
    keyed = {**TEXT, "clientMessageId": "used"}
    await idle.post("/api/messages/send/async", keyed)
    answer = await idle.post(BATCH, {"messages": [{**keyed, "content": "something else"}]})
    assert (answer.status_code, answer.json()["error"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert [problem["path"] for problem in answer.json()["errors"]] == ["messages[0].clientMessageId"]
    assert idle.in_memory_app.stored() == 1


@pytest.mark.parametrize(("after_ms", "status"), [(-1, "QUEUED"), (0, "QUEUED"), (1, "SCHEDULED")])
async def test_an_item_for_this_instant_is_not_called_scheduled(idle: Rest, after_ms: int, status: str) -> None:
    body = TEXT | {"scheduledAt": iso(idle.in_memory_app.clock.now() + after_ms)}
    (item,) = (await idle.post(BATCH, {"messages": [body]})).json()["data"]["items"]
    assert item["status"] == status
    assert (await idle.post(ASYNC, body)).json()["data"]["status"] == status
    assert (await idle.status_of(item["messageId"]))["status"] == status
