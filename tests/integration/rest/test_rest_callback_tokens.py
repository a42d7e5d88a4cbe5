"""Tokens of callback URLs over HTTP, and who is answered like a path that does not exist (ADR 57)."""

import json
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from tests.support.apps.guxing_app import a_policy
from tests.support.apps.rest import Rest, serving
from tests.support.builders.callback_tokens import a_token

from wework_message.domain.callers import CallbackAccess, CallbackRefusal
from wework_message.domain.ids import TenantId
from wework_message.domain.signatures import SigningSecret, signed_headers
from wework_message.entrypoints.wire.instants import iso

TOKENS, HOOK = "/message/api/callbacks/tokens", "/message/api/callbacks/webhook"
CODE = "GUANGZHOU_GUXING"
RELAY = SigningSecret(b"r" * 24)
PEER, PROXY, STRANGER, FRIEND = "127.0.0.1", "127.0.0.1/32", "203.0.113.9", "198.51.100.7"
"""Clients of the tests have the first address."""
STRICT = CallbackAccess(True, (ip_network("198.51.100.0/24"),), relay=RELAY)
NOTICE = {"guid": "g", "notify_type": 11002, "data": {"status": 1}}


@pytest.fixture
async def strict() -> AsyncIterator[Rest]:
    async with serving(a_policy(callback_access=STRICT), dispatching=False) as rest:
        yield rest


async def created(rest: Rest, **body: Any) -> dict[str, Any]:
    answer = await rest.post(TOKENS, {"providerCode": CODE} | body)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store"), answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def refused_like_an_unknown_path(answer: httpx.Response, unknown: httpx.Response) -> None:
    """The same but for the id and the time of the request."""
    own = {"timestamp", "requestId"}
    bodies = [
        {name: value for name, value in response.json().items() if name not in own} for response in (answer, unknown)
    ]
    assert answer.status_code == unknown.status_code == 404
    assert bodies[0] == bodies[1]
    heads = [{name for name in response.headers if name != "date"} for response in (answer, unknown)]
    assert heads[0] == heads[1]


async def test_a_token_is_shown_once_listed_rotated_and_revoked(idle: Rest) -> None:
    clock = idle.in_memory_app.clock
    first = await created(idle, guid="guid-a")
    assert first == {
        "tokenId": first["tokenId"], "providerCode": CODE, "guid": "guid-a", "createdAt": iso(clock.now()),
        "endsAt": None, "token": first["token"], "path": f"{HOOK}/{first['token']}",
    }  # fmt: skip
    known = {name: value for name, value in first.items() if name not in ("token", "path")}
    assert (await idle.get(TOKENS)).json()["data"] == {"items": [known], "nextCursor": None}
    rotated = await idle.post(f"{TOKENS}/{first['tokenId']}/rotate", {"overlapSeconds": 60})
    assert (rotated.status_code, rotated.headers["cache-control"]) == (201, "no-store")
    second = rotated.json()["data"]
    assert second["guid"] == "guid-a"
    listed = (await idle.get(TOKENS)).json()
    ends = {item["tokenId"]: item["endsAt"] for item in listed["data"]["items"]}
    assert ends == {first["tokenId"]: iso(clock.now() + 60_000), second["tokenId"]: None}
    assert first["token"] not in json.dumps(listed)
    revoked = await idle.client.delete(f"{TOKENS}/{second['tokenId']}")
    assert revoked.json()["data"] == {"tokenId": second["tokenId"], "revoked": True}
    assert (await idle.client.delete(f"{TOKENS}/{second['tokenId']}")).status_code == 404
    assert (await idle.post(f"{TOKENS}/{second['tokenId']}/rotate", {})).status_code == 404
    clock.advance(60_000)
    assert (await idle.get(TOKENS)).json()["data"]["items"] == []


async def test_tokens_of_another_tenant_are_neither_listed_nor_changed(idle: Rest) -> None:
    tokens = idle.in_memory_app.database.callback_tokens
    foreign = a_token(tenant_id=TenantId("other"))
    tokens.put(foreign.token_id, foreign)
    tokens.commit()
    assert (await idle.get(TOKENS)).json()["data"]["items"] == []
    assert (await idle.client.delete(f"{TOKENS}/{foreign.token_id}")).status_code == 404
    assert (await idle.post(f"{TOKENS}/{foreign.token_id}/rotate", {})).status_code == 404
    assert tokens.committed_items() == {foreign.token_id: foreign}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "providerCode"),
        ({"providerCode": "NOBODY"}, "providerCode"),
        ({"providerCode": 7}, "providerCode"),
        ({"providerCode": CODE, "guid": ""}, "guid"),
        ({"providerCode": CODE, "guid": "x" * 129}, "guid"),
        ({"providerCode": CODE, "token": "cb_mine"}, "token"),
    ],
)
async def test_a_bad_token_request_names_its_field_and_stores_nothing(idle: Rest, body: Any, path: str) -> None:
    answer = await idle.post(TOKENS, body)
    assert (answer.status_code, [problem["path"] for problem in answer.json()["errors"]]) == (422, [path])
    assert idle.in_memory_app.database.callback_tokens.committed_items() == {}


@pytest.mark.parametrize("overlap", [-1, 2_592_001, "60", 1.5])
async def test_an_overlap_has_limits(idle: Rest, overlap: object) -> None:
    token = await created(idle)
    answer = await idle.post(f"{TOKENS}/{token['tokenId']}/rotate", {"overlapSeconds": overlap})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "overlapSeconds")


async def test_callbacks_come_with_a_token_in_every_spelling_of_the_path(strict: Rest) -> None:
    token = (await created(strict))["token"]
    spellings = [f"{HOOK}/{token}", f"/api/callbacks/webhook/{token}", f"/callbacks/webhook/{token}"]
    for serial, path in enumerate([*spellings, f"{HOOK}/%63b_{token[3:]}"]):
        answer = await strict.post(path, NOTICE | {"data": {"status": serial}})
        assert (answer.status_code, answer.json()["data"]) == (200, "回调已接收")
    assert len((await strict.get("/api/callbacks/g/recent")).json()["data"]) == 4


async def test_who_proves_nothing_is_answered_like_a_path_that_does_not_exist(strict: Rest) -> None:
    token = await created(strict, guid="its-own")
    unknown = await strict.post(f"{HOOK}/{CODE}/nowhere", NOTICE)
    gate = strict.in_memory_app.application.callback_gate
    refusals: list[tuple[str, Any, CallbackRefusal]] = [
        (HOOK, {}, CallbackRefusal.BARE_PATH),
        (f"{HOOK}/{CODE}", {}, CallbackRefusal.BARE_PATH),
        (f"{HOOK}/NOBODY", {}, CallbackRefusal.BARE_PATH),
        (HOOK, {"x-forwarded-for": FRIEND}, CallbackRefusal.BARE_PATH),
        (HOOK, dict(signed_headers([RELAY], "msg", 0, b"")), CallbackRefusal.SIGNATURE),
        (f"{HOOK}/cb_{'x' * 43}", {}, CallbackRefusal.UNKNOWN_TOKEN),
        (f"{HOOK}/cb_", {}, CallbackRefusal.UNKNOWN_TOKEN),
        (f"{HOOK}/{token['token']}", {}, CallbackRefusal.OTHER_GUID),
    ]
    for path, headers, reason in refusals:
        refused_like_an_unknown_path(await strict.post(path, NOTICE, headers=headers), unknown)
        assert gate.take_refused() == {reason: 1}
    assert strict.in_memory_app.database.callbacks.committed_items() == {}


async def test_a_body_that_may_not_come_is_not_read(strict: Rest) -> None:
    async def endless() -> Any:
        read.append(1)
        yield b" " * 65_536
        raise AssertionError

    read: list[int] = []
    for path in (HOOK, f"{HOOK}/cb_{'x' * 43}", f"{HOOK}/{CODE}"):
        assert (await strict.client.post(path, content=endless())).status_code == 404
    too_long = {"webhook-signature": "v1,x", "content-length": "4194305"}
    assert (await strict.client.post(HOOK, content=b"", headers=too_long)).status_code == 413


async def test_a_relay_that_signs_needs_no_token(strict: Rest) -> None:
    body = json.dumps(NOTICE).encode()
    headers = dict(signed_headers([RELAY], "msg_1", strict.in_memory_app.clock.now(), body))
    assert (await strict.client.post(HOOK, content=body, headers=headers)).status_code == 200
    assert (await strict.client.post(HOOK, content=body + b" ", headers=headers)).status_code == 404
    strict.in_memory_app.clock.advance(3_600_000)
    assert (await strict.client.post(HOOK, content=body, headers=headers)).status_code == 404


async def test_the_peer_is_the_socket_and_a_trusted_proxy_says_who_called_it() -> None:
    access = CallbackAccess(True, STRICT.allow_networks, (ip_network(PROXY),))
    async with serving(a_policy(callback_access=access), dispatching=False) as rest:
        for forwarded, status in (
            (FRIEND, 200), (f"{STRANGER}, {FRIEND}", 200), (f"{FRIEND}, {STRANGER}", 404), ("", 404), (PEER, 404),
        ):  # fmt: skip
            answer = await rest.post(HOOK, NOTICE, headers={"x-forwarded-for": forwarded})
            assert answer.status_code == status, forwarded
        twice = [("x-forwarded-for", FRIEND), ("x-forwarded-for", STRANGER)]
        assert (await rest.client.post(HOOK, json=NOTICE, headers=twice)).status_code == 404
    async with serving(a_policy(callback_access=CallbackAccess(True, (ip_network(PROXY),))), dispatching=False) as rest:
        assert (await rest.post(HOOK, NOTICE)).status_code == 200
        assert (await rest.post(HOOK, NOTICE, headers={"x-forwarded-for": STRANGER})).status_code == 200


DEEP = b'{"guid":"g","notify_type":11010,"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"\xff\xfe\xfd", b"[1]", b'{"notify_type":11002}', b'{"guid":"g"}', b'{"guid":"g"', DEEP]
)
async def test_what_nobody_can_read_is_quarantined_and_answered_200_if_it_came_with_a_token(
    strict: Rest, body: bytes
) -> None:
    token = (await created(strict))["token"]
    for _ in range(2):
        assert (await strict.client.post(f"{HOOK}/{token}", content=body)).status_code == 200
    (kept,) = (await strict.get("/api/callbacks/quarantine")).json()["data"]["items"]
    assert (kept["guid"], kept["notifyType"], kept["state"]) == ("?", 0, "QUARANTINED")
    assert kept["rawData"] == body.decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("body", "states"),
    [
        ({"guid": "g", "notify_type": 11010, "data": None}, ["QUARANTINED"]),
        ({"guid": "g", "notify_type": 11013, "data": None}, ["QUARANTINED"]),
        ({"guid": "g", "notify_type": "11002", "data": None}, ["PENDING"]),
        ({"guid": "g", "notify_type": 987654, "data": {"a": [None]}}, ["PENDING"]),
        ({"guid": "g", "notify_type": 11002}, ["PENDING"]),
        ({"guid": "g", "notify_type": 11013, "data": []}, ["PENDING"]),
    ],
)
async def test_odd_callbacks_are_stored(strict: Rest, body: dict[str, Any], states: list[str]) -> None:
    token = (await created(strict, guid="g"))["token"]
    assert (await strict.post(f"{HOOK}/{token}", body)).status_code == 200
    stored = (await strict.get("/api/callbacks/g/recent")).json()["data"]
    assert [item["state"] for item in stored] == states


async def test_one_bad_record_of_a_list_does_not_spoil_the_others(strict: Rest) -> None:
    good = {"msg_id": 1, "seq": "1", "send_flag": 1, "msg_type": 0}
    token = (await created(strict))["token"]
    body = {"guid": "g", "notify_type": 11013, "data": [good, "bad", good | {"msg_id": 2, "seq": 2}]}
    assert (await strict.post(f"{HOOK}/{token}", body)).status_code == 200
    stored = (await strict.get("/api/callbacks/g/recent")).json()["data"]
    assert sorted(item["state"] for item in stored) == ["PENDING", "PENDING", "QUARANTINED"]


async def test_a_store_that_is_away_makes_whoever_has_a_token_come_again(strict: Rest) -> None:
    token = (await created(strict))["token"]
    strict.in_memory_app.database.away = True
    assert (await strict.post(f"{HOOK}/{token}", NOTICE)).status_code == 503
    strict.in_memory_app.clock.advance(5_001)
    answer = await strict.post(f"{HOOK}/{token}", NOTICE)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    strict.in_memory_app.database.away = False
    strict.in_memory_app.clock.advance(1_000)
    assert (await strict.post(f"{HOOK}/{token}", NOTICE)).status_code == 200


async def test_what_is_observed_of_a_request_has_no_token(strict: Rest) -> None:
    token = (await created(strict))["token"]
    await strict.post(f"{HOOK}/{token}", NOTICE)
    await strict.post(f"{HOOK}//{token}", NOTICE)
    await strict.post(f"{HOOK}/{token}/more", NOTICE)
    assert len(strict.exchanges) == 4
    assert token[3:] not in repr(strict.exchanges)
