"""What each scripted fault does to the answer, the ledger and the echo."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
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
@pytest.mark.parametrize(
    ("kind", "status", "content_type"),
    [
        ("html", 200, "text/html; charset=utf-8"),
        ("garbage", 200, "application/json"),
        ("http_502", 502, "text/html; charset=utf-8"),
    ],
)
async def test_page_of_somebody_else(
    client: httpx.AsyncClient, kind: str, status: int, content_type: str, executed: bool
) -> None:
    answer = await faulty_call(client, kind=kind, executed=executed)
    assert (answer.status_code, answer.headers["content-type"]) == (status, content_type)
    line = await entry(client)
    assert (line["executed"], line["status"], line["error_code"]) == (executed, status, None)


async def test_garbage_is_no_text(client: httpx.AsyncClient) -> None:
    with pytest.raises(UnicodeDecodeError):
        (await faulty_call(client, kind="garbage")).content.decode()


async def test_nan_stands_where_the_code_is_and_strict_json_refuses_it(client: httpx.AsyncClient) -> None:
    answer = await faulty_call(client, kind="nan")
    assert answer.content.startswith(b'{"error_code":NaN,')
    assert math.isnan(json.loads(answer.content)["error_code"])
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(answer.content)
    line = await entry(client)
    assert (line["executed"], line["error_code"]) == (True, None)


async def test_deep_nests_lists_in_a_good_answer(client: httpx.AsyncClient) -> None:
    assert (await faulty_call(client, kind="deep", depth=3)).json()["extra"] == [[[]]]
    answer = await faulty_call(client, kind="deep")
    with pytest.raises(RecursionError):
        json.loads(answer.content)


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


async def test_stall_stops_where_it_says_and_goes_on(client: httpx.AsyncClient) -> None:
    for when, share in (("before", 0), ("while", 1), ("after", 2)):
        await client.post("/_sim/faults", json={"kind": "stall", "times": 1, "when": when, "delay_ms": 60_000})
        async with client.stream("POST", "/msg/send_text", json=text_body()) as answer:
            line = await entry(client)
            assert (answer.status_code, line["executed"], line["fault"]) == (200, True, "stall")
            if share == 0:
                continue
            part = await anext(answer.aiter_raw())
            assert ("content-length" in answer.headers) is (share == 1)
            if share == 2:
                assert json.loads(part)["data"]["msg_data"]["id"] == line["id"]
            else:
                assert len(part) == int(answer.headers["content-length"]) // 2
    for when in ("before", "while", "after"):
        assert (await faulty_call(client, kind="stall", when=when, delay_ms=0)).json()["error_code"] == 0


async def raw_call(client: httpx.AsyncClient) -> bytes:
    """The bytes that arrive until the other side closes in order.

    Raises:
        ConnectionResetError: it does not; what arrived before is the argument.
    """
    url = client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    body = json.dumps(text_body()).encode()
    writer.write(b"POST /msg/send_text HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    arrived = b""
    try:
        while chunk := await reader.read(65_536):
            arrived += chunk
    except ConnectionResetError:
        raise ConnectionResetError(arrived) from None
    finally:
        writer.close()
    return arrived


@pytest.mark.parametrize(("when", "status"), [("before", 0), ("while", 200)])
async def test_reset_is_one_of_tcp(client: httpx.AsyncClient, when: str, status: int) -> None:
    await client.post("/_sim/faults", json={"kind": "reset", "times": 1, "when": when})
    with pytest.raises(ConnectionResetError) as raised:
        await raw_call(client)
    [arrived] = raised.value.args
    line = await entry(client)
    assert (line["executed"], line["status"]) == (True, status)
    if when == "before":
        assert arrived == b""
    else:
        assert arrived.startswith(b"HTTP/1.1 200 OK")
        assert arrived.partition(b"\r\n\r\n")[2].startswith(b'{"error_code":0')


async def test_truncated_answer_ends_in_order_and_too_early(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/faults", json={"kind": "truncated", "times": 1})
    head, _, body = (await raw_call(client)).partition(b"\r\n\r\n")
    [length] = [int(line.split()[1]) for line in head.splitlines() if line.startswith(b"content-length")]
    assert len(body) == length // 2


async def test_fault_applies_to_other_paths_only_when_they_are_named(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/faults", json={"kind": "http_500_before"})
    status = {"guid": "g1"}
    assert (await client.post("/client/get_client_status", json=status)).status_code == 200
    await client.post("/_sim/faults", json={"kind": "http_500_before", "path": "/client/get_client_status"})
    assert (await client.post("/client/get_client_status", json=status)).status_code == 500


async def test_faults_are_listed_and_cleared(client: httpx.AsyncClient) -> None:
    added = await client.post(
        "/_sim/faults", json={"kind": "refuse", "times": 2, "conversationId": "S:7881300000000001"}
    )
    await client.post("/msg/send_text", json=text_body(conversation_id="S:1"))
    await client.post("/msg/send_text", json=text_body())
    [listed] = (await client.get("/_sim/faults")).json()
    assert (listed["do"]["kind"], listed["match"]["conversationId"]) == ("refuse", "S:7881300000000001")
    assert (listed["seen"], listed["hits"], listed["left"]) == (1, 1, 1)
    assert added.json() == [{**listed, "seen": 0, "hits": 0, "left": 2}]
    assert (await client.delete("/_sim/faults")).json() == []
    assert (await client.post("/msg/send_text", json=text_body())).json()["error_code"] == 0
    assert (await client.get("/_sim/state")).json()["faults_fired"] == 1


SCRIPT = b"""
seed: 5
rules:
  - name: unknown code
    match: {guid: g1, type: TEXT, nth: [2, 3]}
    do: {kind: refuse, error_code: -77777}
  - match: {endpoint: /msg/send_text, probability: 0.5}
    do: {kind: slow, delay_ms: 0}
"""


async def send_twelve(client: httpx.AsyncClient) -> None:
    for number in range(6):
        for guid in ("g1", "g2"):
            await client.post("/msg/send_text", json=text_body(str(number), guid=guid))


def faults_of(entries: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    return [(line["guid"], line["body"]["content"], line["action"]) for line in entries]


async def test_script_is_refused_whole_or_taken_and_recorded_and_can_be_replayed(client: httpx.AsyncClient) -> None:
    bad = await client.post("/_sim/faults", content=SCRIPT + b"  - do: {kind: sing}\n")
    assert (bad.status_code, "$.rules[2].do.kind" in bad.json()["detail"]) == (422, True)
    assert (await client.get("/_sim/faults")).json() == []
    await client.post("/_sim/faults", content=SCRIPT)
    await send_twelve(client)
    entries = (await client.get("/_sim/ledger")).json()
    named = [
        (line["guid"], line["body"]["content"], line["error_code"])
        for line in entries
        if line["rule"] == "unknown code"
    ]
    assert named == [("g1", "1", -77777), ("g1", "2", -77777)]
    assert {line["rule"] for line in entries} == {"unknown code", "rule-2", None}
    script = (await client.get("/_sim/faults/script")).content
    async with running(SimulatorOptions(fsync=False)) as other, client_of(other.url) as second:
        await second.post("/_sim/faults", content=script)
        await send_twelve(second)
        assert faults_of((await second.get("/_sim/ledger")).json()) == faults_of(entries)


async def test_refused_request_does_not_spend_a_fault(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/faults", json={"kind": "refuse", "times": 1})
    assert (await client.post("/msg/send_text", json={})).status_code == 422
    assert (await client.post("/msg/send_text", json=text_body())).json()["error_code"] == -2003


async def test_fault_on_an_offline_account_does_not_execute_the_call(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/guids/g1", json={"status": 0})
    answer = await faulty_call(client, kind="json_string")
    assert json.loads(answer.json())["error_code"] == -30002
    assert (await entry(client))["executed"] is False
