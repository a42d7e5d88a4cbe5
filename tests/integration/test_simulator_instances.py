"""Instances over HTTP: several of one account, slots, logins that take their time, limits, and the marks of assumptions."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.builders.guxing_requests import send_body, text_body
from tests.support.polling import until
from tests.support.processes.running_service import client_of
from tests.support.providers.callback_receiver import CallbackReceiver, callback_receiver

from wework_message.adapters.guxing.gateway import GuxingGateway
from wework_message.adapters.http import HttpClient
from wework_message.domain.ids import Guid
from wework_message.domain.ports.gateway import ClientState
from wework_message.simulator import InstanceOptions, SimulatorOptions, running
from wework_message.simulator.accounts import own_user_id
from wework_message.simulator.assumptions import ASSUMED

PAIR = (InstanceOptions("a", account="sales"), InstanceOptions("b", account="sales", status=1))


@pytest.fixture
async def receiver() -> AsyncIterator[CallbackReceiver]:
    async with callback_receiver() as started:
        yield started


@pytest.fixture
async def client(receiver: CallbackReceiver) -> AsyncIterator[httpx.AsyncClient]:
    options = SimulatorOptions(
        fsync=False, strict_guids=True, echo_delay_ms=0, login_delay_ms=20, instances=PAIR, callback_url=receiver.url
    )
    async with running(options) as simulator, client_of(simulator.url) as opened:
        yield opened


async def status(client: httpx.AsyncClient, guid: str) -> int:
    answer = await client.post("/client/get_client_status", json={"guid": guid})
    value: int = answer.json()["data"]["status"]
    return value


async def code(client: httpx.AsyncClient, guid: str) -> int:
    value: int = (await client.post("/msg/send_text", json=text_body(guid=guid))).json()["error_code"]
    return value


@pytest.mark.parametrize("path", ["/client/restore_client", "/login/auto_login"])
async def test_standby_that_logs_in_takes_the_slot_after_its_delay(
    client: httpx.AsyncClient, receiver: CallbackReceiver, path: str
) -> None:
    await client.post("/_sim/guids/b", json={"login_delay_ms": 3_600_000})
    answer = await client.post(path, json={"guid": "b"})
    assert answer.json() == {"error_code": 0, "error_message": "ok", "data": {}}
    assert answer.headers["x-sim-assumed"] == "empty-data,login,slot-rule"
    assert [await status(client, guid) for guid in "ab"] == [2, 1]
    await client.post("/_sim/guids/b", json={"status": 1, "login_delay_ms": 20})
    await client.post(path, json={"guid": "b"})

    async def moved() -> bool:
        return await status(client, "b") == 2

    await until(moved)
    await receiver.wait_callbacks(2)
    callbacks = {callback["guid"]: callback for callback in receiver.callbacks}
    assert callbacks["a"] == {"guid": "a", "notify_type": 11011, "data": {}}
    assert callbacks["b"]["notify_type"] == 11003
    assert [await code(client, guid) for guid in "ab"] == [-30002, 0]
    [refused, sent] = (await client.get("/_sim/ledger")).json()
    assert callbacks["b"]["data"]["user_id"] == refused["account"] == sent["account"]


async def test_siblings_share_one_stream_and_may_recall_for_each_other(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/guids/b", json={"slot": "ipad", "event": "login"})
    first, second = [
        (await client.post("/msg/send_text", json=text_body(guid=guid))).json()["data"]["msg_data"] for guid in "ab"
    ]
    assert (first["sender"], int(first["seq"]) + 1) == (second["sender"], int(second["seq"]))
    recall = {"guid": "b", "conversation_id": "S:7881300000000001", "msgid": first["id"]}
    assert (await client.post("/msg/revoke_msg", json=recall)).json()["error_code"] == 0


async def test_echo_reaches_siblings_only_where_the_policy_says_so(
    client: httpx.AsyncClient, receiver: CallbackReceiver
) -> None:
    await client.post("/_sim/guids/b", json={"slot": "ipad", "status": 2})
    await code(client, "a")
    await receiver.wait_callbacks(1)
    await client.post("/_sim/echoes", json={"siblings": True})
    await code(client, "a")
    await receiver.wait_callbacks(3)
    assert receiver.callbacks[0]["guid"] == "a"
    first, second = receiver.callbacks[1:]
    assert ({first["guid"], second["guid"]}, first["data"]) == ({"a", "b"}, second["data"])


async def test_login_at_one_provider_logs_out_at_its_peer(
    client: httpx.AsyncClient, receiver: CallbackReceiver
) -> None:
    options = SimulatorOptions(
        fsync=False,
        login_delay_ms=0,
        instances=(InstanceOptions("c", "sales", status=1),),
        peers=(str(client.base_url),),
    )
    async with running(options) as other, client_of(other.url) as second:
        await second.post("/login/auto_login", json={"guid": "c"})
        assert await code(second, "c") == 0
        await receiver.wait_callbacks(1)
    assert receiver.callbacks == [{"guid": "a", "notify_type": 11011, "data": {}}]
    assert await code(client, "a") == -30002


async def test_status_call_wakes_only_where_the_option_says_so() -> None:
    options = SimulatorOptions(fsync=False, guids=("a",), login_delay_ms=0, status_wakes=False)
    async with running(options) as simulator, client_of(simulator.url) as client:
        await client.post("/client/stop_client", json={"guid": "a"})
        assert [await status(client, "a") for _ in range(2)] == [0, 0]
        await client.post("/client/get_client_version", json={"guid": "a"})
        assert await status(client, "a") == 2


async def test_restore_without_auto_start_logs_nobody_in(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/guids/b", json={"status": 0, "login_delay_ms": 0})
    await client.post("/client/restore_client", json={"guid": "b", "auto_start": False})
    assert await status(client, "b") == 1
    await client.post("/client/restore_client", json={"guid": "b"})
    assert [await status(client, guid) for guid in "ab"] == [1, 2]


async def test_stopped_instance_is_woken_by_any_call(client: httpx.AsyncClient) -> None:
    await client.post("/client/stop_client", json={"guid": "a"})
    assert await code(client, "a") == -30002
    assert await status(client, "a") == 1

    async def online() -> bool:
        return await status(client, "a") == 2

    await until(online)


async def test_new_instance_needs_a_person_who_scans(client: httpx.AsyncClient, receiver: CallbackReceiver) -> None:
    guid = (await client.post("/client/create_client", json={"client_type": 262})).json()["data"]["guid"]
    assert guid in (await client.post("/client/all_clients", json={})).json()["data"]
    refused = await client.post("/login/auto_login", json={"guid": guid})
    assert (refused.json()["error_code"], refused.headers["x-sim-assumed"]) == (-30005, "error-status,login-code")
    shown = (await client.post("/login/get_login_qrcode", json={"guid": guid})).json()["data"]
    assert {"qrcode", "key", "qrcode_content"} == set(shown)

    async def scanned() -> int:
        answer = await client.post("/login/check_login_qrcode", json={"guid": guid})
        value: int = answer.json()["data"]["status"]
        return value

    assert await scanned() == 1
    refused = await client.post(f"/_sim/guids/{guid}", json={"account": "sales"})
    assert (refused.status_code, "needs event login" in refused.text) == (422, True)
    view = (await client.post(f"/_sim/guids/{guid}", json={"event": "login", "account": "sales"})).json()
    assert view["user_id"] == own_user_id("sales")
    assert (view["slot"], view["status"], await scanned(), await code(client, guid)) == ("mac", 2, 2, 0)
    await receiver.wait_callbacks(2)
    assert {callback["notify_type"] for callback in receiver.callbacks} >= {11002, 11003}


async def test_login_that_asks_for_a_code_ends_with_the_right_one(
    client: httpx.AsyncClient, receiver: CallbackReceiver
) -> None:
    async def verify(code: str) -> httpx.Response:
        return await client.post("/login/verify_login_qrcode", json={"guid": "b", "code": code})

    async def scanned() -> object:
        answer = await client.post("/login/check_login_qrcode", json={"guid": "b"})
        return answer.json()["data"]["status"]

    for change in ({"event": "code_asked"}, {"event": "login", "code": "735915"}):
        assert (await client.post("/_sim/guids/b", json=change)).status_code == 422
    await client.post("/_sim/guids/b", json={"status": 1, "has_session": False})
    await client.post("/login/get_login_qrcode", json={"guid": "b"})
    early = await verify("735915")
    assert (early.json()["error_code"], early.headers["x-sim-assumed"]) == (-30006, "error-status,verify-code")
    asking = {"event": "code_asked", "code": "735915", "account": "sales"}
    await client.post("/_sim/guids/b", json=asking)
    assert (await scanned(), await status(client, "b")) == (10, 1)
    assert (await verify("735916")).json()["error_code"] == -30006
    await client.post("/_sim/guids/b", json={"event": "code_expired"})
    assert ((await verify("735915")).json()["error_code"], await scanned()) == (-30006, 3)
    await client.post("/login/get_login_qrcode", json={"guid": "b"})
    await client.post("/_sim/guids/b", json=asking)
    right = await verify("735915")
    assert (right.json()["error_code"], right.headers["x-sim-assumed"]) == (0, "empty-data,login")
    assert (await scanned(), await status(client, "b")) == (2, 2)
    assert (await verify("735915")).json()["error_code"] == -30006
    await receiver.wait_callbacks(6)
    seen = [callback["data"].get("status") for callback in receiver.callbacks if callback["notify_type"] == 11002]
    assert sorted(seen) == [1, 1, 3, 10, 10]


async def test_logout_needs_a_person_and_update_needs_a_stop(client: httpx.AsyncClient) -> None:
    update = {"guid": "a", "new_client_type": 261}
    assert (await client.post("/client/update_client", json=update)).json()["error_code"] == -30005
    await client.post("/client/stop_client", json={"guid": "a"})
    assert (await client.post("/client/update_client", json=update)).json()["error_code"] == 0
    await client.post("/user/logout", json={"guid": "a"})
    assert (await client.post("/login/auto_login", json={"guid": "a"})).json()["error_code"] == -30005
    [view] = [listed for listed in (await client.get("/_sim/guids")).json() if listed["guid"] == "a"]
    assert (view["slot"], view["client_type"], view["has_session"], view["status"]) == ("ipad", 261, False, 1)


async def test_the_gateway_sees_both_sides_of_a_login(client: httpx.AsyncClient) -> None:
    transport = HttpClient(str(client.base_url).rstrip("/"))
    gateway = GuxingGateway(transport)
    assert await gateway.client_state(Guid("b")) is ClientState.OFFLINE
    await client.post("/_sim/guids/b", json={"event": "login"})
    assert await gateway.client_state(Guid("b")) is ClientState.ONLINE
    assert await gateway.client_state(Guid("a")) is ClientState.OFFLINE
    await transport.aclose()


@pytest.mark.parametrize(("throttle_code", "expected"), [(0, (429, None)), (-407, (200, -407))])
async def test_calls_above_the_limit_are_refused_and_not_executed(
    throttle_code: int, expected: tuple[int, int | None]
) -> None:
    options = SimulatorOptions(fsync=False, guids=("g1", "g2"), calls_per_minute=2, throttle_code=throttle_code)
    async with running(options) as simulator, client_of(simulator.url) as client:
        await client.post("/_sim/guids/g2", json={"calls_per_minute": 3})
        for guid, taken in (("g1", 2), ("g2", 3)):
            answers = [await client.post("/msg/send_text", json=text_body(guid=guid)) for _ in range(taken + 1)]
            last = answers[-1]
            assert (last.status_code, last.json().get("error_code")) == expected
            assert "throttle" in last.headers["x-sim-assumed"]
            if throttle_code == 0:
                assert 1 <= int(last.headers["retry-after"]) <= 60
            assert [answer.json().get("error_code") for answer in answers[:-1]] == [0] * taken
        assert [entry["executed"] for entry in (await client.get("/_sim/ledger")).json()].count(False) == 2
        assert (await client.post("/client/get_client_status", json={"guid": "g1"})).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "marks"),
    [
        ("/msg/send_text", text_body(), None),
        ("/msg/send_image", send_body("/msg/send_image"), None),
        ("/msg/send_link", send_body("/msg/send_link"), "send-answer"),
        ("/msg/send_text", text_body(conversation_id="788"), "error-status"),
        ("/msg/revoke_msg", {"guid": "g1", "conversation_id": "S:1", "msgid": "1"}, "error-status,recall-code"),
        ("/client/get_client_status", {"guid": "g1"}, None),
        ("/client/create_client", {}, "create-answer"),
        ("/room/get_room_qrcode", {"guid": "g1"}, "empty-data"),
    ],
)
async def test_answer_names_what_it_assumes(path: str, body: dict[str, Any], marks: str | None) -> None:
    async with running(SimulatorOptions(fsync=False)) as simulator, client_of(simulator.url) as client:
        answer = await client.post(path, json=body)
        assert answer.headers.get("x-sim-assumed") == marks
        assert set((marks or "error-status").split(",")) <= set(ASSUMED)
