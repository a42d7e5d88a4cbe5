"""Webhooks of a real service that is killed in the middle: each end of a message arrives, signed, under one id."""

import asyncio
import json
from collections import defaultdict
from typing import Any, Final

import pytest
from tests.support.load.clients import Load
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import LONG_S

from wework_message.domain.signatures import SignatureCheck, SigningSecret, check_signature

pytestmark = pytest.mark.e2e

MESSAGES: Final = 30
_SETTINGS: Final = {
    "APP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8", "APP_MESSAGE_SYNC_WAIT_MS": "300", "APP_MESSAGE_ASYNC_MAX_POOL_SIZE": "4",
}  # fmt: skip


class Receiver:
    """A client's server: it takes every event, and remembers it."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes, int]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")[1:-2]
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                self.requests.append((headers, body, int(headers["webhook-timestamp"]) * 1000))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.mark.timeout(300)
async def test_every_end_arrives_at_least_once_under_one_id_although_the_service_is_killed(
    backend: BackendSettings,
) -> None:
    receiver = Receiver()
    server = await asyncio.start_server(receiver, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, backend.running_service("--latency-ms", "40", **_SETTINGS) as running:
        created = await running.api.post("/api/webhooks", {"url": f"http://127.0.0.1:{port}/events"})
        load = Load(running.service.url, seed=3)
        load.begin()
        load.up.set()
        load.request(MESSAGES)
        await until(_some(receiver, 10), LONG_S)
        running.service.kill()
        await asyncio.to_thread(running.service.start)
        await load.finish()
        await until(_told(running.api, receiver), LONG_S)
    secret = SigningSecret.parse(created["secret"])
    by_event: dict[str, set[bytes]] = defaultdict(set)
    ids: dict[tuple[str, int, str], set[str]] = defaultdict(set)
    for headers, body, at in receiver.requests:
        assert check_signature([secret], headers, at, body) is SignatureCheck.VERIFIED
        event = json.loads(body)
        by_event[headers["webhook-id"]].add(body)
        ids[event["data"]["messageId"], event["data"]["sequence"], event["type"]].add(headers["webhook-id"])
    assert {len(bodies) for bodies in by_event.values()} == {1}
    assert {len(names) for names in ids.values()} == {1}


def _some(receiver: Receiver, count: int) -> Any:
    async def enough() -> bool:
        return len(receiver.requests) >= count

    return enough


def _told(api: Any, receiver: Receiver) -> Any:
    async def told() -> bool:
        rows = await api.rows()
        last = {row["messageId"]: row["status"] for row in rows}
        seen = {(data["messageId"], data["status"]) for data in (json.loads(body)["data"] for _, body, _ in receiver.requests)}
        open_ones = {"QUEUED", "ACCEPTED", "SENDING", "SENT", "HELD", "RETRY_WAIT"}
        return bool(last) and not open_ones & set(last.values()) and set(last.items()) <= seen

    return told
