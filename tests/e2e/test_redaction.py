"""Canaries in everything that a client, a provider or an operator says: none comes out where operators and monitoring read (R-L1, R-L2)."""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from tests.support.builders.send_requests import EXAMPLES
from tests.support.polling import until
from tests.support.processes.running_service import LONG_S, RunningService, running_service, text
from tests.support.providers.outbound_receiver import outbound_receiver
from tests.support.traces import exported

pytestmark = pytest.mark.e2e

CANARY: Final = "Canary31415926"
"""In contents, names, keys, tokens, URLs and errors."""
PHONE: Final = "13912345678"
PERSON: Final = "788130271828182"
"""Id of a customer: logs have its keyed hash."""

_FORBIDDEN: Final = re.compile(f"{CANARY}|{PHONE}|{PERSON}", re.IGNORECASE)
_SECRETS: Final = {
    "REDIS_URL": f"redis://user:{CANARY}@127.0.0.1:1/0",
    "APP_CALLBACKS_RELAY_SECRET": "whsec_" + "Q2FuYXJ5MzE0MTU5MjZDYW5hcnkzMTQxNTkyNg==",
    "APP_CALLBACKS_REQUIRE_TOKEN": "true",
    "APP_CALLBACKS_ALLOW_NETWORKS": "127.0.0.0/8",
    "APP_WEWORK_PROVIDERS_OTHER_PROTOCOL": "guxing",
    "APP_WEWORK_PROVIDERS_OTHER_API_BASE_URL": f"http://127.0.0.1:1/{CANARY}",
    "APP_WEWORK_PROVIDERS_OTHER_TIMEOUT_MS": "2500",
    "APP_OUTBOUND_ALLOW_NETWORKS": "127.0.0.0/8",
    "APP_MESSAGE_SYNC_WAIT_MS": "200",
    "LOGGING_LEVEL": "DEBUG",
}
_RELAY_TEXT: Final = "Q2FuYXJ5MzE0MTU5MjZDYW5hcnkzMTQxNTkyNg"


@pytest.mark.timeout(180)
async def test_no_canary_reaches_logs_metrics_errors_doctor_or_settings(tmp_path: Path) -> None:
    log_file = tmp_path / "service.json"
    async with AsyncExitStack() as stack:
        receiver, collector = [await stack.enter_async_context(outbound_receiver()) for _ in range(2)]
        settings = _SECRETS | {"LOGGING_FILE_NAME": str(log_file)} | _traced(collector.url)
        running = await stack.enter_async_context(running_service(tmp_path, **settings))
        receiver.answer(500)
        receiver.body = CANARY.encode()
        errors = [
            *[await _refused(running, body) for body in _bodies()],
            *[await _other(running.api.client, *request) for request in _requests(receiver.url)],
        ]
        await running.simulator.fault("refuse", error_message=f"{CANARY} {PHONE} S:{PERSON}")
        failed = [await running.api.post("send", text(CANARY, conversationId=f"S:{PERSON}")) for _ in range(2)]
        assert {answer.status_code for answer in failed} <= {202, 422}
        await running.simulator.clear_faults()
        sent = await running.api.accept(text(f"{CANARY} {PHONE}", conversationId=f"S:{PERSON}"))
        await running.api.reaches(sent, "DELIVERED")
        await until(lambda: _answered(receiver.received), LONG_S)
        _break_the_database(tmp_path)
        errors += [await _refused(running, text(CANARY, conversationId=f"S:{PERSON}"))]
        metrics = (await running.api.client.get("/actuator/prometheus")).text
        commands = await asyncio.to_thread(_commands, tmp_path, running, settings)
        lines = running.service.lines()
        running.service.terminate()
        assert await asyncio.to_thread(running.service.exit_code) == 0  # it has exported its last spans
        traced = [request.body for request in collector.received]
    assert len(lines) > 100
    assert len(errors) > 60
    assert {"accept", "call", "callback", "webhook"} <= {span.name for span in exported(traced)}
    assert {request.headers["x-key"] for request in collector.received} == {CANARY}
    _no_canary("spans", [body.decode("latin-1") for body in traced])
    _no_canary("stdout", lines)
    _no_canary("log file", log_file.read_text().splitlines())
    _no_canary("metrics", metrics.splitlines())
    _no_canary("commands", commands)
    _no_canary("errors", errors)
    for line in log_file.read_text().splitlines():
        assert isinstance(json.loads(line), dict)


def _traced(url: str) -> dict[str, str]:
    """Everything is recorded, and goes there."""
    return {
        "MANAGEMENT_OTLP_TRACING_ENDPOINT": url.partition("?")[0],
        "MANAGEMENT_TRACING_SAMPLING_PROBABILITY": "1",
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={CANARY}",
        "OTEL_BSP_MAX_QUEUE_SIZE": "10000",
    }


async def _answered(received: list[Any]) -> bool:
    return bool(received)


def _no_canary(place: str, lines: list[str]) -> None:
    leaks = [line for line in lines if _FORBIDDEN.search(line) or _RELAY_TEXT in line]
    assert leaks == [], f"{place}: {len(leaks)} lines, such as {leaks[:3]}"


def _bodies() -> Iterator[dict[str, Any]]:
    """Each text field of each type with a canary, and fields of a wrong type."""
    for request in EXAMPLES.values():
        for name, value in request.items():
            if isinstance(value, str) and name not in {"messageType", "guid"}:
                yield request | {name: f"{CANARY} {PHONE}"}
    for name in ("priority", "scheduledAt", "providerCode", "accountId", "pool", "extra", "statusCallbackUrl"):
        yield text() | {name: CANARY}
    yield text() | {"atList": CANARY, "campaignId": CANARY, "clientMessageId": CANARY, "mentions": [CANARY]}


def _requests(hook: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Paths, queries, headers and bodies of other routes."""
    secret_hook = f"{hook}/{CANARY}?token={CANARY}"
    yield "POST", "/api/webhooks", {"json": {"url": secret_hook}}
    yield "POST", "/api/webhooks", {"json": {"url": f"https://user:{CANARY}@example.com/"}}
    yield "POST", "/api/media", {"json": {"url": f"https://user:{CANARY}@files.example.com/{CANARY}"}}
    yield "POST", "/api/media", {"json": {"url": f"{hook}/{CANARY}.png?signature={CANARY}"}}
    yield "POST", "/api/media", {"files": {"file": (f"{CANARY}.png", CANARY.encode())}}
    yield "POST", f"/api/callbacks/webhook/cb_{CANARY}", {"json": {"guid": "g1", "content": CANARY}}
    yield "POST", "/api/callbacks/webhook", {"json": _callback()}
    yield "POST", "/api/callbacks/webhook", {"content": f'{{"guid": "{CANARY}"'.encode()}
    yield "GET", f"/api/messages/{CANARY}/status?token={CANARY}", {}
    yield "GET", f"/api/{CANARY}", {}
    yield "GET", f"/api/messages?conversationId=S:{PERSON}&word={CANARY}", {}
    yield "GET", "/api/messages", {"headers": {"Authorization": f"Bearer {CANARY}", "Cookie": f"session={CANARY}"}}
    yield "GET", "/api/messages", {"headers": {"X-API-Key": CANARY, "X-Forwarded-For": CANARY, "User-Agent": CANARY}}
    yield "POST", "/api/messages/send", {"content": f'{{"content": "{CANARY}'.encode(), "headers": _JSON}
    yield "POST", "/api/messages/send", {"json": text(CANARY), "headers": {"Idempotency-Key": CANARY}}
    yield "POST", "/api/messages/send/batch", {"json": {"guid": "g1", "userList": [PERSON], "content": CANARY}}
    yield "POST", "/api/erasures", {"json": {"conversationId": f"S:{PERSON}"}}
    yield "POST", "/api/control/pause", {"json": {"scope": "ACCOUNT", "id": "g9", "reason": f"{CANARY} {PHONE}"}}


_JSON: Final = {"Content-Type": "application/json"}


def _callback() -> dict[str, Any]:
    record = {
        "sender": PERSON, "receiver": PERSON, "sender_name": CANARY, "content": f"{CANARY} {PHONE}", "msg_id": "m-1",
        "sendtime": 1, "send_flag": 0, "is_pc": 0, "conversation_id": f"S:{PERSON}", "content_type": 2, "referid": "0",
        "server_id": CANARY, "appinfo": CANARY, "at_list": [],
    }  # fmt: skip
    return {"guid": "g1", "notify_type": 11010, "data": record}


async def _refused(running: RunningService, body: Mapping[str, Any]) -> str:
    return _error_text(await running.api.post("send/async", body))


async def _other(client: httpx.AsyncClient, method: str, path: str, content: dict[str, Any]) -> str:
    return _error_text(await client.request(method, path, **content))


def _error_text(answer: httpx.Response) -> str:
    """What an error says. The path of a problem is the client's own word for a field; a success shows what was accepted."""
    if answer.is_success:
        return ""
    body = answer.json()
    return " | ".join([str(body.get("message")), *[str(problem["message"]) for problem in body.get("errors") or ()]])


def _break_the_database(folder: Path) -> None:
    """Statements fail with all their parameters at hand."""
    with sqlite3.connect(folder / "wework-message.db", timeout=30) as connection:
        connection.execute(
            "CREATE TRIGGER refuses BEFORE INSERT ON wm_message BEGIN SELECT RAISE(ABORT, 'refused by a trigger'); END"
        )
    connection.close()


def _commands(folder: Path, running: RunningService, settings: Mapping[str, str]) -> list[str]:
    """What the doctor and the settings print."""
    environ = {
        "PATH": os.environ["PATH"],
        "DATASOURCE_URL": f"sqlite:///{folder}/wework-message.db",
        "SERVER_PORT": str(running.service.port),
        **settings,
    }
    lines: list[str] = []
    for command in (("doctor", "--json"), ("config", "check"), ("config", "check", "--json")):
        ended = subprocess.run(
            [sys.executable, "-m", "wework_message", *command],
            cwd=folder,
            env=environ,
            capture_output=True,
            check=False,
        )
        printed = (ended.stdout + ended.stderr).decode()
        assert printed
        lines += printed.splitlines()
    return lines
