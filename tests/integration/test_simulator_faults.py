"""What each scripted fault does to the answer, the ledger and the echo."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.builders.guxing_requests import text_body
from tests.support.polling import until
from tests.support.processes.running_service import client_of
from tests.support.providers.callback_receiver import CallbackReceiver, callback_receiver

from wework_message.simulator import SimulatorOptions, running


@pytest.fixture
async def receiver() -> AsyncIterator[CallbackReceiver]:
    async with callback_receiver() as started:
        yield started


@pytest.fixture
async def client(receiver: CallbackReceiver) -> AsyncIterator[httpx.AsyncClient]:
    options = SimulatorOptions(fsync=False, echo_delay_ms=0, callback_url=receiver.url)
    async with running(options) as simulator, client_of(simulator.url) as opened:
        yield opened


async def faulty_call(client: httpx.AsyncClient, **fault: Any) -> httpx.Response:
    assert (await client.post("/_sim/faults", json={"times": 1, **fault})).status_code == 200
    return await client.post("/msg/send_text", json=text_body())


async def entry(client: httpx.AsyncClient) -> dict[str, Any]:
    last: dict[str, Any] = (await client.get("/_sim/ledger")).json()[-1]
    return last


async def test_refuse_answers_its_code_and_executes_nothing(client: httpx.AsyncClient) -> None:
    answer = await faulty_call(client, kind="refuse", error_code=-4017, error_message="对方无外部联系人权限")
    assert (answer.status_code, answer.json()) == (
        200,
        {"error_code": -4017, "error_message": "head rsp code error, error_msg: 对方无外部联系人权限", "data": {}},
    )
    line = await entry(client)
    assert (line["executed"], line["fault"], line["error_code"], line["id"]) == (False, "refuse", -4017, None)


@pytest.mark.parametrize(("kind", "executed"), [("http_500_before", False), ("http_500_after", True)])
async def test_500_before_and_after_execution(
    client: httpx.AsyncClient, receiver: CallbackReceiver, kind: str, executed: bool
) -> None:
    answer = await faulty_call(client, kind=kind)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    line = await entry(client)
    assert (line["executed"], line["status"], line["error_code"]) == (executed, 500, None)
    if executed:
        assert [message["id"] for message in await receiver.wait_objects(1)] == [line["id"]]


@pytest.mark.parametrize(("kind", "executed"), [("closed_before", False), ("answer_lost", True)])
async def test_connection_is_closed_without_an_answer(
    client: httpx.AsyncClient, receiver: CallbackReceiver, kind: str, executed: bool
) -> None:
    with pytest.raises(httpx.TransportError):
        await faulty_call(client, kind=kind)
    line = await entry(client)
    assert (line["executed"], line["status"], line["fault"]) == (executed, 0, kind)
    if executed:
        assert [message["id"] for message in await receiver.wait_objects(1)] == [line["id"]]


async def test_slow_before_is_not_executed_yet_while_slow_after_is(client: httpx.AsyncClient) -> None:
    for when, executed in (("before", 0), ("after", 1)):
        await client.post("/_sim/faults", json={"kind": "slow", "times": 1, "delay_ms": 60_000, "when": when})
        waiting = asyncio.create_task(client.post("/msg/send_text", json=text_body()))

        async def reached(count: int = executed) -> bool:
            state = (await client.get("/_sim/state")).json()
            return bool(state["faults_fired"] == count + 1 and state["executed"] == count)

        await until(reached)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_stop_closes_a_call_that_waits_instead_of_waiting_for_it() -> None:
    async with running(SimulatorOptions(fsync=False)) as simulator, client_of(simulator.url) as client:
        await client.post("/_sim/faults", json={"kind": "slow", "times": 1, "delay_ms": 60_000})
        waiting = asyncio.create_task(client.post("/msg/send_text", json=text_body()))

        async def struck_already() -> bool:
            return bool((await client.get("/_sim/state")).json()["faults_fired"])

        await until(struck_already)
        await simulator.stop()
        with pytest.raises(httpx.TransportError):
            await waiting


async def test_slow_call_is_answered_well_in_the_end(client: httpx.AsyncClient) -> None:
    answer = await faulty_call(client, kind="slow", delay_ms=1)
    assert answer.json()["error_code"] == 0
    assert (await entry(client))["fault"] == "slow"


@pytest.mark.parametrize("executed", [False, True])
async def test_svr_fail_is_code_0_with_the_flag_set(client: httpx.AsyncClient, executed: bool) -> None:
    answer = (await faulty_call(client, kind="svr_fail", executed=executed)).json()
    assert (answer["error_code"], answer["data"]["is_svr_fail"]) == (0, True)
    assert (await entry(client))["executed"] is executed


async def test_no_id_leaves_only_the_id_out(client: httpx.AsyncClient) -> None:
    message = (await faulty_call(client, kind="no_id")).json()["data"]["msg_data"]
    line = await entry(client)
    assert "id" not in message
    assert (message["seq"], line["executed"]) == (line["seq"], True)
    assert line["id"]


async def test_reused_id_is_that_of_the_message_before(client: httpx.AsyncClient) -> None:
    first = (await client.post("/msg/send_text", json=text_body())).json()["data"]["msg_data"]
    second = (await faulty_call(client, kind="reused_id")).json()["data"]["msg_data"]
    assert (second["id"], int(second["seq"])) == (first["id"], int(first["seq"]) + 1)


@pytest.mark.parametrize("executed", [False, True])
async def test_garbage_is_a_page_of_html(client: httpx.AsyncClient, executed: bool) -> None:
    answer = await faulty_call(client, kind="garbage", executed=executed)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert (await entry(client))["executed"] is executed


async def test_json_string_is_the_envelope_encoded_twice(client: httpx.AsyncClient) -> None:
    answer = (await faulty_call(client, kind="json_string")).json()
    assert isinstance(answer, str)
    assert json.loads(answer)["data"]["msg_data"]["id"] == (await entry(client))["id"]


async def test_send_fail_shows_only_in_the_echo(client: httpx.AsyncClient, receiver: CallbackReceiver) -> None:
    message = (await faulty_call(client, kind="send_fail_later")).json()["data"]["msg_data"]
    [echo] = await receiver.wait_objects(1)
    assert (message["flag"], echo["flag"], echo["id"]) == (0, 4_194_304, message["id"])


async def test_throttle_is_429_with_retry_after(client: httpx.AsyncClient) -> None:
    answer = await faulty_call(client, kind="throttle", retry_after_s=7)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert (await entry(client))["executed"] is False


async def test_oversize_is_a_valid_answer_of_that_many_bytes(client: httpx.AsyncClient) -> None:
    answer = await faulty_call(client, kind="oversize", bytes=1_000_000)
    assert len(answer.content) == 1_000_000
    assert answer.json()["error_code"] == 0


async def test_drip_brings_the_answer_byte_by_byte(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/faults", json={"kind": "drip", "times": 1, "delay_ms": 60_000})
    async with client.stream("POST", "/msg/send_text", json=text_body()) as answer:
        assert int(answer.headers["content-length"]) > 100
        assert await anext(answer.aiter_raw()) == b"{"
    assert (await faulty_call(client, kind="drip", delay_ms=0)).json()["error_code"] == 0


async def test_fault_applies_to_other_paths_only_when_they_are_named(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/faults", json={"kind": "http_500_before"})
    status = {"guid": "g1"}
    assert (await client.post("/client/get_client_status", json=status)).status_code == 200
    await client.post("/_sim/faults", json={"kind": "http_500_before", "path": "/client/get_client_status"})
    assert (await client.post("/client/get_client_status", json=status)).status_code == 500


async def test_faults_are_listed_and_cleared(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/faults", json={"kind": "refuse", "times": 2, "conversationId": "S:7881300000000001"})
    await client.post("/msg/send_text", json=text_body(conversation_id="S:1"))
    await client.post("/msg/send_text", json=text_body())
    [listed] = (await client.get("/_sim/faults")).json()
    assert (listed["kind"], listed["conversationId"], listed["left"], listed["fired"]) == (
        "refuse",
        "S:7881300000000001",
        1,
        1,
    )
    assert (await client.delete("/_sim/faults")).json() == []
    assert (await client.post("/msg/send_text", json=text_body())).json()["error_code"] == 0
    assert (await client.get("/_sim/state")).json()["faults_fired"] == 1


async def test_refused_request_does_not_spend_a_fault(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/faults", json={"kind": "refuse", "times": 1})
    assert (await client.post("/msg/send_text", json={})).status_code == 422
    assert (await client.post("/msg/send_text", json=text_body())).json()["error_code"] == -2003


async def test_fault_on_an_offline_account_does_not_execute_the_call(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/guids/g1", json={"status": 0})
    answer = await faulty_call(client, kind="json_string")
    assert json.loads(answer.json())["error_code"] == -30002
    assert (await entry(client))["executed"] is False
