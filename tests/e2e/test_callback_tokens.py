"""A provider's callbacks need a token: its URL is changed without a second word to the provider, and no line has the token."""

import re
from pathlib import Path

import httpx
import pytest
from tests.support.polling import until
from tests.support.processes.running_service import running_service, text

pytestmark = pytest.mark.e2e

HOOK = "/message/api/callbacks/webhook"
GUANGZHOU = "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING"


async def test_the_service_gives_its_instances_an_url_with_a_token_and_takes_no_other(tmp_path: Path) -> None:
    url_file = tmp_path / "callback-url"
    url_file.write_text("http://127.0.0.1:9/not-yet", "utf-8")
    strict = {
        "APP_CALLBACKS_REQUIRE_TOKEN": "true", "APP_CALLBACKS_ALLOW_NETWORKS": "198.51.100.0/24",
        f"{GUANGZHOU}_CALLBACK_URL_FILE": str(url_file),
    }  # fmt: skip
    async with running_service(tmp_path, **strict) as running:
        api, service = running.api, running.service
        created = await api.client.post("/api/callbacks/tokens", json={"providerCode": "GUANGZHOU_GUXING"})
        token = created.json()["data"]["token"]
        message_id = await api.accept(text())
        await api.reaches(message_id, "SENT")
        await until(lambda: _has_refused(api.client, 1))  # its echo, at the URL without a token

        url_file.write_text(f"{service.origin}{HOOK}/{token}\n", "utf-8")
        service.stop()
        service.start()
        await until(lambda: _has_written(service.has_written("all instances are set up")))
        await api.reaches(await api.accept(text("now with a token")), "DELIVERED")

        notice = {"guid": "test-guid", "notify_type": 11002, "data": {}}
        assert (await api.client.post(f"/api/callbacks/webhook/{token}", json=notice)).status_code == 200
        for path in (
            "/api/callbacks/webhook",
            "/api/callbacks/webhook/GUANGZHOU_GUXING",
            "/api/callbacks/webhook/cb_x",
        ):
            assert (await api.client.post(path, json=notice)).status_code == 404
        spoofed = {"x-forwarded-for": "198.51.100.7", "forwarded": "for=198.51.100.7"}
        assert (await api.client.post("/api/callbacks/webhook", json=notice, headers=spoofed)).status_code == 404
        await api.client.post(f"/api//callbacks/webhook//{token}", json=notice)
        await until(lambda: _has_refused(api.client, 3))
        assert token[3:] not in await _metrics(api.client)
        assert token[3:] not in "\n".join(service.lines())
        assert (await api.reaches(message_id, "SENT"))["status"] == "SENT"


async def _metrics(client: httpx.AsyncClient) -> str:
    return (await client.get("/actuator/prometheus")).text


async def _has_refused(client: httpx.AsyncClient, least: int) -> bool:
    counted = re.search(r'wm_callbacks_refused_total\{reason="bare_path"\} ([0-9.]+)', await _metrics(client))
    return counted is not None and float(counted[1]) >= least


async def _has_written(written: bool) -> bool:
    return written
