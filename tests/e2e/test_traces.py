"""One connected graph from the client's request to the webhook, through the database and the queue, although the service is killed."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

import pytest
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import LONG_S, RunningService, text
from tests.support.providers.outbound_receiver import OutboundReceiver, outbound_receiver
from tests.support.traces import CLIENT, TRACEPARENT, connected, exported

from wework_message.domain.trace import context_in, parts_of

pytestmark = pytest.mark.e2e

TOPIC: Final = "wework-message-due"
CONTENT: Final = "Canary31415926 13912345678"
_SETTINGS: Final = {
    "APP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
    "MANAGEMENT_TRACING_SAMPLING_PROBABILITY": "0",  # so only what the client records
    "OTEL_BSP_SCHEDULE_DELAY": "50",
    "OTEL_SERVICE_NAME": "named",
}
_OF_A_MESSAGE: Final = {"accept": 1, "call": 1, "settle": 1, "callback": 1}


@pytest.mark.timeout(180)
async def test_one_graph_leads_from_the_request_to_the_webhook_although_the_service_is_killed(
    backend: BackendSettings,
) -> None:
    async with outbound_receiver() as collector, outbound_receiver() as client:
        settings = _SETTINGS | {"MANAGEMENT_OTLP_TRACING_ENDPOINT": collector.url.partition("?")[0]}
        async with backend.running_service(**settings) as running:
            created = await running.api.client.post("/api/webhooks", json={"url": client.url})
            assert created.status_code == 201
            await running.simulator.hold_echoes()
            first = await running.api.accept(text(CONTENT), traceparent=TRACEPARENT, tracestate="vendor=1")
            await running.api.reaches(first, "SENT")
            await until(_has(collector, {"accept", "call", "settle"}), LONG_S)
            running.service.kill()
            await asyncio.to_thread(running.service.start)
            await running.simulator.release_echoes()
            await running.api.reaches(first, "DELIVERED")
            second = await _batch(running)
            for message_id in second:
                await running.api.reaches(message_id, "DELIVERED")
            await running.api.accept(text("not recorded"))
            await until(_told(client, [first, *second]), LONG_S)
            if (
                backend.name == "production"
            ):  # the table is looked at meanwhile: the wake-up may come after the message was sent
                await until(_has(collector, {f"receive {TOPIC}"}), LONG_S)
            metrics = (await running.api.client.get("/actuator/prometheus", headers=_OPENMETRICS)).text
            lines = running.service.lines()
            assert (
                await asyncio.to_thread(running.service.stop) == 0
            )  # which exports the last ones; they are taken in this loop
        spans = exported(request.body for request in collector.received)
    assert connected(spans) == spans
    names = Counter(span.name for span in spans)
    expected = Counter({name: 2 * count if name == "accept" else 3 * count for name, count in _OF_A_MESSAGE.items()})
    expected |= Counter({"POST /api/messages/send/async": 1, "POST /api/messages/send/batch": 1})
    assert {name: names[name] for name in expected} == dict(expected)
    assert names["claim"] >= 1
    queue = {f"send {TOPIC}", f"receive {TOPIC}"}
    assert names.keys() & queue == (queue if backend.name == "production" else set())
    assert names.keys() == expected.keys() | {"claim", "webhook"} | (names.keys() & queue)
    assert _FORBIDDEN not in repr([span.attributes for span in spans])
    assert f'# {{trace_id="{CLIENT[0]}"}}' in metrics
    traced = {json.loads(line).get("messageId") for line in lines if CLIENT[0] in line}
    assert {first, *second} <= traced
    told = [context_in(request.headers.items()) for request in client.received]
    assert {parts_of(trace).trace_id for trace in told if trace is not None} == {CLIENT[0]}
    assert {parts_of(trace).state for trace in told if trace is not None} == {"vendor=1", ""}


_FORBIDDEN: Final = "Canary"
_OPENMETRICS: Final = {"Accept": "application/openmetrics-text;version=1.0.0"}


async def _batch(running: RunningService) -> list[str]:
    """Messages that wait for a claim, although there is room."""
    items = [text(CONTENT, conversationId=f"S:{number}") for number in (1, 2)]
    answer = await running.api.post("send/batch", {"messages": items}, traceparent=TRACEPARENT)
    assert answer.status_code == 202, answer.text
    return [item["messageId"] for item in answer.json()["data"]["items"]]


def _has(collector: OutboundReceiver, names: Collection[str]) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        return {*names} <= {span.name for span in exported(request.body for request in collector.received)}

    return has


def _told(client: OutboundReceiver, message_ids: Collection[str]) -> Callable[[], Awaitable[bool]]:
    async def told() -> bool:
        data: list[dict[str, Any]] = [json.loads(request.body)["data"] for request in client.received]
        return {*message_ids} <= {event["messageId"] for event in data if event["status"] == "DELIVERED"}

    return told
