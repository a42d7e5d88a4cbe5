"""Failed messages and their replays over REST, beside the dead letters of the intake."""

from typing import Any

import pytest
from tests.contracts.replays_contract import a_refused_message, an_uncalled_message, store
from tests.support.apps.rest import Rest
from tests.support.builders.messages import NOW, a_due_message

from wework_message.domain.message.message import Message

ROOT = "/message/api/dead-letters"


async def failures(rest: Rest) -> list[Message]:
    """Two refusals, one of them unproven, a poison, one that expired, and one that waits."""
    new_id = rest.in_memory_app.application.start_replay.ids.message_id  # older than the ids of replays
    messages = [
        a_refused_message(-7, id=new_id(), conversation_id="S:1"),
        a_refused_message(-7, id=new_id(), conversation_id="S:2", accepted_at=NOW + 1_000, confirmed=False),
        an_uncalled_message("POISON", id=new_id(), conversation_id="S:3"),
        an_uncalled_message("EXPIRED", id=new_id(), conversation_id="S:4"),
        a_due_message(id=new_id(), conversation_id="S:5"),
    ]
    await store(rest.in_memory_app.units, *messages)
    return messages


async def replay(rest: Rest, status: int = 202, **body: Any) -> dict[str, Any]:
    answer = await rest.post(f"{ROOT}/replay", body)
    assert answer.status_code == status, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_groups_say_what_failed_and_why(idle: Rest) -> None:
    messages = await failures(idle)
    data = (await idle.get(ROOT)).json()["data"]
    assert data["nextCursor"] is None
    assert data["items"][0] == {
        "cause": "REFUSED_PERMANENT", "providerCode": "GUANGZHOU_GUXING", "errorCode": -7, "count": 2, "unconfirmed": 1,
        "oldestAt": "2025-06-15T15:06:40.000Z", "newestAt": "2025-06-15T15:06:41.000Z",
        "sampleMessageIds": [messages[0].id, messages[1].id],
    }  # fmt: skip
    assert {(group["cause"], group["count"]) for group in data["items"][1:]} == {("POISON", 1), ("EXPIRED", 1)}
    narrowed = (await idle.get(ROOT, params={"cause": "POISON"})).json()["data"]["items"]
    assert [(group["cause"], group["providerCode"], group["errorCode"]) for group in narrowed] == [
        ("POISON", None, None)
    ]


async def test_failed_messages_are_listed_page_by_page(idle: Rest) -> None:
    messages = await failures(idle)
    first = (await idle.get(f"{ROOT}/messages", params={"limit": 3})).json()["data"]
    second = (await idle.get(f"{ROOT}/messages", params={"cursor": first["nextCursor"]})).json()["data"]
    listed = [item["messageId"] for item in first["items"] + second["items"]]
    assert (listed, second["nextCursor"]) == ([message.id for message in messages[3::-1]], None)
    params = {"errorCode": "-7", "providerCode": "GUANGZHOU_GUXING", "createdFrom": "2025-06-15T15:06:41Z"}
    narrowed = (await idle.get(f"{ROOT}/messages", params=params)).json()["data"]["items"]
    assert [(item["messageId"], item["status"]) for item in narrowed] == [(messages[1].id, "FAILED")]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("cause=OFFLINE", "cause"), ("errorCode=x", "errorCode"), ("errorCode=1.5", "errorCode"), ("accountId=", "accountId"),
        ("createdFrom=yesterday", "createdFrom"), ("providerCode=%00", "providerCode"), ("cursor=*", "cursor"),
        ("status=FAILED", "status"), ("cause=POISON&cause=EXPIRED", "cause"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("resource", [ROOT, f"{ROOT}/messages"])
async def test_a_query_that_means_nothing_is_refused(idle: Rest, resource: str, query: str, path: str) -> None:
    answer = await idle.get(f"{resource}?{query}")
    assert (answer.status_code, [problem["path"] for problem in answer.json()["errors"]]) == (422, [path])


async def test_a_replay_goes_from_its_request_to_its_end(idle: Rest) -> None:
    messages = await failures(idle)
    answer = await idle.post(f"{ROOT}/replay", {"cause": "REFUSED_PERMANENT", "ratePerSecond": 100})
    data = answer.json()["data"]
    assert answer.headers["location"] == f"{ROOT}/replays/{data['replayId']}"
    assert (data["state"], data["done"], data["total"], data["unconfirmed"]) == ("RUNNING", False, 1, 1)
    assert data["selection"] == {
        "cause": "REFUSED_PERMANENT", "providerCode": None, "errorCode": None, "accountId": None, "createdFrom": None,
        "createdTo": None, "unconfirmed": False, "messages": None,
    }  # fmt: skip
    for _ in range(2):
        await idle.in_memory_app.replay_runner.round()
        idle.in_memory_app.clock.advance(10)
    assert (await idle.status_of(messages[0].id))["status"] == "QUEUED"
    shown = (await idle.get(answer.headers["location"])).json()["data"]
    assert (shown["state"], shown["done"], shown["replayed"], shown["open"]) == ("DONE", True, 1, 1)
    assert (shown["ratePerSecond"], shown["finishedAt"]) == (100.0, "2025-06-15T15:06:40.010Z")
    listed = (await idle.get(f"{ROOT}/replays")).json()["data"]
    assert (listed["items"], listed["nextCursor"]) == ([shown], None)
    timeline = (await idle.get(f"/message/api/messages/{messages[0].id}")).json()["data"]["timeline"]
    assert (timeline[-1]["kind"], timeline[-1]["detail"]) == ("RETRIED", f"replay {data['replayId']}")


async def test_named_messages_that_are_not_replayed_are_reported(idle: Rest) -> None:
    messages = await failures(idle)
    named = [messages[0].id, messages[1].id, messages[4].id, "no-such-id", messages[0].id]
    data = await replay(idle, messageIds=named)
    expected = [
        {"messageId": messages[1].id, "reason": "UNCONFIRMED"}, {"messageId": messages[4].id, "reason": "QUEUED"},
        {"messageId": "no-such-id", "reason": "NOT_FOUND"},
    ]  # fmt: skip
    assert (data["total"], data["skipped"], data["skippedMessages"]) == (1, 3, expected)
    shown = (await idle.get(f"{ROOT}/replays/{data['replayId']}")).json()["data"]
    assert shown["skippedMessages"] == expected
    assert (await replay(idle, messageIds=[messages[1].id], unconfirmed=True))["total"] == 1


async def test_a_dry_run_changes_nothing(idle: Rest) -> None:
    messages = await failures(idle)
    data = await replay(idle, cause="POISON", dryRun=True)
    assert (data["done"], data["dryRun"], data["total"]) == (True, True, 1)
    await idle.in_memory_app.replay_runner.round()
    assert (await idle.status_of(messages[2].id))["status"] == "FAILED"


async def test_a_replay_is_cancelled(idle: Rest) -> None:
    await failures(idle)
    name = (await replay(idle, cause="POISON"))["replayId"]
    for _ in range(2):
        cancelled = (await idle.post(f"{ROOT}/replays/{name}/cancel")).json()["data"]
        assert (cancelled["state"], cancelled["done"]) == ("CANCELLED", True)
    await idle.in_memory_app.replay_runner.round()
    assert (await idle.get(f"{ROOT}/replays/{name}")).json()["data"]["replayed"] == 0


async def test_replays_are_listed_from_new_to_old(idle: Rest) -> None:
    await failures(idle)
    names = [(await replay(idle, cause="POISON", dryRun=True))["replayId"] for _ in range(3)]
    first = (await idle.get(f"{ROOT}/replays", params={"limit": 2})).json()["data"]
    second = (await idle.get(f"{ROOT}/replays", params={"cursor": first["nextCursor"]})).json()["data"]
    assert [item["replayId"] for item in first["items"] + second["items"]] == names[::-1]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "cause"),
        ({"cause": None, "messageIds": None}, "cause"),
        ({"cause": "OFFLINE"}, "cause"),
        ({"cause": 5}, "cause"),
        ({"messageIds": []}, "messageIds"),
        ({"messageIds": ["x"] * 1_001}, "messageIds"),
        ({"messageIds": ["x" * 37]}, "messageIds"),
        ({"messageIds": "x"}, "messageIds"),
        ({"messageIds": ["x"], "cause": "POISON"}, "messageIds"),
        ({"cause": "POISON", "ratePerSecond": 0.09}, "ratePerSecond"),
        ({"cause": "POISON", "ratePerSecond": 1_000.5}, "ratePerSecond"),
        ({"cause": "POISON", "ratePerSecond": "fast"}, "ratePerSecond"),
        ({"cause": "POISON", "dryRun": 1}, "dryRun"),
        ({"cause": "POISON", "unconfirmed": "yes"}, "unconfirmed"),
        ({"errorCode": 1.5}, "errorCode"),
        ({"errorCode": 2**63}, "errorCode"),
        ({"providerCode": ""}, "providerCode"),
        ({"accountId": "a b"}, "accountId"),
        ({"createdFrom": "2025-06-15T15:06:41"}, "createdFrom"),
        ({"createdTo": "1999-01-01T00:00:00Z"}, "createdTo"),
        ({"cause": "POISON", "guid": "a"}, "guid"),
    ],
)
async def test_a_bad_request_names_its_field_and_stores_nothing(idle: Rest, body: dict[str, Any], path: str) -> None:
    answer = await idle.post(f"{ROOT}/replay", body)
    assert (answer.status_code, [problem["path"] for problem in answer.json()["errors"]]) == (422, [path])
    assert (await idle.get(f"{ROOT}/replays")).json()["data"]["items"] == []


async def test_every_problem_of_a_request_is_named(idle: Rest) -> None:
    answer = await idle.post(f"{ROOT}/replay", {"cause": "X", "ratePerSecond": 0, "what": 1})
    assert {problem["path"] for problem in answer.json()["errors"]} == {"cause", "ratePerSecond", "what"}
    for body, status in ((b"{", 400), (b"[]", 422), (b'{"cause":"' + b"x" * 1_048_576 + b'"}', 413)):
        broken = await idle.client.post(f"{ROOT}/replay", content=body, headers={"content-type": "application/json"})
        assert broken.status_code == status


async def test_what_does_not_exist_is_404(idle: Rest) -> None:
    for answer in (await idle.get(f"{ROOT}/replays/none"), await idle.post(f"{ROOT}/replays/none/cancel")):
        assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")


async def test_a_process_that_drains_begins_no_replay(idle: Rest) -> None:
    idle.in_memory_app.application.service.draining = True
    answer = await idle.post(f"{ROOT}/replay", {"cause": "POISON"})
    assert answer.status_code == 503


async def test_without_the_database_nothing_is_lost_or_begun(idle: Rest) -> None:
    await failures(idle)
    idle.in_memory_app.database.away = True
    for answer in (await idle.get(ROOT), await idle.post(f"{ROOT}/replay", {"cause": "POISON"})):
        assert answer.status_code == 503
    idle.in_memory_app.database.away = False
    assert (await idle.get(f"{ROOT}/replays")).json()["data"]["items"] == []


async def test_the_intake_s_dead_letters_stay_where_they_were(idle: Rest) -> None:
    assert (await idle.get(f"{ROOT}/intake")).json()["data"] == {"items": [], "nextCursor": None}
