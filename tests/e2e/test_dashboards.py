"""A real Prometheus asks a real service under a mixed load: no panel of the dashboards is empty, and no alert calls anybody who is well."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.support.media.files import picture
from tests.support.panels import Shown, indicators, shown, without_data
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import LONG_S, Json
from tests.support.processes.two_providers import MAIN, TwoProviders, two_providers
from tests.support.providers.file_server import FileServer, file_server
from tests.support.providers.outbound_receiver import OutboundReceiver, outbound_receiver
from tests.support.servers.prometheus import Prometheus

pytestmark = pytest.mark.e2e

RULES: Final = sorted((Path(__file__).parents[2] / "deploy" / "prometheus" / "rules").glob("*.yml"))
PAGE: Final = Path(__file__).parents[2] / "docs" / "monitoring.md"
METRICS: Final = "/message/actuator/prometheus"
SCRAPES: Final = 2
"""As many after a load as show it: a rate needs two, and the first may have begun before the load ended."""
WITHOUT_BACKENDS: Final = {
    "backends: Servers A", "backends: Duration of calls to Redis A", "backends: Duration of calls to Redis B", "backends: Backlog A",
    "backends: Duration of publishing A", "backends: Duration of publishing B",
}  # fmt: skip
"""Queries that are rightly empty where neither Redis nor RocketMQ is configured."""
FLAT: Final = {
    "service": {
        "Alerts A", "Accepted A", "Oldest due message A", "UNKNOWN A", "Broken rules A", "Stopped A", "Who may call A", "Work that is overdue A",
        "Work that is overdue B", "Work that is overdue C", "API errors A", "Errors A", "Refused under load A",
        "Refused for their rate A", "Workers started again A", "Spans lost A", "In flight A", "Error budget of accepting A", "Error budget of accepting B", "Error budget of accepting C", "Oldest open message A",
    },
    "providers": {
        "Breaker A", "Degraded instances A", "Accounts without a way A", "Failed files B", "Files that wait A", "Files by state A",
    },
    "callbacks": {
        "UNKNOWN now A", "Parked as UNKNOWN A", "Sent without an echo A", "Broken rules A", "UNKNOWN by provider A",
        "Broken rules by kind A", "Records that do not fit A", "Callbacks refused A", "Callbacks refused B", "Events given up A",
        "Oldest delivery A", "Lag of streams A", "Callbacks that wait A",
    },
    "backends": {
        "Pools in use A", "Answers that wait for the database A", "Answers that wait for the database B",
        "Requests refused for want of a database A", "Calls to Redis that failed A", "Backlog A", "Intake A",
    },
}  # fmt: skip
"""Queries that may be 0 all the time: what they count did not happen here or has ended, or is looked at every 15 s or 5 minutes only."""
_BAD: Final = {"messageType": "TEXT"}
OF_BACKENDS: Final = {"Calls to Redis A", "Wake-ups published A", "Wake-ups received A"}
"""Flat without these."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The service with everything that it talks to."""

    two: TwoProviders
    receiver: OutboundReceiver
    files: FileServer
    job: str

    async def delivered(self, message_ids: Sequence[str]) -> None:
        await asyncio.gather(*(self.two.api.reaches(message_id, "DELIVERED") for message_id in message_ids))


@asynccontextmanager
async def scene(backend: BackendSettings, prometheus: Prometheus) -> AsyncIterator[Scene]:
    settings = {
        **backend.settings,
        "APP_MEDIA_FOLDER": str(backend.folder / "media"),
        "APP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
        "APP_MESSAGE_UNKNOWN_SYNC_INTERVAL_SECONDS": "1",
        f"APP_WEWORK_PROVIDERS_{MAIN}_SETTLE_SYNC": "positive",
    }
    async with (
        outbound_receiver() as receiver,
        file_server() as files,
        two_providers(backend.folder, **settings) as two,
    ):
        job = f"on-{backend.name}"
        await asyncio.to_thread(prometheus.watch, job, [f"127.0.0.1:{two.service.port}"], METRICS, RULES)
        try:
            yield Scene(two, receiver, files, job)
        finally:
            await asyncio.to_thread(prometheus.watch, job, [], METRICS)


async def test_no_panel_is_empty_and_nobody_is_called_while_all_is_well(
    backend: BackendSettings, prometheus: Prometheus
) -> None:
    began = time.time()
    async with scene(backend, prometheus) as on:
        await scraped(prometheus, on.job, 1)
        await all_is_well(on)
        await scraped(prometheus, on.job, await asyncio.to_thread(prometheus.scrapes, on.job) + SCRAPES)
        assert await asyncio.to_thread(disturbing_alerts, prometheus) == []
        await trouble(on)
        seen = await asyncio.to_thread(prometheus.scrapes, on.job)
        await scraped(prometheus, on.job, seen + SCRAPES)
        await until(lambda: calls_somebody(prometheus, "WmProviderUnhealthy"), LONG_S, every_s=0.2)
        panels = await asyncio.to_thread(lambda: list(shown(prometheus, on.job, began, time.time())))
        empty = await asyncio.to_thread(without_data, prometheus, indicators(PAGE.read_text("utf-8")), time.time())
    print("\n".join(panel.line for panel in panels))  # noqa: T201 - what a person would see, under -s
    is_production = backend.name == "production"
    assert set(empty) <= (set() if is_production else {"max by (group) (wm_rocketmq_backlog)"})
    assert {panel.name for panel in panels if not panel.series} <= (set() if is_production else WITHOUT_BACKENDS)
    assert {panel.name: panel.unmatched for panel in panels if panel.unmatched} == {}
    assert {panel.name: panel.unknown_labels for panel in panels if panel.unknown_labels} == {}
    assert unexpectedly_flat(panels, is_production=is_production) == []


async def all_is_well(on: Scene) -> None:
    """Sends of every mode and several types through both providers, files, a recall; each is delivered."""
    api, client = on.two.api, on.two.api.client
    await client.post("/api/webhooks", json={"url": on.receiver.url})
    uploaded = await client.post("/api/media", files={"file": ("photo.png", picture("PNG"), "image/png")})
    image = {"messageType": "IMAGE", "guid": on.two.main.guids[0]}
    by_url = on.files.offer("/photo.jpg", picture("JPEG"))
    link = {"messageType": "LINK", "linkTitle": "title", "linkUrl": "https://example.com/"}
    bodies: list[Json] = [
        image | {"conversationId": "S:1", "mediaId": uploaded.json()["data"]["mediaId"]},
        image | {"conversationId": "S:2", "url": by_url},
        *(
            provider.text(f"{provider.code} {number}", instance=number, conversationId="S:3")
            for provider in on.two.providers
            for number in range(4)
        ),
        link | {"guid": on.two.spare.guids[0], "conversationId": "S:4"},
    ]
    accepted = [await api.accept(body) for body in bodies]
    batch = await api.post("send/batch", {"messages": [on.two.main.text("in a batch", conversationId="S:5")]})
    waited = await api.send(on.two.main.text("waits", conversationId="S:6"))
    assert (await api.post("send", _BAD)).is_client_error
    await on.delivered([*accepted, waited["messageId"], batch.json()["data"]["items"][0]["messageId"]])
    await api.recall(on.two.main.guids[0], waited["messageId"])


async def trouble(on: Scene) -> None:
    """Refusals, a lost answer, a call again, a bad request, a URL without a file, a client's server that fails, a provider that dies."""
    api, main = on.two.api, on.two.main
    on.receiver.answer(500)
    await main.simulator.fault("refuse", times=1, guid=main.guids[0], error_code=-4046)
    await main.simulator.fault("throttle", times=1, guid=main.guids[1])
    await main.simulator.fault("closed_before", times=1, guid=main.guids[2])
    refused, throttled, uncertain = [
        await api.accept(main.text(f"trouble {number}", instance=number, conversationId="S:7")) for number in range(3)
    ]
    gone = {"messageType": "IMAGE", "guid": main.guids[3], "conversationId": "S:8", "url": f"{on.files.url}/gone.jpg"}
    missing = await api.accept(gone)
    assert (await api.post("send", _BAD)).is_client_error  # a series begins with its first; a rate shows the second
    await api.reaches(refused, "FAILED")
    await api.reaches(missing, "FAILED")
    await api.reaches(uncertain, "UNKNOWN")
    await on.delivered([throttled])
    main.program.kill()
    await api.accept(main.text("nobody takes it", instance=3, conversationId="S:9"))

    async def is_down() -> bool:
        return await api.health() is False

    await until(is_down, LONG_S, every_s=0.1)


async def scraped(prometheus: Prometheus, job: str, times: int) -> None:
    async def enough() -> bool:
        return await asyncio.to_thread(prometheus.scrapes, job) >= times

    await until(enough, LONG_S, every_s=0.2)


async def calls_somebody(prometheus: Prometheus, alert: str) -> bool:
    return alert in await asyncio.to_thread(disturbing_alerts, prometheus)


def disturbing_alerts(prometheus: Prometheus) -> list[str]:
    """Alerts that call somebody, or will if it goes on. Also looks whether every rule could be evaluated."""
    groups = prometheus.ask("rules")["groups"]
    assert {group["file"] for group in groups} == {str(path) for path in RULES}
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] == "err"} == {}
    return [
        rule["name"]
        for rule in rules
        if rule["type"] == "alerting" and rule["labels"].get("severity") == "page" and rule["state"] != "inactive"
    ]


def unexpectedly_flat(panels: Sequence[Shown], *, is_production: bool) -> list[str]:
    """Queries that are 0 all the time although what they count has happened: a label or a route in them is wrong."""
    may_be = {f"{name}: {query}" for name, queries in FLAT.items() for query in queries}
    if not is_production:
        may_be |= {f"backends: {query}" for query in OF_BACKENDS} | WITHOUT_BACKENDS
    return [panel.name for panel in panels if not any(panel.series.values()) and panel.name not in may_be]
