"""Refusals, outages and offline accounts: a provably unsent message is retried or refused, and health is observed."""

import pytest
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import Api, Json, RunningService, text
from tests.support.processes.tcp_proxy import TcpProxy, tcp_proxy

pytestmark = pytest.mark.e2e

TRIES = 5
"""Rounds of the test: by chance the third attempt may come before the port listens (1 in 1000 each)."""


async def test_a_known_refusal_is_422_with_the_providers_own_code(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        await running.simulator.fault("refuse", times=1, error_code=-4017, error_message="no permission")
        answer = await running.api.post("send", text("eins"))
        assert (answer.status_code, answer.json()["error"]) == (422, "PROVIDER_REFUSED")
        data = answer.json()["data"]
        assert (data["status"], data["errorCode"], data["confirmed"]) == ("FAILED", -4017, True)
        assert (data["success"], data["attempts"]) == (False, 1)
        (call,) = await running.simulator.calls(data["messageId"])
        assert not call["executed"]
        assert (await running.api.send(text("zwei")))["status"] in {"SENT", "DELIVERED"}  # the lane is free


async def test_after_an_unknown_code_the_account_waits_until_it_is_seen_online(backend: BackendSettings) -> None:
    async with backend.running_service("--guid", "g1") as running:
        await running.simulator.set_guid("g1", 0)
        failed = await running.api.post("send", text("eins"))
        data = failed.json()["data"]
        assert (failed.status_code, failed.json()["error"]) == (422, "PROVIDER_REFUSED")
        assert (data["status"], data["errorCode"], data["confirmed"]) == ("FAILED", -30002, False)

        waits = await running.api.send(text("zwei", conversationId="S:2"))
        assert (waits["status"], waits["attempts"]) == ("HELD", 0)
        assert (await running.api.send(text("drei", guid="g2")))["success"]  # other accounts go on
        assert await running.simulator.calls(waits["messageId"]) == []
        await running.simulator.set_guid("g1", 2)
        shown = await running.api.reaches(waits["messageId"], "DELIVERED")
        assert shown["attempts"] == 1
        assert (await running.api.status(data["messageId"]))["status"] == "FAILED"  # never sent again by itself
        assert len(await running.simulator.calls(data["messageId"])) == 1


async def test_two_refused_connections_then_the_third_attempt_delivers(backend: BackendSettings) -> None:
    target_ports: list[int] = []
    async with (
        tcp_proxy(lambda: target_ports[0]) as proxy,
        backend.running_service(provider_url=proxy.url, APP_MESSAGE_RETRY_MAX_ATTEMPTS="3") as running,
    ):
        target_ports.append(running.simulator_program.port)
        message = await _sent_at_the_third_attempt(running, proxy)
        assert [attempt["outcome"] for attempt in message["attempts"]] == ["NOT_SENT", "NOT_SENT", "ACCEPTED"]
        executed = [(entry["marker"], entry["executed"]) for entry in await running.simulator.ledger()]
        assert executed[-1] == (f"{message['messageId']}.3", True)


async def _sent_at_the_third_attempt(running: RunningService, proxy: TcpProxy) -> Json:
    message: Json = {}
    for _ in range(TRIES):
        message_id = await running.api.accept(text())
        await _failed_twice(running.api, message_id)
        await proxy.open()
        await running.api.reaches(message_id, "DELIVERED")
        message = await running.api.message(message_id)
        if len(message["attempts"]) == 3:
            break
        await proxy.shut()
    return message


async def _failed_twice(api: Api, message_id: str) -> None:
    async def twice() -> bool:
        now = await api.status(message_id)
        return bool(now["attempts"] >= 2 and now["status"] != "SENDING")

    await until(twice)


async def test_messages_accepted_in_an_outage_wait_until_it_ends(backend: BackendSettings) -> None:
    async with backend.running_service(
        APP_MESSAGE_RETRY_MAX_ATTEMPTS="1", APP_MESSAGE_RETRY_DELAY_MS="4000"
    ) as running:
        running.simulator_program.stop()
        ids = [await running.api.accept(text(str(number), conversationId=f"S:{number}")) for number in (1, 2)]
        for message_id in ids:
            assert (await running.api.reaches(message_id, "HELD"))["reason"] in {"PROVIDER_DOWN", "BREAKERS_OPEN"}
        running.simulator_program.start()
        for message_id in ids:
            await running.api.reaches(message_id, "DELIVERED")
        executed = [entry["marker"].split(".")[0] for entry in await running.simulator.ledger() if entry["executed"]]
        assert sorted(executed) == sorted(ids)


async def test_health_is_null_until_observed_and_turns_with_the_provider(backend: BackendSettings) -> None:
    target_ports: list[int] = []
    async with tcp_proxy(lambda: target_ports[0]) as proxy:
        proxy.hold()
        await proxy.open()
        async with backend.running_service(provider_url=proxy.url) as running:
            target_ports.append(running.simulator_program.port)
            assert await running.api.health() is None
            proxy.release()
            assert (await running.api.send(text()))["success"]
            assert await running.api.health() is True

            await proxy.shut()
            running.simulator_program.stop()

            async def unhealthy() -> bool:
                return await running.api.health() is False

            await until(unhealthy, 60)
