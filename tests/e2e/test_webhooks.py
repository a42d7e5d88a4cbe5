"""Webhooks of a real service that is killed in the middle: each end of a message arrives, signed, under one id."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest
from tests.support.polling import until
from tests.support.processes.running_service import LONG_S, Api, running_service, text
from tests.support.providers.outbound_receiver import OutboundReceiver, outbound_receiver

from wework_message.domain.signatures import SignatureCheck, SigningSecret, check_signature

pytestmark = pytest.mark.e2e

MESSAGES: Final = 30
LIMIT_S: Final = 90
"""After the kill: the lease of an attempt, and that of a call with its echo."""
_SETTINGS: Final = {
    "APP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8", "APP_MESSAGE_SYNC_WAIT_MS": "300", "APP_MESSAGE_ASYNC_MAX_POOL_SIZE": "4",
}  # fmt: skip


@pytest.mark.timeout(180)
async def test_every_status_arrives_under_one_id_although_the_service_is_killed(tmp_path: Path) -> None:
    async with outbound_receiver() as receiver, running_service(tmp_path, "--latency-ms", "40", **_SETTINGS) as running:
        created = (await running.api.client.post("/api/webhooks", json={"url": receiver.url})).json()["data"]
        await running.simulator.hold_echoes()  # one that meets no service is lost, and its message stays SENT
        for number in range(MESSAGES):
            await running.api.accept(text(content=f"text {number}"))
        await until(_some(receiver, MESSAGES // 2), LONG_S)
        running.service.kill()
        await asyncio.to_thread(running.service.start)
        await running.simulator.release_echoes()
        await until(_told(running.api, receiver), LIMIT_S)
    secret = SigningSecret.parse(created["secret"])
    by_event: dict[str, set[bytes]] = defaultdict(set)
    ids: dict[tuple[str, int, str], set[str]] = defaultdict(set)
    for request in receiver.received:
        headers = request.headers
        at = int(headers["webhook-timestamp"]) * 1000
        assert check_signature([secret], headers, at, request.body) is SignatureCheck.VERIFIED
        event = json.loads(request.body)
        by_event[headers["webhook-id"]].add(request.body)
        ids[event["data"]["messageId"], event["data"]["sequence"], event["type"]].add(headers["webhook-id"])
    assert {len(bodies) for bodies in by_event.values()} == {1}
    assert {len(names) for names in ids.values()} == {1}


def _some(receiver: OutboundReceiver, count: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return len(receiver.received) >= count

    return enough


def _told(api: Api, receiver: OutboundReceiver) -> Callable[[], Awaitable[bool]]:
    async def told() -> bool:
        last = {row["messageId"]: row["status"] for row in await api.rows()}
        seen = {
            (data["messageId"], data["status"])
            for data in (json.loads(request.body)["data"] for request in receiver.received)
        }
        open_ones = {"QUEUED", "ACCEPTED", "SENDING", "SENT", "HELD", "RETRY_WAIT"}
        return len(last) == MESSAGES and not open_ones & set(last.values()) and set(last.items()) <= seen

    return told
