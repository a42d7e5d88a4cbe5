"""Erasures over REST: begun, done step by step, listed, and refused where nobody can be found."""

from typing import Any

import pytest
from tests.contracts.erasures_contract import PERSON, a_sent_message
from tests.support.apps.rest import Rest
from tests.support.builders.messages import GUID

from wework_message.application.erasures.runner import PAUSE_S
from wework_message.domain.ids import MessageId

ROOT = "/message/api/erasures"


async def begun(rest: Rest, status: int = 202, **body: Any) -> dict[str, Any]:
    answer = await rest.post(ROOT, body)
    assert answer.status_code == status, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def through(rest: Rest) -> None:
    while await rest.in_memory_app.erasure_runner.round() == PAUSE_S:
        pass


async def a_stored_message(rest: Rest) -> MessageId:
    new_id = rest.in_memory_app.application.start_erasure.ids.message_id  # older than the ids of erasures
    message = a_sent_message(id=new_id())
    async with rest.in_memory_app.units() as unit:
        await unit.messages.add([message])
        await unit.commit()
    return message.id


async def test_an_erasure_is_begun_followed_and_listed(idle: Rest) -> None:
    message_id = await a_stored_message(idle)
    answer = await idle.post(ROOT, {"conversationId": "7881300000000001", "note": "ticket 4711", "dryRun": None})
    assert answer.status_code == 202
    data = answer.json()["data"]
    nothing = dict.fromkeys(("messages", "keys", "callbacks", "events", "deadLetters", "poolChoices"), 0)
    begun_at = data.pop("createdAt")
    assert data == {
        "erasureId": data["erasureId"], "state": "RUNNING", "done": False, "dryRun": False, "conversationId": PERSON,
        "note": "ticket 4711", "part": "messages", "erased": nothing, "remaining": 0, "finishedAt": None,
    }  # fmt: skip
    assert answer.headers["location"] == f"{ROOT}/{data['erasureId']}"
    await through(idle)
    shown = (await idle.get(answer.headers["location"])).json()["data"]
    assert shown == data | {
        "state": "DONE", "done": True, "conversationId": None, "part": None, "erased": nothing | {"messages": 1},
        "createdAt": begun_at, "finishedAt": shown["finishedAt"],
    }  # fmt: skip
    message = (await idle.get(f"/message/api/messages/{message_id}")).json()["data"]
    assert (message["conversationId"], message["content"], message["contentErased"]) == ("", None, True)
    assert message["status"] == "SENT"
    assert (await idle.get(f"/message/api/messages/{message_id}/status")).json()["data"]["status"] == "SENT"
    listed = (await idle.get("/message/api/messages", params={"conversationId": PERSON})).json()["data"]["items"]
    assert listed == []


async def test_erasures_are_listed_page_by_page(idle: Rest) -> None:
    ids = [(await begun(idle, conversationId=PERSON, dryRun=True))["erasureId"] for _ in range(3)]
    first = (await idle.get(ROOT, params={"limit": 2})).json()["data"]
    second = (await idle.get(ROOT, params={"cursor": first["nextCursor"]})).json()["data"]
    listed = [item["erasureId"] for item in first["items"] + second["items"]]
    assert (listed, second["nextCursor"]) == (ids[::-1], None)
    assert {item["dryRun"] for item in first["items"]} == {True}


async def test_a_recall_and_a_retry_of_an_erased_message_say_why_they_are_refused(idle: Rest) -> None:
    message_id = await a_stored_message(idle)
    await begun(idle, conversationId=PERSON)
    await through(idle)
    answer = await idle.client.delete(f"/message/api/messages/{GUID}/messages/{message_id}")
    assert (answer.status_code, answer.json()["error"]) == (409, "CONTENT_ERASED")
    retried = await idle.post(f"/message/api/messages/{message_id}/retry", {})
    assert (retried.status_code, retried.json()["error"]) == (409, "CONTENT_ERASED")


@pytest.mark.parametrize(
    ("body", "path", "text"),
    [
        ({}, "conversationId", "is required"),
        ({"conversationId": None}, "conversationId", "is required"),
        ({"conversationId": 7881300000000001}, "conversationId", "must be a string"),
        ({"conversationId": "nobody"}, "conversationId", "must be S:<digits>"),
        ({"conversationId": "S:12345"}, "conversationId", "at least 6"),
        ({"conversationId": f"{PERSON};asid"}, "conversationId", "without a session"),
        ({"conversationId": PERSON, "note": ""}, "note", "must have 1 to 180"),
        ({"conversationId": PERSON, "dryRun": "yes"}, "dryRun", "must be true or false"),
        ({"conversationId": PERSON, "accountId": "a"}, "accountId", "is not a known field"),
    ],
)
async def test_a_body_that_cannot_be_right_names_the_field_and_nothing_is_stored(
    idle: Rest, body: dict[str, Any], path: str, text: str
) -> None:
    answer = await idle.post(ROOT, body)
    assert answer.status_code == 422
    (problem,) = answer.json()["errors"]
    assert problem["path"] == path
    assert text in problem["message"]
    assert "7881300000000001" not in answer.text
    assert (await idle.get(ROOT)).json()["data"]["items"] == []


async def test_an_erasure_that_nobody_has_begun_is_not_found(idle: Rest) -> None:
    answer = await idle.get(f"{ROOT}/none")
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
