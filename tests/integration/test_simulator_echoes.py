"""Callbacks of the simulator, taken by a real receiver."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.support.builders.guxing_requests import SEND_PATHS, send_body, text_body
from tests.support.polling import until
from tests.support.processes.running_service import client_of
from tests.support.providers.callback_receiver import CallbackReceiver, callback_receiver

from wework_message.simulator import SimulatorOptions, running
from wework_message.simulator.answers import KINDS


@pytest.fixture
async def receiver() -> AsyncIterator[CallbackReceiver]:
    async with callback_receiver() as started:
        yield started


@contextlib.asynccontextmanager
async def simulating(**options: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        running(SimulatorOptions(**{"fsync": False, "echo_delay_ms": 1} | options)) as simulator,
        client_of(simulator.url) as client,
    ):
        yield client


async def send(client: httpx.AsyncClient, content: str = "hello", **changes: str) -> dict[str, Any]:
    answer = await client.post("/msg/send_text", json=text_body(content, **changes))
    message: dict[str, Any] = answer.json()["data"]["msg_data"]
    return message


async def settled(client: httpx.AsyncClient, **expected: int) -> dict[str, Any]:
    """The state once no echo is pending and the counters are as expected."""
    state: dict[str, Any] = {}

    async def reached() -> bool:
        state.update((await client.get("/_sim/state")).json())
        return not state["echoes_pending"] and expected.items() <= state.items()

    await until(reached)
    return state


async def echoed(client: httpx.AsyncClient) -> list[bool]:
    return [entry["echoOffered"] for entry in (await client.get("/_sim/ledger")).json()]


@pytest.mark.parametrize("path", SEND_PATHS)
async def test_every_send_is_echoed_with_the_numbers_of_its_answer(receiver: CallbackReceiver, path: str) -> None:
    async with simulating(callback_url=receiver.url) as client:
        message = (await client.post(path, json=send_body(path))).json()["data"]["msg_data"]
        [callback] = await receiver.wait_callbacks(1)
        assert (callback["guid"], callback["notify_type"]) == ("g1", 11010)
        echo = callback["data"]
        same = ("id", "seq", "sender", "receiver", "roomid", "sendtime")
        assert [echo[name] for name in same] == [message[name] for name in same]
        assert (echo["content_type"], echo["msg_type"]) == KINDS[path]
        assert (echo["send_flag"], echo["referid"], echo["flag"]) == (1, "0", 0)
        await settled(client, echoes_sent=1)
        assert await echoed(client) == [True]


async def test_callback_carries_the_captured_headers_and_the_whole_address(receiver: CallbackReceiver) -> None:
    async with simulating(callback_url=receiver.url) as client:
        await send(client)
        await receiver.wait_callbacks(1)
    head = receiver.heads[0].split("\r\n")
    assert head[0] == "POST /callback?token=t HTTP/1.1"
    assert "Content-Type: application/json" in head
    assert "User-Agent: Python/3.11 aiohttp/3.9.1" in head


async def test_11013_brings_what_is_due_together_as_an_array_per_account(receiver: CallbackReceiver) -> None:
    async with simulating(callback_url=receiver.url, echo_form="11013", echo_delay_ms=20_000) as client:
        sent = [await send(client, guid=guid) for guid in ("g1", "g2", "g1")]
        assert (await client.post("/_sim/echoes/release")).json() == {"released": 3}
        callbacks = await receiver.wait_callbacks(2)
        assert {callback["guid"]: [message["id"] for message in callback["data"]] for callback in callbacks} == {
            "g1": [sent[0]["id"], sent[2]["id"]],
            "g2": [sent[1]["id"]],
        }
        assert {callback["notify_type"] for callback in callbacks} == {11013}
        assert receiver.objects[0][1]["asid"] == "0"
        await settled(client, echoes_sent=3)
        assert await echoed(client) == [True, True, True]


async def test_11013_leaves_by_itself_within_its_window(receiver: CallbackReceiver) -> None:
    async with simulating(callback_url=receiver.url, echo_form="11013") as client:
        sent = await send(client)
        assert [message["id"] for message in await receiver.wait_objects(1)] == [sent["id"]]


@pytest.mark.parametrize("form", ["11010", "11013"])
async def test_recall_is_echoed_as_a_record_of_its_own(receiver: CallbackReceiver, form: str) -> None:
    async with simulating(callback_url=receiver.url, echo_form=form) as client:
        sent = await send(client)
        await receiver.wait_objects(1)
        recall = {"guid": "g1", "conversation_id": "S:7881300000000001", "msgid": sent["id"]}
        assert (await client.post("/msg/revoke_msg", json=recall)).json()["error_code"] == 0
        echo = (await receiver.wait_objects(2))[1]
        assert (echo["msg_type"], echo["flag"], echo["referid"], echo["send_flag"]) == (1, 32, sent["id"], 1)
        assert int(echo["id"]) > int(sent["id"])
        assert int(echo["seq"]) == int(sent["seq"]) + 1


async def test_read_mark_is_echoed_as_captured(receiver: CallbackReceiver) -> None:
    async with simulating(callback_url=receiver.url, echo_form="11013") as client:
        await client.post("/msg/report_unread", json={"guid": "g1", "conversation_id": "S:788"})
        [echo] = await receiver.wait_objects(1)
    assert (echo["content_type"], echo["msg_type"], echo["send_flag"], echo["extra_content"]) == (2001, 1012, 0, "")
    assert "content" not in echo


async def test_url_of_the_instance_wins_over_the_global_one(receiver: CallbackReceiver) -> None:
    async with callback_receiver() as other, simulating() as client:
        await client.post("/global/set_notify_url", json={"notify_url": receiver.url})
        await client.post("/client/set_notify_url", json={"guid": "g2", "notify_url": other.url})
        await send(client, guid="g1")
        await send(client, guid="g2")
        await receiver.wait_objects(1)
        await other.wait_objects(1)
        assert [guid for guid, _ in receiver.objects + other.objects] == ["g1", "g2"]


async def test_without_a_url_an_echo_is_dropped_and_counted() -> None:
    async with simulating() as client:
        await send(client)
        state = await settled(client, echoes_dropped=1)
        assert (state["echoes_dropped"], state["echoes_offered"]) == (1, 0)
        assert await echoed(client) == [False]


async def test_notify_flags_silence_private_or_room_echoes(receiver: CallbackReceiver) -> None:
    flags = {"guid": "g1", "self_msg": False, "contact_msg": True, "self_room_msg": True, "contact_room_msg": True}
    async with simulating(callback_url=receiver.url) as client:
        await client.post("/client/set_notify_msg_flag", json=flags)
        await send(client)
        room = await send(client, conversation_id="R:1970320000000001")
        await receiver.wait_objects(1)
        state = await settled(client, echoes_sent=1)
        assert state["echoes_dropped"] == 1
        assert [message["id"] for _, message in receiver.objects] == [room["id"]]


async def test_held_echoes_leave_only_when_released(receiver: CallbackReceiver) -> None:
    async with simulating(callback_url=receiver.url) as client:
        await client.post("/_sim/echoes", json={"hold": True})
        await send(client)
        await client.post("/_sim/callbacks", json={"guid": "g1", "notify_type": 11011, "data": {}})
        [callback] = await receiver.wait_callbacks(1)
        assert callback == {"guid": "g1", "notify_type": 11011, "data": {}}
        assert (await client.get("/_sim/state")).json()["echoes_pending"] == 1
        await client.post("/_sim/echoes/release")
        await receiver.wait_objects(1)


async def test_end_of_a_hold_sends_what_is_due(receiver: CallbackReceiver) -> None:
    async with simulating(callback_url=receiver.url) as client:
        await client.post("/_sim/echoes", json={"hold": True})
        await send(client)
        await client.post("/_sim/echoes", json={"hold": False})
        await receiver.wait_objects(1)


async def test_dropped_echoes_never_come_and_the_ledger_says_so(receiver: CallbackReceiver) -> None:
    async with simulating(callback_url=receiver.url) as client:
        await client.post("/_sim/echoes", json={"drop_rate": 1})
        await send(client)
        await client.post("/_sim/echoes", json={"drop_rate": 0})
        echoed_message = await send(client)
        await receiver.wait_objects(1)
        state = await settled(client, echoes_sent=1)
        assert state["echoes_dropped"] == 1
        assert [message["id"] for _, message in receiver.objects] == [echoed_message["id"]]
        assert await echoed(client) == [False, True]


async def test_duplicated_echoes_come_twice(receiver: CallbackReceiver) -> None:
    async with simulating(callback_url=receiver.url) as client:
        await client.post("/_sim/echoes", json={"duplicate_rate": 1})
        sent = await send(client)
        assert [message["id"] for message in await receiver.wait_objects(2)] == [sent["id"]] * 2


async def test_reordered_echoes_leave_in_another_order(receiver: CallbackReceiver) -> None:
    async with simulating(callback_url=receiver.url, echo_form="11013") as client:
        await client.post("/_sim/echoes", json={"hold": True, "reorder": True})
        sent = [(await send(client))["id"] for _ in range(20)]
        await client.post("/_sim/echoes/release")
        received = [message["id"] for message in await receiver.wait_objects(20)]
        assert received != sent
        assert sorted(received) == sorted(sent)


async def test_refused_callback_counts_as_failed_and_is_not_repeated(receiver: CallbackReceiver) -> None:
    receiver.status = 500
    async with simulating(callback_url=receiver.url) as client:
        await send(client)
        state = await settled(client, echoes_failed=1)
        assert (state["echoes_failed"], state["callbacks_failed"], state["echoes_sent"]) == (1, 1, 0)
        assert len(receiver.callbacks) == 1
        assert await echoed(client) == [False]


async def test_callback_without_a_receiver_counts_as_failed() -> None:
    async with callback_receiver() as closed_receiver:
        url = closed_receiver.url
    async with simulating(callback_url=url) as client:
        await send(client)
        assert (await settled(client, echoes_failed=1))["echoes_failed"] == 1


async def test_receiver_that_never_answers_counts_as_failed() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, simulating(callback_url=url, callback_timeout_ms=20) as client:
        await send(client)
        assert (await settled(client, echoes_failed=1))["echoes_failed"] == 1


async def test_retries_bring_a_callback_through_a_receiver_that_recovers(receiver: CallbackReceiver) -> None:
    receiver.status = 503
    async with simulating(callback_url=receiver.url, callback_retries=100, callback_retry_delay_ms=1) as client:
        await send(client)
        await receiver.wait_callbacks(3)
        receiver.status = 200
        state = await settled(client, echoes_sent=1)
        assert (state["echoes_sent"], state["echoes_failed"]) == (1, 0)


async def test_kept_connection_that_was_closed_meanwhile_is_opened_anew(receiver: CallbackReceiver) -> None:
    async with simulating(callback_url=receiver.url, callback_workers=1) as client:
        await send(client)
        await send(client)
        await settled(client, echoes_sent=2)
        assert receiver.connections == 1
        receiver.drop_connections()
        await send(client)
        state = await settled(client, callbacks_sent=3)
        assert (state["echoes_sent"], state["echoes_failed"], receiver.connections) == (3, 0, 2)
