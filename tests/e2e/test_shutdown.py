"""SIGTERM: no new work, calls in flight settle, exit 0 within 25 s, and what is still open is UNKNOWN, not lost."""

import asyncio
import contextlib

import httpx
import pytest
from tests.support.backends import BackendSettings
from tests.support.polling import until
from tests.support.running_service import Api, RunningService, client_of, text

pytestmark = pytest.mark.e2e

IN_FLIGHT = 8
QUEUED = 4
_SLOTS = {"APP_MESSAGE_ASYNC_MAX_POOL_SIZE": str(IN_FLIGHT)}
_PATIENT = {
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_TIMEOUT_MS": "30000",
    "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": "90",
}


async def test_calls_in_flight_settle_and_nothing_new_begins(backend: BackendSettings) -> None:
    async with backend.running_service(
        "--latency-ms", "3000", "--callback-retries", "100", **_SLOTS, **_PATIENT
    ) as running:
        ids = [await running.api.accept(text(str(n), conversationId=f"S:{n + 1}")) for n in range(IN_FLIGHT + QUEUED)]
        await _all_called(running, IN_FLIGHT)
        waiting = asyncio.create_task(running.api.post("send", text("wartet", conversationId="S:99")))
        await _stored(running.api, IN_FLIGHT + QUEUED + 1)

        running.service.terminate()
        refused = await _refuses(running.service.url)
        code = await asyncio.to_thread(running.service.exit_code)
        assert code == 0
        assert refused in {"503", "refused"}
        answer = await waiting
        assert answer.status_code == 202  # its message is stored, and goes on after the restart
        queued = answer.json()["data"]["messageId"]
        markers = {entry["marker"].split(".")[0] for entry in await running.simulator.ledger()}
        assert len(markers) == IN_FLIGHT  # nothing was claimed after the signal

        await asyncio.to_thread(running.service.start)
        for one in (*ids, queued):
            await running.api.reaches(one, "DELIVERED")
        tried = [(await running.api.message(one))["attempts"] for one in (*ids, queued)]
        assert [[one["outcome"] for one in each] for each in tried] == [["ACCEPTED"]] * len(tried)  # none was UNKNOWN
        bodies = [entry["body"]["content"] for entry in await running.simulator.ledger()]
        assert len(bodies) == len(set(bodies)) == IN_FLIGHT + QUEUED + 1


async def test_a_call_that_hangs_is_unknown_and_says_why(backend: BackendSettings) -> None:
    async with backend.running_service(**_PATIENT) as running:
        await running.simulator.fault("slow", times=1, delay_ms=60_000)
        message_id = await running.api.accept(text())

        async def struck() -> bool:
            return bool((await running.simulator.state())["faults_fired"] == 1)

        await until(struck)
        assert await asyncio.to_thread(running.service.stop) == 0
        await asyncio.to_thread(running.service.start)
        status = await running.api.status(message_id)
        assert (status["status"], status["reason"], status["attempts"]) == ("UNKNOWN", "SHUTDOWN", 1)


async def test_a_second_signal_ends_it_at_once_and_loses_nothing(backend: BackendSettings) -> None:
    async with backend.running_service("--latency-ms", "25000", **_PATIENT) as running:
        message_id = await running.api.accept(text())
        await _all_called(running, 1)
        running.service.terminate()
        await _refuses(running.service.url)
        running.service.terminate()
        assert await asyncio.to_thread(running.service.exit_code) != 0
        await asyncio.to_thread(running.service.start)
        assert (await running.api.status(message_id))["status"] == "SENDING"  # until its lease is over
        assert len(await running.simulator.ledger()) == 1


async def _all_called(running: RunningService, count: int) -> None:
    async def called() -> bool:
        return len(await running.simulator.ledger()) >= count

    await until(called)


async def _stored(api: Api, count: int) -> None:
    async def stored() -> bool:
        return len(await api.rows()) >= count

    await until(stored)


async def _refuses(url: str) -> str:
    """How a drain refuses new work; every request gets a connection of its own, as from a new client."""
    said = ""

    async def refused() -> bool:
        nonlocal said
        async with client_of(url, timeout=5) as client:
            with contextlib.suppress(httpx.ReadError, httpx.RemoteProtocolError):
                try:
                    answer = await client.get("/actuator/health/readiness")
                except httpx.ConnectError:
                    said = "refused"
                else:
                    said = str(answer.status_code)
        return said in {"503", "refused"}

    await until(refused)
    return said
