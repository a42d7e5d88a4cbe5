"""The ledger outlives the simulator, and is on disk before an answer leaves."""

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.builders.guxing_requests import text_body
from tests.support.polling import until
from tests.support.processes.running_service import client_of
from tests.support.providers.callback_receiver import callback_receiver

from wework_message.simulator import SimulatorOptions, running
from wework_message.simulator.ledger import Entry, Ledger

PROGRAM = """
import sys
from pathlib import Path
from wework_message.simulator import SimulatorOptions, serve
serve(SimulatorOptions(ledger=Path(sys.argv[1])), port=0, on_ready=lambda url: print(url, flush=True))
"""


def entry() -> Entry:
    return Entry(1, "/msg/send_text", "g", "S:1", None, {}, executed=True)


async def send(client: httpx.AsyncClient, content: str = "x") -> dict[str, Any]:
    answer = await client.post("/msg/send_text", json=text_body(content))
    message: dict[str, Any] = answer.json()["data"]["msg_data"]
    return message


async def echoes_sent(client: httpx.AsyncClient, count: int) -> bool:
    return bool((await client.get("/_sim/state")).json()["echoes_sent"] >= count)


async def test_numbers_recalls_and_echo_marks_continue_from_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    recall: dict[str, Any] = {"guid": "g1", "conversation_id": "S:7881300000000001"}
    async with callback_receiver() as receiver:
        options = SimulatorOptions(ledger=path, echo_delay_ms=0, callback_url=receiver.url)
        async with running(options) as simulator, client_of(simulator.url) as client:
            first, second = await send(client), await send(client)
            assert (await client.post("/msg/revoke_msg", json=recall | {"msgid": first["id"]})).json()[
                "error_code"
            ] == 0
            await receiver.wait_objects(3)
            await until(lambda: echoes_sent(client, 3))
    async with (
        running(SimulatorOptions(ledger=path)) as simulator,
        client_of(simulator.url) as client,
    ):
        third = await send(client)
        assert int(third["seq"]) == int(second["seq"]) + 2
        assert int(third["id"]) > int(second["id"])
        for msgid, code in ((first["id"], -30003), (second["id"], 0)):
            answer = await client.post("/msg/revoke_msg", json=recall | {"msgid": msgid})
            assert answer.json()["error_code"] == code
        entries = (await client.get("/_sim/ledger")).json()
    assert [entry["n"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert [entry["echoOffered"] for entry in entries] == [True, True, True, False, False, False]


async def test_line_that_a_crash_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with running(SimulatorOptions(ledger=path)) as simulator, client_of(simulator.url) as client:
        await send(client)
    with path.open("ab") as file:
        file.write(b'{"n":2,"at":17')
    async with running(SimulatorOptions(ledger=path)) as simulator, client_of(simulator.url) as client:
        await send(client)
        assert [entry["n"] for entry in (await client.get("/_sim/ledger")).json()] == [1, 2]
    assert [json.loads(line)["n"] for line in path.read_bytes().splitlines()] == [1, 2]


async def test_file_that_is_no_ledger_is_refused_and_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("hello\n")
    with pytest.raises(ValueError, match="malformed"):
        async with running(SimulatorOptions(ledger=path)):
            pass


async def test_append_returns_only_after_the_sync_and_many_share_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, disk = threading.Event(), threading.Event()
    syncs: list[int] = []

    def slow_disk(file: int) -> None:
        reached.set()
        disk.wait(10)
        syncs.append(file)

    monkeypatch.setattr(os, "fdatasync", slow_disk)
    ledger = Ledger(tmp_path / "ledger.jsonl", fsync=True)
    appends = [asyncio.create_task(ledger.append(entry())) for _ in range(50)]
    await asyncio.to_thread(reached.wait, 10)
    assert not any(append.done() for append in appends)
    disk.set()
    await asyncio.gather(*appends)
    assert len(syncs) <= 2
    assert len(ledger.path.read_bytes().splitlines()) == 50
    await ledger.close()


async def test_failed_disk_is_an_error_for_every_call_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    ledger = Ledger(tmp_path / "ledger.jsonl", fsync=True)
    results = await asyncio.gather(*(ledger.append(entry()) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [OSError] * 3
    await ledger.close()


async def test_one_caller_that_gives_up_does_not_disturb_the_others(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl", fsync=True)
    appends = [asyncio.create_task(ledger.append(entry())) for _ in range(3)]
    await asyncio.sleep(0)
    appends[0].cancel()
    results = await asyncio.gather(*appends, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, type(None), type(None)]
    await ledger.close()


@pytest.mark.e2e
async def test_killed_process_has_every_answered_call_in_its_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"

    async def start() -> tuple[asyncio.subprocess.Process, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, str(path), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        return process, (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()

    answered: list[str] = []

    async def load(client: httpx.AsyncClient) -> None:
        while True:
            try:
                answered.append((await send(client))["id"])
            except httpx.TransportError:
                return

    async def enough() -> bool:
        return len(answered) >= 100

    process, url = await start()
    async with client_of(url) as client:
        senders = [asyncio.create_task(load(client)) for _ in range(8)]
        await until(enough)
        process.kill()
        await asyncio.gather(*senders)
    await process.wait()
    process, url = await start()
    async with client_of(url) as client:
        ids = [entry["id"] for entry in (await client.get("/_sim/ledger")).json()]
        assert set(answered) <= set(ids)
        assert len(ids) == len(set(ids))
        assert int((await send(client))["id"]) > max(map(int, ids))
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_account_of_an_instance_continues_from_the_ledger(tmp_path: Path) -> None:
    options = SimulatorOptions(ledger=tmp_path / "ledger.jsonl", strict_guids=True)
    async with running(options) as simulator, client_of(simulator.url) as client:
        for guid, slot in (("g1", "desktop"), ("g2", "ipad")):
            await client.post("/_sim/guids", json={"guid": guid, "account": "sales", "slot": slot})
            await client.post("/msg/send_text", json=text_body(guid=guid))
    async with running(options) as simulator, client_of(simulator.url) as client:
        message = await send(client)
        entries = (await client.get("/_sim/ledger")).json()
    assert {line["account"] for line in entries} == {message["sender"]}
    assert [int(line["seq"]) - int(entries[0]["seq"]) for line in entries] == [0, 1, 2]
