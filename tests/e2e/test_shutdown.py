"""SIGTERM: no new work, calls in flight settle, exit 0 within 25 s; a call that is still open is UNKNOWN, not lost."""

import asyncio
import contextlib

import httpx
import pytest
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import Api, RunningService, client_of, text

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
        assert answer.status_code == 202  # its message is stored, and is sent after the restart
        queued = answer.json()["data"]["messageId"]
        markers = {entry["marker"].split(".")[0] for entry in await running.simulator.ledger()}
        assert len(markers) == IN_FLIGHT  # nothing was claimed after the signal

        await asyncio.to_thread(running.service.start)
        for message_id in (*ids, queued):
            await running.api.reaches(message_id, "DELIVERED")
        messages = [await running.api.message(message_id) for message_id in (*ids, queued)]
        outcomes = [[attempt["outcome"] for attempt in message["attempts"]] for message in messages]
        assert outcomes == [["ACCEPTED"]] * len(messages)  # none was UNKNOWN
        bodies = [entry["body"]["content"] for entry in await running.simulator.ledger()]
        assert len(bodies) == len(set(bodies)) == IN_FLIGHT + QUEUED + 1


async def test_a_call_that_hangs_is_unknown_and_says_why(backend: BackendSettings) -> None:
    async with backend.running_service(**_PATIENT) as running:
        await running.simulator.fault("slow", times=1, delay_ms=60_000)
        message_id = await running.api.accept(text())

        async def fault_fired() -> bool:
            return bool((await running.simulator.state())["faults_fired"] == 1)

        await until(fault_fired)
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
    """How a draining process refuses new work; every request uses a new connection, as a new client does."""
    answered = ""

    async def refused() -> bool:
        nonlocal answered
        async with client_of(url, timeout=5) as client:
            with contextlib.suppress(httpx.ReadError, httpx.RemoteProtocolError):
                try:
                    answer = await client.get("/actuator/health/readiness")
                except httpx.ConnectError:
                    answered = "refused"
                else:
                    answered = str(answer.status_code)
        return answered in {"503", "refused"}

    await until(refused)
    return answered
