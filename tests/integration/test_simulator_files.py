"""Uploads to the simulator: it fetches the files, hashes them, and knows what sends may name."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.support.builders.guxing_requests import send_body
from tests.support.processes.running_service import client_of
from tests.support.providers.file_server import FileServer, file_server

from wework_message.simulator import SimulatorOptions, running
from wework_message.simulator.files.fetching import fetch

FILE: Final = bytes(range(256)) * 1_000
MD5: Final = hashlib.md5(FILE, usedforsecurity=False).hexdigest()
C2C: Final = "/cloud/cdn_c2c_upload"


@pytest.fixture
async def files() -> AsyncIterator[FileServer]:
    async with file_server() as served:
        served.offer("/a.png?secret=1", FILE)
        yield served


@contextlib.asynccontextmanager
async def simulating(**options: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with running(SimulatorOptions(**{"fsync": False} | options)) as simulator, client_of(simulator.url) as client:
        yield client


async def upload(client: httpx.AsyncClient, files: FileServer, path: str = C2C, **changes: Any) -> Any:
    body = {"guid": "g1", "url": f"{files.url}/a.png?secret=1", **({"file_type": 2} if path == C2C else {}), **changes}
    return (await client.post(path, json=body)).json()


async def ledger(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await client.get("/_sim/ledger")).json()
    return entries


@pytest.mark.parametrize(
    ("path", "file_type", "kind"),
    [
        (C2C, 1, "COVER"), (C2C, 2, "IMAGE"), (C2C, 4, "VIDEO"), (C2C, 5, "FILE"), (C2C, 3, "OTHER"),
        ("/cloud/cdn_big_upload", None, "BIG"), ("/cloud/upload_video_preview", None, "PREVIEW"), ("/cloud/add_image", None, "PICTURE_URL"),
    ],
)  # fmt: skip
async def test_an_upload_fetches_its_file_and_is_in_the_ledger(
    files: FileServer, path: str, file_type: int | None, kind: str
) -> None:
    async with simulating() as client:
        answer = await upload(client, files, path, **({} if file_type is None else {"file_type": file_type}))
        [entry] = await ledger(client)
        assert (entry["path"], entry["guid"], entry["executed"], entry["conversationId"]) == (path, "g1", True, None)
        assert (await client.get("/_sim/state")).json()["uploads"] == 1
    handle = entry["upload"]
    assert (handle["kind"], handle["bytes"], handle["md5"]) == (kind, len(FILE), MD5)
    assert handle["sha256"] == hashlib.sha256(FILE).hexdigest()
    data = answer["data"]
    assert (data["md5"], data["size"]) == (MD5, len(FILE))
    assert ("url" in data, "file_id" in data, "aes_key" in data) == (
        kind in {"PREVIEW", "PICTURE_URL"}, kind not in {"PREVIEW", "PICTURE_URL"}, path == C2C,
    )  # fmt: skip


async def test_a_file_id_is_hex_of_der_and_another_one_each_time(files: FileServer) -> None:
    async with simulating() as client:
        ids = [(await upload(client, files))["data"]["file_id"] for _ in range(2)]
    assert len(set(ids)) == 2
    der = bytes.fromhex(ids[0])
    assert (der[0], der[1], bytes.fromhex(MD5) in der) == (0x30, len(der) - 2, True)
    assert ids[0].startswith("30")


async def test_the_other_spelling_of_answers(files: FileServer) -> None:
    async with simulating(upload_form="fileid") as client:
        assert (await upload(client, files))["data"].keys() == {"fileid", "aeskey", "file_md5", "file_size"}
        picture = await upload(client, files, "/cloud/add_image")
        assert picture["data"].keys() == {"image_url", "file_md5", "file_size"}


async def test_an_upload_waits_for_the_rule_of_the_cdn(files: FileServer) -> None:
    async with simulating(cdn_rule=True) as client:
        assert (await upload(client, files))["error_code"] == -5103011
        assert (await upload(client, files, "/cloud/add_image"))["error_code"] == 0
        assert (await client.post("/cloud/update_cdn_rule", json={"guid": "g1"})).json()["error_code"] == 0
        assert (await upload(client, files))["error_code"] == 0
        assert (await upload(client, files, guid="g2"))["error_code"] == -5103011
        assert [entry["executed"] for entry in await ledger(client)] == [False, True, True, False]


async def test_what_cannot_be_fetched_is_refused(files: FileServer) -> None:
    files.offer("/empty", b"")
    async with simulating(strict_guids=True, guids=("g1",)) as client:
        for url in (
            "",
            "file:///etc/passwd",
            f"{files.url}/none",
            f"{files.url}/empty",
            "http://127.0.0.1:1/a",
            "http://[::1",
            "http://a b/",
        ):
            assert (await upload(client, files, url=url))["error_code"] == -30007, url
        files.breaks_off = True
        assert (await upload(client, files))["error_code"] == -30007
        files.breaks_off = False
        assert (await upload(client, files, guid="g2"))["error_code"] == -30001
        await client.post("/_sim/guids/g1", json={"status": 1})
        assert (await upload(client, files))["error_code"] == -30002
        assert not any(entry["executed"] for entry in await ledger(client))


async def test_a_chunked_file_is_read_and_a_slow_one_ends_in_time(files: FileServer) -> None:
    files.is_chunked = True
    fetched = await fetch(f"{files.url}/a.png?secret=1", 20_000)
    assert fetched is not None
    assert (fetched.size, fetched.md5) == (len(FILE), MD5)
    files.waits = asyncio.Event()
    assert await fetch(f"{files.url}/a.png?secret=1", 30) is None


async def test_faults_hit_uploads_by_their_endpoint(files: FileServer) -> None:
    async with simulating() as client:
        for kind, fetches in (("closed_before", 0), ("http_500_before", 0), ("answer_lost", 1), ("reset", 1)):
            before = len(files.fetched)
            await client.post("/_sim/faults", json={"kind": kind, "times": 1, "path": "/cloud/*"})
            with contextlib.suppress(httpx.HTTPError, ValueError):
                await upload(client, files)
            assert len(files.fetched) - before == fetches, kind
        assert [entry["executed"] for entry in await ledger(client)] == [False, False, True, True]


async def test_a_stop_does_not_wait_for_a_file(files: FileServer) -> None:
    files.waits = asyncio.Event()
    async with simulating() as client:
        call = asyncio.create_task(upload(client, files))
        await asyncio.wait_for(files.began.wait(), 20)
    assert isinstance((await asyncio.gather(call, return_exceptions=True))[0], httpx.HTTPError | ValueError)


def image(handle: dict[str, Any]) -> dict[str, Any]:
    return send_body("/msg/send_image") | {name: handle[name] for name in ("file_id", "aes_key", "md5", "size")}


async def code(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> int:
    answer: int = (await client.post(path, json=body)).json()["error_code"]
    return answer


async def test_a_handle_expires_by_order_or_after_so_many_sends(files: FileServer) -> None:
    async with simulating(handle_sends=2) as client:
        first, second = [(await upload(client, files))["data"] for _ in range(2)]
        assert [await code(client, "/msg/send_image", image(first)) for _ in range(3)] == [0, 0, -30009]
        assert await code(client, "/msg/send_image", image(second)) == 0
        assert (await client.post("/_sim/files/expire", json={"handle": second["file_id"]})).json() == {"expired": 1}
        assert await code(client, "/msg/send_image", image(second)) == -30009
        assert (await client.post("/_sim/files/expire", json={})).json() == {"expired": 0}
        assert await code(client, "/msg/send_image", send_body("/msg/send_image")) == 0
        assert (await client.post("/_sim/files/expire", json={"file": "x"})).status_code == 422


async def test_strict_media_takes_only_what_was_uploaded(files: FileServer) -> None:
    async with simulating(strict_media=True) as client:
        handle = (await upload(client, files))["data"]
        picture = (await upload(client, files, "/cloud/add_image"))["data"]["url"]
        assert await code(client, "/msg/send_image", image(handle)) == 0
        assert await code(client, "/msg/send_image", image({**handle, "aes_key": "f" * 32})) == -30008
        assert await code(client, "/msg/send_image", image({**handle, "file_id": "30"})) == -30008
        gif = send_body("/msg/send_gif_url")
        assert [
            await code(client, "/msg/send_gif_url", {**gif, "url": url}) for url in (picture, "https://x.example/1")
        ] == [0, -30008]
        assert await code(client, "/msg/send_text", send_body("/msg/send_text")) == 0
        assert await code(client, "/msg/send_forward_msg", send_body("/msg/send_forward_msg")) in {0, -30008}


async def test_a_simulator_that_is_started_again_knows_its_handles(files: FileServer, tmp_path: Path) -> None:
    kept = {"ledger": tmp_path / "ledger.jsonl", "strict_media": True}
    async with simulating(**kept) as client:
        handle = (await upload(client, files))["data"]
    async with simulating(**kept) as client:
        assert await code(client, "/msg/send_image", image(handle)) == 0
