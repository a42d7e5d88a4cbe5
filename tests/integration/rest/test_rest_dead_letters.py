import base64
import json
from typing import Any

import pytest
from tests.contracts.dead_letters_contract import a_letter
from tests.support.apps.rest import TEXT, Rest

from wework_message.domain.page import PAGE_BYTES
from wework_message.domain.ports.dead_letters import Fault
from wework_message.entrypoints.intake.translating import BY_PART

ROOT = "/message/api/dead-letters/intake"


async def dead_letters(rest: Rest, *source_ids: str, **changes: Any) -> list[str]:
    """Ids of new dead letters, newest first."""
    for source_id in source_ids:
        await rest.in_memory_app.keep_dead_letter(a_letter(source_id, **changes))
    items = (await rest.get(ROOT)).json()["data"]["items"]
    return [item["deadLetterId"] for item in items[: len(source_ids)]]


async def test_a_list_has_everything_but_the_body(idle: Rest) -> None:
    (name,) = await dead_letters(idle, "t/b/0/7/AC11")
    (item,) = (await idle.get(ROOT)).json()["data"]["items"]
    assert item == {
        "deadLetterId": name,
        "brokerMessageId": "AC11-消息",
        "partId": "t/b/0/7/AC11",
        "key": "order-42",
        "reason": "VALIDATION_FAILED",
        "errors": [
            {"path": "content", "code": "REQUIRED", "message": "must be given"},
            {"path": "parts[1].消息", "code": "UNKNOWN_FIELD", "message": "is not known"},
        ],
        "size": 14,
        "deliveries": 1,
        "receivedAt": "2025-06-15T15:06:40.000Z",
        "replayedAt": None,
        "target": None,
    }


async def test_pages_go_from_new_to_old(idle: Rest) -> None:
    names = await dead_letters(idle, "a", "b", "c")
    first = (await idle.get(ROOT, params={"limit": 2})).json()["data"]
    second = (await idle.get(ROOT, params={"limit": 2, "cursor": first["nextCursor"]})).json()["data"]
    assert [letter["deadLetterId"] for letter in first["items"] + second["items"]] == names
    assert second["nextCursor"] is None


async def test_a_list_of_letters_with_many_faults_has_four_mebibytes_at_most_and_goes_on(idle: Rest) -> None:
    faults = tuple(Fault("x" * 200, "UNKNOWN_FIELD", "m" * 500) for _ in range(100))
    for number in range(100):
        await idle.in_memory_app.keep_dead_letter(a_letter(str(number), faults=faults))
    listed: list[str] = []
    params: dict[str, Any] = {"limit": 100}
    while params.get("cursor", "") is not None:
        answer = await idle.get(ROOT, params=params)
        assert len(answer.content) <= PAGE_BYTES
        listed += [letter["partId"] for letter in answer.json()["data"]["items"]]
        params["cursor"] = answer.json()["data"]["nextCursor"]
    assert listed == [str(number) for number in reversed(range(100))]


@pytest.mark.parametrize("query", ["limit=0", "cursor=abc", "cause=OFFLINE"])
async def test_a_query_that_means_nothing_is_refused(idle: Rest, query: str) -> None:
    assert (await idle.get(f"{ROOT}?{query}")).status_code == 422


@pytest.mark.parametrize(
    ("body", "shown", "encoding"),
    [
        ('{"content":"好"}'.encode(), '{"content":"好"}', "utf-8"),
        (b"\xff\x00", base64.b64encode(b"\xff\x00").decode(), "base64"),
    ],
)
async def test_one_is_shown_with_its_body(idle: Rest, body: bytes, shown: str, encoding: str) -> None:
    (name,) = await dead_letters(idle, "a", body=body)
    data = (await idle.get(f"{ROOT}/{name}")).json()["data"]
    assert (data["deadLetterId"], data["body"], data["encoding"], data["size"]) == (name, shown, encoding, len(body))


@pytest.mark.parametrize("name", ["999", "abc", "-1", "9" * 30, "٣"])
async def test_what_does_not_exist_is_404(idle: Rest, name: str) -> None:
    for answer in (await idle.get(f"{ROOT}/{name}"), await idle.post(f"{ROOT}/{name}/replay")):
        assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")


async def test_a_replay_puts_the_body_through_again_and_once_only(idle: Rest) -> None:
    (name,) = await dead_letters(idle, "AC11", key=None, reason="POISON", faults=(), body=json.dumps(TEXT).encode())
    first = await idle.post(f"{ROOT}/{name}/replay")
    assert first.status_code == 202
    data = first.json()["data"]
    assert (data["deadLetterId"], data["groupId"], data["duplicate"]) == (name, None, False)
    assert (await idle.status_of(data["messageId"]))["status"] == "QUEUED"
    again = (await idle.post(f"{ROOT}/{name}/replay")).json()["data"]
    assert (again["messageId"], again["duplicate"]) == (data["messageId"], True)
    assert idle.in_memory_app.stored() == 1
    shown = (await idle.get(f"{ROOT}/{name}")).json()["data"]
    assert (shown["target"], shown["replayedAt"]) == (data["messageId"], "2025-06-15T15:06:40.000Z")
    assert ("default", f"{BY_PART}AC11") in idle.in_memory_app.database.keys.committed_items()


async def test_a_replay_keeps_the_key_that_the_queued_send_had(idle: Rest) -> None:
    message_id = await idle.accept(clientMessageId="c-1")
    body = json.dumps(TEXT | {"clientMessageId": "c-1"}).encode()
    same, other = (
        await dead_letters(idle, "a", body=body),
        await dead_letters(idle, "b", body=body[:-1] + b',"priority":9}'),
    )
    data = (await idle.post(f"{ROOT}/{same[0]}/replay")).json()["data"]
    assert (data["messageId"], data["duplicate"]) == (message_id, True)
    refused = await idle.post(f"{ROOT}/{other[0]}/replay")
    assert (refused.status_code, refused.json()["error"]) == (409, "IDEMPOTENCY_CONFLICT")


async def test_a_replay_of_a_mixed_send_names_its_group(idle: Rest) -> None:
    parts = [{"messageType": "TEXT", "content": "one"}, {"messageType": "TEXT", "content": "two"}]
    body = {**TEXT, "messageType": "MIXED", "content": None, "parts": parts}
    (name,) = await dead_letters(idle, "a", body=json.dumps(body).encode())
    data = (await idle.post(f"{ROOT}/{name}/replay")).json()["data"]
    assert (data["messageId"], len(data["groupId"])) == (None, 36)


async def test_what_is_still_invalid_says_why_and_stays_as_it_was(idle: Rest) -> None:
    (name,) = await dead_letters(idle, "a", body=json.dumps(TEXT | {"content": ""}).encode())
    answer = await idle.post(f"{ROOT}/{name}/replay")
    assert (answer.status_code, [problem["path"] for problem in answer.json()["errors"]]) == (422, ["content"])
    assert (await idle.get(f"{ROOT}/{name}")).json()["data"]["replayedAt"] is None


async def test_a_process_that_drains_replays_nothing(idle: Rest) -> None:
    (name,) = await dead_letters(idle, "a", body=json.dumps(TEXT).encode())
    idle.in_memory_app.application.service.draining = True
    assert (await idle.post(f"{ROOT}/{name}/replay")).status_code == 503
    assert (await idle.get(f"{ROOT}/{name}")).status_code == 200


async def test_a_store_that_is_away_is_503(idle: Rest) -> None:
    (name,) = await dead_letters(idle, "a")
    idle.in_memory_app.database.away = True
    for answer in (await idle.get(ROOT), await idle.get(f"{ROOT}/{name}"), await idle.post(f"{ROOT}/{name}/replay")):
        assert answer.status_code == 503
