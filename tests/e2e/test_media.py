"""Uploads to a real process: memory, a kill half-way, and what the next process finds."""

import asyncio
import os
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.support.polling import until
from tests.support.processes.running_service import running_service

pytestmark = pytest.mark.e2e

LARGE = 24 * 1024 * 1024


async def test_uploads_cost_no_memory_survive_the_process_and_leave_nothing_when_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    async with running_service(tmp_path, APP_MEDIA_FOLDER=str(folder)) as running:
        client = running.api.client

        async def upload(content: bytes, name: str) -> dict[str, str]:
            answer = await client.post("/api/media", files={"file": (name, content)})
            assert answer.status_code == 201, answer.text
            data: dict[str, str] = answer.json()["data"]
            return data

        small = await upload(b"a small file", "small.txt")
        before = running.service.peak_bytes
        content = os.urandom(1_048_576) * (LARGE // 1_048_576)
        large = await upload(content, "large.bin")
        assert running.service.peak_bytes - before < LARGE // 2
        blobs = [path for path in folder.rglob("*") if path.is_file()]
        assert sorted(path.name for path in blobs) == sorted((small["sha256"], large["sha256"]))
        assert {stat.S_IMODE(path.stat().st_mode) for path in blobs} == {0o600}

        address = urlsplit(running.service.url)
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        head = (
            f"POST {address.path}/api/media HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 9000000\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            '--x\r\nContent-Disposition: form-data; name="file"; filename="half"\r\n\r\n'
        )
        writer.write(head.encode() + bytes(500_000))
        await writer.drain()

        async def begun() -> bool:
            return any(path.stat().st_size > 100_000 for path in (folder / "staging").iterdir())

        await until(begun, 20)
        running.service.kill()
        writer.close()
        await asyncio.to_thread(running.service.start)

        async def swept() -> bool:
            return list((folder / "staging").iterdir()) == []

        await until(swept, 20)
        listed = (await client.get("/api/media")).json()["data"]["items"]
        assert [item["fileName"] for item in listed] == ["large.bin", "small.txt"]
        path = f"/api/media/{large['mediaId']}/content"
        answer = await client.get(path, headers={"range": "bytes=1000000-1999999"})
        assert answer.content == content[1_000_000:2_000_000]
        assert (await client.get(path)).content == content
