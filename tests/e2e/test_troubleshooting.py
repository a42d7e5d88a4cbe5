"""The page docs/troubleshooting.md shows lines of the log: a real service writes these lines for these faults, and the greps find them."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.polling import until
from tests.support.processes.running_service import RunningService, running_service, text

from wework_message.adapters.observability.log_observer import LoggingObserver
from wework_message.adapters.observability.logs import LogSettings, configure
from wework_message.domain.callers import CallbackRefusal

pytestmark = pytest.mark.e2e

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = ("troubleshooting.md", "troubleshooting.zh.md")
GREPS: Final = ("ERROR", "sendMessage", "callback")
WEBHOOK: Final = "/api/callbacks/webhook"
VOLATILE: Final = frozenset({"ts", "messageId", "requestId", "ms", "ageMs", "version", "count"})


async def test_the_greps_of_the_page_give_the_lines_of_the_page(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "message-service.log"
    settings = {"APP_MESSAGE_RETRY_MAX_ATTEMPTS": "2", "APP_MESSAGE_RETRY_DELAY_MS": "300"}
    async with running_service(tmp_path, LOGGING_FILE_NAME=str(log), **settings) as running:
        await _callbacks_go_wrong(running)
        await _async_is_slow(running)
        await _requests_are_named(running)
        await _messages_fail(running)
        await _after(running, "provider.down", "PROVIDER_DOWN")
        await until(partial(_has_refused, log, 2))
        for _ in range(2):
            await running.api.client.post(WEBHOOK, content="no json")
    assert await _has_refused(log, 4)
    _refused_callbacks(log)
    of_sent, of_refused = (_lines(name, log) for name in ("order-1", "order-2"))
    steps = [(f"sendMessage {step}", "named") for step in ("accepted", "QUEUED -> SENDING", "SENDING -> SENT")]
    # Beside other work a message is claimed by its row and not with its acceptance, and rows have no id of a request.
    assert [(line["text"], line["guid"]) for line in of_sent] in (steps, steps[:1])
    assert [(line["event"], line["status"], line["error"]) for line in of_refused] == [
        ("http.refused", 422, "VALIDATION_FAILED")
    ]
    written = {word: _grep(word, log) for word in GREPS}
    for page in PAGES:
        shown = _shown(ROOT / "docs" / page)
        assert [len(lines) > 2 for lines in shown.values()] == [True] * 3
        for word, lines in shown.items():
            assert [line for line in lines if line not in written[word]] == [], (page, word)


async def _messages_fail(running: RunningService) -> None:
    for number, code in enumerate((-2003, -77777)):
        await running.simulator.fault("refuse", times=1, error_code=code)
        await running.api.post("send", text(guid=f"fails-{number}", conversationId="S:1"))
    await running.simulator.fault("answer_lost", times=1)
    await running.api.send(text(guid="lost", conversationId="S:1"))
    running.simulator_program.stop()
    await running.api.accept(text(guid="down", conversationId="S:1"))


async def _async_is_slow(running: RunningService) -> None:
    client = running.api.client
    await running.simulator.fault("slow", times=1, delay_ms=700)
    first = await running.api.accept(text(guid="slow"))
    second = await running.api.accept(text(guid="slow"))
    await running.simulator.fault("throttle", times=1, retry_after_s=1)
    limited = await running.api.accept(text(guid="limited"))
    for message_id in (first, second, limited):
        await running.api.reaches(message_id, "DELIVERED")
    pause = {"scope": "ACCOUNT", "id": "guid:limited", "reason": "a test"}
    assert (await client.post("/api/control/pause", json=pause)).status_code == 200
    await running.api.accept(text(guid="limited"))


async def _requests_are_named(running: RunningService) -> None:
    for name, changes in (("order-1", {}), ("order-2", {"priority": "high"})):
        await running.api.post("send", text(guid="named", **changes), **{"X-Request-ID": name})


async def _callbacks_go_wrong(running: RunningService) -> None:
    client = running.api.client
    message = await running.api.send(text())
    await running.api.reaches(message["messageId"], "DELIVERED")
    (echo,) = (await client.get("/api/callbacks/g1/recent")).json()["data"]
    forged = json.loads(echo["rawData"])
    forged["data"] |= {"sender": "1", "seq": "1", "appinfo": "forged"}
    for path, body in (
        ("", "no json"),
        ("", "no json"),
        ("", '{"guid":"g1"}'),
        ("/NOBODY", json.dumps(forged)),
        (f"/cb_{'x' * 43}", json.dumps(forged)),
        ("", json.dumps(forged | {"guid": "stranger"})),
        ("", json.dumps(forged)),
    ):
        await client.post(f"{WEBHOOK}{path}", content=body, headers={"content-type": "application/json"})


async def _has_refused(path: Path, count: int) -> bool:
    """Whether the log accounts for so many: those that had no line of their own have one together."""
    counts: list[int] = [line["count"] for line in _lines("callback.rejected", path) if line["status"] == 400]
    return sum(counts) == count


def _refused_callbacks(path: Path) -> None:
    """Refusals that need another setting than the others."""
    handle = configure(LogSettings(version="1", file=str(path)))
    for refusal in CallbackRefusal:
        LoggingObserver(handle).callbacks_refused(refusal, 1)
    handle.close()


async def _after(running: RunningService, *words: str) -> None:
    async def there() -> bool:
        return all(running.service.has_written(word) for word in words)

    await until(there)


def _grep(word: str, path: Path) -> list[dict[str, Any]]:
    return [_constant(line) for line in _lines(word, path)]


def _lines(word: str, path: Path) -> list[dict[str, Any]]:
    output = subprocess.run(["grep", word, str(path)], capture_output=True, check=True)  # noqa: S607 -- the grep of the page
    return [json.loads(line) for line in output.stdout.decode().splitlines()]


def _shown(page: Path) -> dict[str, list[dict[str, Any]]]:
    """The lines that the page shows below each of the greps."""
    shown: dict[str, list[dict[str, Any]]] = {}
    for word, block in _blocks(page.read_text("utf-8")):
        shown[word] = [_constant(json.loads(line)) for line in block.splitlines()]
    assert tuple(shown) == GREPS
    return shown


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(
        r'^tail -f logs/message-service\.log \| grep "?(\w+)"?\n```\n.*?^```json\n(.*?)^```',
        text,
        re.MULTILINE | re.DOTALL,
    ):
        yield match[1], match[2]


def _constant(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in VOLATILE}
