"""The simulator as a real server: requests, answers, instances."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.builders.guxing_requests import SEND_PATHS, send_body, text_body
from tests.support.processes.running_service import client_of

from wework_message.simulator import RunningSimulator, SimulatorOptions, running
from wework_message.simulator.answers import KINDS


@pytest.fixture
async def simulator() -> AsyncIterator[RunningSimulator]:
    async with running(SimulatorOptions(fsync=False)) as started:
        yield started


@pytest.fixture
async def client(simulator: RunningSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(simulator.url) as opened:
        yield opened


async def ledger(client: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await client.get(f"/_sim/ledger{query}")).json()
    return entries


@pytest.mark.parametrize("path", SEND_PATHS)
async def test_every_send_answers_with_the_message_and_enters_the_ledger_whole(
    client: httpx.AsyncClient, path: str
) -> None:
    body = send_body(path, conversation_id="R:1970320000000001")
    answer = (await client.post(path, json=body, headers={"X-Request-Id": "attempt-1"})).json()
    assert (answer["error_code"], answer["error_message"], answer["data"]["is_svr_fail"]) == (0, "ok", False)
    message = answer["data"]["msg_data"]
    assert (message["roomid"], message["contenttype"]) == ("1970320000000001", KINDS[path][0])
    [entry] = await ledger(client)
    assert entry["at"] > 1_600_000_000_000
    del entry["at"]
    assert entry == {
        "n": 1,
        "path": path,
        "guid": "g1",
        "conversationId": "R:1970320000000001",
        "marker": "attempt-1",
        "body": body,
        "executed": True,
        "id": message["id"],
        "seq": message["seq"],
        "error_code": 0,
        "status": 200,
        "fault": None,
        "account": message["sender"],
        "rule": None,
        "action": None,
        "upload": None,
        "of": None,
        "echoOffered": False,
    }


@pytest.mark.parametrize("path", SEND_PATHS)
async def test_send_without_guid_gets_the_documented_422_and_is_not_executed(
    client: httpx.AsyncClient, path: str
) -> None:
    body = send_body(path)
    del body["guid"]
    answer = await client.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json() == {
        "detail": [{"loc": ["body", "guid"], "msg": "field required", "type": "value_error.missing"}]
    }
    [entry] = await ledger(client)
    assert (entry["executed"], entry["status"], entry["id"]) == (False, 422, None)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 5000])
async def test_body_that_is_no_object_gets_422(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/msg/send_text", content=content)
    assert answer.status_code == 422
    assert {"loc", "msg", "type"} == set(answer.json()["detail"][0])


async def test_wrong_paths_and_methods_get_the_answers_of_fastapi(client: httpx.AsyncClient) -> None:
    unknown = await client.post("/msg/send_fax", json={})
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Not Found"})
    wrong = await client.get("/msg/send_text")
    assert (wrong.status_code, wrong.json()) == (405, {"detail": "Method Not Allowed"})


async def test_body_over_the_limit_gets_413_and_the_connection_stays_usable(client: httpx.AsyncClient) -> None:
    assert (await client.post("/msg/send_text", content=b"x" * 16_777_217)).status_code == 413
    assert (await client.post("/msg/send_text", json=text_body())).status_code == 200


async def test_conversation_without_prefix_is_answered_as_captured(client: httpx.AsyncClient) -> None:
    answer = await client.post("/msg/send_text", json=text_body(conversation_id="7881300000000001"))
    assert (answer.status_code, answer.json()) == (
        200,
        {"error_code": -2003, "error_message": "head rsp code error, error_msg: ", "data": {}},
    )
    assert [entry["executed"] for entry in await ledger(client)] == [False]


async def test_numbers_rise_per_account_and_seq_has_no_gaps(client: httpx.AsyncClient) -> None:
    answers = [(await client.post("/msg/send_text", json=text_body())).json()["data"]["msg_data"] for _ in range(20)]
    seqs, ids = [int(answer["seq"]) for answer in answers], [int(answer["id"]) for answer in answers]
    assert seqs == list(range(seqs[0], seqs[0] + 20))
    assert ids == sorted(set(ids))
    assert ids[-1] - ids[0] > 19


async def test_lenient_lets_an_incomplete_send_through_as_the_vendor_does() -> None:
    async with (
        running(SimulatorOptions(fsync=False, lenient=True)) as simulator,
        client_of(simulator.url) as client,
    ):
        body = {"guid": "g1", "conversation_id": "S:788"}
        assert (await client.post("/msg/send_text", json=body)).json()["error_code"] == 0


async def test_incomplete_send_is_refused_by_default(client: httpx.AsyncClient) -> None:
    answer = await client.post("/msg/send_text", json={"guid": "g1", "conversation_id": "S:788"})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "content"])


async def test_recall_takes_back_a_known_message_once(client: httpx.AsyncClient) -> None:
    sent = (await client.post("/msg/send_text", json=text_body())).json()["data"]["msg_data"]["id"]
    recall = {"guid": "g1", "conversation_id": "S:7881300000000001", "msgid": sent}

    async def code(**changes: str) -> int:
        answer: int = (await client.post("/msg/revoke_msg", json=recall | changes)).json()["error_code"]
        return answer

    assert await code(msgid="1") == -30003
    assert await code(conversation_id="S:1") == -30003
    assert await code(guid="g2") == -30003
    answer = await client.post("/msg/revoke_msg", json=recall)
    assert answer.json() == {"error_code": 0, "error_message": "ok", "data": {}}
    assert await code() == -30003
    assert [entry["executed"] for entry in await ledger(client)] == [True, False, False, False, True, False]


async def test_read_mark_answers_as_in_the_sample(client: httpx.AsyncClient) -> None:
    body = {"guid": "g1", "conversation_id": "S:7881300000000001"}
    message = (await client.post("/msg/report_unread", json=body)).json()["data"]["msg_data"]
    assert (message["contenttype"], message["content"], message["devinfo"]) == (2001, "CAAQAA==", "0")


def mass_send(**changes: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {f"{kind}_msg_list": [] for kind in ("image", "video", "weapp", "link", "file")}
    return {"guid": "g1", "content": "hi", "user_list": [], "room_list": [], **empty, **changes}


async def test_mass_send_goes_to_one_list_of_at_most_200_once_a_day(client: httpx.AsyncClient) -> None:
    async def code(**changes: Any) -> int:
        answer: int = (await client.post("/msg/send_group_msg", json=mass_send(**changes))).json()["error_code"]
        return answer

    users = [str(number) for number in range(201)]
    assert await code() == -30004
    assert await code(user_list=["1"], room_list=["2"]) == -30004
    assert await code(user_list=users) == -30004
    assert await code(user_list=users[:200]) == 0
    assert await code(user_list=["5"]) == -30004
    assert await code(user_list=["5"], guid="g2") == 0
    assert await code(room_list=["5"]) == 0
    incomplete = mass_send()
    del incomplete["link_msg_list"]
    assert (await client.post("/msg/send_group_msg", json=incomplete)).status_code == 422


async def test_instances_answer_as_captured(client: httpx.AsyncClient) -> None:
    status = await client.post("/client/get_client_status", json={"guid": "g1"})
    assert status.json() == {"error_code": 0, "data": {"status": 2}}
    version = await client.post("/client/get_client_version", json={"guid": "g1"})
    assert version.json() == {"error_code": 0, "data": {"client_type": 247, "client_version": "4.1.22.150331"}}
    for answer in (await client.get("/client/all_clients"), await client.post("/client/all_clients", json={})):
        assert answer.json() == {"data": ["g1"]}
    sessions = await client.post("/session/get_session_list", json={"guid": "g1", "begin_seq": "7"})
    assert sessions.json()["data"] == {"session_list": [], "begin_seq": "7"}
    other = await client.post("/room/get_room_qrcode", json={"guid": "g1"})
    assert other.json() == {"error_code": 0, "error_message": "ok", "data": {}}
    assert await ledger(client) == []


async def test_strict_guids_must_be_made_known() -> None:
    options = SimulatorOptions(fsync=False, strict_guids=True, guids=("g1",))
    async with running(options) as simulator, client_of(simulator.url) as client:

        async def code(guid: str) -> int:
            answer: int = (await client.post("/msg/send_text", json=text_body(guid=guid))).json()["error_code"]
            return answer

        assert [await code("g1"), await code("g2")] == [0, -30001]
        assert (await client.post("/client/get_client_status", json={"guid": "g2"})).json()["error_code"] == -30001
        assert (await client.post("/_sim/guids/g2", json={"status": 2})).status_code == 404
        await client.post("/_sim/guids", json={"guid": "g2"})
        created = (await client.post("/client/create_client", json={})).json()["data"]["guid"]
        assert [await code("g2"), await code(created)] == [0, -30002]
        await client.post(f"/_sim/guids/{created}", json={"event": "login"})
        assert await code(created) == 0
        await client.post("/client/remove_client", json={"guid": "g2"})
        assert await code("g2") == -30001


async def test_account_that_is_not_online_refuses_and_reports_its_status(client: httpx.AsyncClient) -> None:
    for status in (0, 1):
        await client.post("/_sim/guids/g1", json={"status": status})
        assert (await client.post("/msg/send_text", json=text_body())).json()["error_code"] == -30002
        answer = await client.post("/client/get_client_status", json={"guid": "g1"})
        assert answer.json()["data"] == {"status": status}
    await client.post("/_sim/guids/g1", json={"status": 2})
    assert (await client.post("/msg/send_text", json=text_body())).json()["error_code"] == 0
    await client.post("/client/stop_client", json={"guid": "g1"})
    assert (await client.post("/msg/send_text", json=text_body())).json()["error_code"] == -30002


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/_sim/guids/g1", {"status": 3}, 422),
        ("/_sim/guids", {}, 422),
        ("/_sim/echoes", {"delay_ms": 30_001}, 422),
        ("/_sim/echoes", {"drop": 1}, 422),
        ("/_sim/faults", {"kind": "none"}, 422),
        ("/_sim/state", {}, 405),
        ("/_sim/ledger", {}, 405),
        ("/_sim/nothing", {}, 404),
    ],
)
async def test_bad_control_calls_are_refused(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], status: int
) -> None:
    assert (await client.post(path, json=body)).status_code == status


async def test_ledger_is_read_in_pages_and_refuses_bad_numbers(client: httpx.AsyncClient) -> None:
    for number in range(1, 8):
        await client.post("/msg/send_text", json=text_body(f"line\n{number}"))
    assert [entry["n"] for entry in await ledger(client, "?since=5")] == [6, 7]
    assert [entry["n"] for entry in await ledger(client, "?since=2&limit=2")] == [3, 4]
    assert await ledger(client, "?since=99") == []
    assert (await client.get("/_sim/ledger?since=-1")).status_code == 422
    assert (await client.get("/_sim/ledger?since=x")).status_code == 422


async def test_marker_can_be_left_out() -> None:
    async with (
        running(SimulatorOptions(fsync=False, keep_marker=False)) as simulator,
        client_of(simulator.url, headers={"X-Request-Id": "a"}) as client,
    ):
        await client.post("/msg/send_text", json=text_body())
        assert [entry["marker"] for entry in await ledger(client)] == [None]


async def test_temporary_ledger_goes_with_the_simulator() -> None:
    async with running() as simulator:
        path = simulator.ledger_path
        async with client_of(simulator.url) as client:
            await client.post("/msg/send_text", json=text_body())
        assert json.loads(path.read_bytes())["executed"] is True
    assert list(path.parent.glob(path.name + "*")) == []
    await simulator.stop()
