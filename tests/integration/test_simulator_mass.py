"""Mass sends of the simulator: rules, answers in both forms, echoes, and the ledger."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from tests.support.processes.running_service import client_of
from tests.support.providers.callback_receiver import callback_receiver

from wework_message.simulator import SimulatorOptions, running

STATUS = "/msg/sync_group_msg_send_status"


@contextlib.asynccontextmanager
async def simulating(**options: Any) -> AsyncIterator[httpx.AsyncClient]:
    options = {"fsync": False, "echo_delay_ms": 1} | options
    async with running(SimulatorOptions(**options)) as simulator, client_of(simulator.url) as client:
        yield client


def body(*users: str, rooms: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {f"{kind}_msg_list": [] for kind in ("image", "video", "weapp", "link", "file")}
    return {"guid": "g1", "content": "hi", "user_list": list(users), "room_list": list(rooms), **empty, **changes}


async def call(client: httpx.AsyncClient, path: str = "/msg/send_group_msg", **fields: Any) -> Any:
    return (await client.post(path, json=fields)).json()


async def ledger(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await client.get("/_sim/ledger")).json()
    return entries


async def test_each_recipient_has_an_entry_and_gets_every_part_as_an_own_message() -> None:
    async with callback_receiver() as receiver, simulating(callback_url=receiver.url) as client:
        image = {"image_url": "https://wework.qpic.cn/1", "size": 9, "thumb_width": 3, "thumb_height": 4}
        link = {"title": "t", "description": "d", "url": "https://x.example", "image_url": "https://x.example/1"}
        answer = await call(client, **body("1", "S:2", image_msg_list=[image], link_msg_list=[link]))
        task_id = answer["data"]["msgid"]
        messages = await receiver.wait_objects(6)
        first, *recipients = await ledger(client)
    assert [(message["receiver"], message["msg_type"]) for message in sorted(messages, key=lambda sent: int(sent["seq"]))] == [
        (user, kind) for user in ("1", "2") for kind in (2, 5, 4)
    ]  # fmt: skip
    assert (first["executed"], first["conversationId"], first["of"]) == (True, None, None)
    assert [entry["conversationId"] for entry in recipients] == ["S:1", "S:2"]
    assert all(entry["executed"] and entry["of"] == 1 and entry["body"] == {"msgid": task_id} for entry in recipients)
    assert {entry["id"] for entry in recipients} <= {message["id"] for message in messages}


async def test_whoever_cannot_get_one_lets_the_whole_call_be_refused() -> None:
    async with simulating(mass_blocked=("9",)) as client:
        assert (await call(client, **body("1", "9")))["error_code"] == -30004
        assert (await call(client, **body("1")))["error_code"] == 0
        assert (await call(client, **body("1", "2")))["error_code"] == -30004
        assert (await call(client, **body("2")))["error_code"] == 0
        assert [entry["conversationId"] for entry in await ledger(client) if entry["of"]] == ["S:1", "S:2"]


async def test_or_is_left_out_and_named() -> None:
    async with simulating(mass_form="partial") as client:
        assert (await client.post("/_sim/mass", json={"blocked": ["9"]})).json() == {"blocked": ["9"]}
        assert (await client.get("/_sim/mass")).json() == {"blocked": ["9"]}
        assert (await call(client, **body("1")))["data"]["fail_list"] == []
        checked = await call(
            client, "/msg/check_can_send_group_msg", guid="g1", vid_list=["1", "2", "9"], is_room=False
        )
        assert checked["data"] == {"fail_list": ["1", "9"]}
        answer = await call(client, **body("1", "2", "9"))
        assert answer["data"]["fail_list"] == ["1", "9"]
        results = await call(client, STATUS, guid="g1", msgid=answer["data"]["msgid"], seq=0, send_type=0)
        assert results["data"]["send_list"] == [
            {"user_id": "1", "status": 3}, {"user_id": "2", "status": 1}, {"user_id": "9", "status": 2}
        ]  # fmt: skip
        assert [(entry["executed"], entry["error_code"]) for entry in await ledger(client) if entry["of"]][1:] == [
            (False, 3), (True, None), (False, 2)
        ]  # fmt: skip
        nobody = await call(client, **body("1"))
        assert (nobody["error_code"], (await ledger(client))[-2]["executed"]) == (0, False)


async def test_rooms_and_other_accounts_have_days_of_their_own() -> None:
    async with simulating() as client:
        for fields in (body("1"), body("1", guid="g2"), body(rooms=("1",)), body(rooms=("R:1",))):
            assert (await call(client, **fields))["error_code"] == 0
        results = await call(client, STATUS, guid="g1", msgid="0", seq=0, send_type=0)
        assert results["error_code"] == -30004


async def test_what_nobody_has_documented_can_be_absent() -> None:
    async with (
        callback_receiver() as receiver,
        simulating(mass_task_id=False, mass_status=False, mass_echoes=False, callback_url=receiver.url) as client,
    ):
        assert (await call(client, **body("1")))["data"] == {}
        assert (await call(client, STATUS, guid="g1", msgid="1", seq=0, send_type=0))["data"] == {}
        state = (await client.get("/_sim/state")).json()
        assert (state["executed"], state["echoes_pending"], state["echoes_offered"]) == (2, 0, 0)


async def test_a_fault_of_the_call_is_one_of_all_recipients() -> None:
    async with simulating() as client:
        await client.post(
            "/_sim/faults", json={"kind": "svr_fail", "executed": True, "times": 1, "path": "/msg/send_group_msg"}
        )
        assert (await call(client, **body("1", "2")))["data"]["is_svr_fail"] is True
        assert [entry["fault"] for entry in await ledger(client)] == ["svr_fail"] * 3
        script = (await client.get("/_sim/faults/script")).json()
        assert [rule["match"]["nth"] for rule in script["rules"]] == [[1]]


async def test_the_task_of_an_administrator_is_there_until_it_is_confirmed() -> None:
    async with simulating() as client:
        [task] = (await call(client, "/msg/query_group_msg_confirm_list", guid="g1", next_page=""))["data"]["list"]
        detail = await call(client, "/msg/get_group_msg_detail", guid="g1", msgid=task["msgid"])
        assert detail["data"]["content"] == task["content"]
        rooms = await call(client, "/msg/query_group_msg_room_list", guid="g1", msgid=task["msgid"], keywords=[])
        assert rooms["data"]["list"]
        assert (await call(client, "/msg/get_group_msg_detail", guid="g1", msgid="1"))["error_code"] == -30004
        await call(
            client, "/msg/confirm_group_msg", guid="g1", msgid=task["msgid"], conversation_type=0, customer_list=[]
        )
        assert (await call(client, "/msg/query_group_msg_confirm_list", guid="g1", next_page=""))["data"]["list"] == []


async def test_a_simulator_that_is_started_again_knows_the_day_and_the_task(tmp_path: Path) -> None:
    kept = {"ledger": tmp_path / "ledger.jsonl"}
    async with simulating(**kept) as client:
        task_id = (await call(client, **body("1")))["data"]["msgid"]
    async with simulating(**kept) as client:
        assert (await call(client, **body("1")))["error_code"] == -30004
        results = await call(client, STATUS, guid="g1", msgid=task_id, seq=0, send_type=0)
        assert results["data"]["send_list"] == [{"user_id": "1", "status": 1}]
        assert (await call(client, **body("2")))["data"]["msgid"] != task_id
