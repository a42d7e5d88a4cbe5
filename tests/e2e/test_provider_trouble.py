"""Refusals, outages and offline accounts: what is provably unsent is tried again or refused, and health is observed."""

import pytest
from tests.support.polling import until
from tests.support.processes import Door, door
from tests.support.stands import Stand
from tests.support.witnesses import Api, Json, Scene, text

pytestmark = pytest.mark.e2e

TRIES = 5
"""Times that the dice may bring the third attempt forward before the port listens (1 in 1000 each)."""


async def test_a_known_refusal_is_422_with_the_providers_own_code(stand: Stand) -> None:
    async with stand.acting() as scene:
        await scene.simulator.fault("refuse", times=1, error_code=-4017, error_message="no permission")
        answer = await scene.api.post("send", text("eins"))
        assert (answer.status_code, answer.json()["error"]) == (422, "PROVIDER_REFUSED")
        data = answer.json()["data"]
        assert (data["status"], data["errorCode"], data["confirmed"]) == ("FAILED", -4017, True)
        assert (data["success"], data["attempts"]) == (False, 1)
        (call,) = await scene.simulator.calls(data["messageId"])
        assert not call["executed"]
        assert (await scene.api.send(text("zwei")))["status"] in {"SENT", "DELIVERED"}  # the lane is free


async def test_after_an_unknown_code_the_account_waits_until_it_is_seen_online(stand: Stand) -> None:
    async with stand.acting("--guid", "g1") as scene:
        await scene.simulator.set_guid("g1", 0)
        failed = await scene.api.post("send", text("eins"))
        data = failed.json()["data"]
        assert (failed.status_code, failed.json()["error"]) == (422, "PROVIDER_REFUSED")
        assert (data["status"], data["errorCode"], data["confirmed"]) == ("FAILED", -30002, False)

        waits = await scene.api.send(text("zwei", conversationId="S:2"))
        assert (waits["status"], waits["attempts"]) == ("HELD", 0)
        assert (await scene.api.send(text("drei", guid="g2")))["success"]  # other accounts go on
        assert await scene.simulator.calls(waits["messageId"]) == []
        await scene.simulator.set_guid("g1", 2)
        shown = await scene.api.reaches(waits["messageId"], "DELIVERED")
        assert shown["attempts"] == 1
        assert (await scene.api.status(data["messageId"]))["status"] == "FAILED"  # never sent again by itself
        assert len(await scene.simulator.calls(data["messageId"])) == 1


async def test_two_refused_connections_then_the_third_attempt_delivers(stand: Stand) -> None:
    leads_to: list[int] = []
    async with (
        door(lambda: leads_to[0]) as way,
        stand.acting(provider_url=way.url, APP_MESSAGE_RETRY_MAX_ATTEMPTS="3") as scene,
    ):
        leads_to.append(scene.simulator_program.port)
        message = await _sent_at_the_third_attempt(scene, way)
        assert [one["outcome"] for one in message["attempts"]] == ["NOT_SENT", "NOT_SENT", "ACCEPTED"]
        executed = [(one["marker"], one["executed"]) for one in await scene.simulator.ledger()]
        assert executed[-1] == (f"{message['messageId']}.3", True)


async def _sent_at_the_third_attempt(scene: Scene, way: Door) -> Json:
    message: Json = {}
    for _ in range(TRIES):
        message_id = await scene.api.accept(text())
        await _failed_twice(scene.api, message_id)
        await way.open()
        await scene.api.reaches(message_id, "DELIVERED")
        message = await scene.api.message(message_id)
        if len(message["attempts"]) == 3:
            break
        await way.shut()
    return message


async def _failed_twice(api: Api, message_id: str) -> None:
    async def twice() -> bool:
        now = await api.status(message_id)
        return bool(now["attempts"] >= 2 and now["status"] != "SENDING")

    await until(twice)


async def test_what_arrives_in_an_outage_waits_it_out(stand: Stand) -> None:
    async with stand.acting(APP_MESSAGE_RETRY_MAX_ATTEMPTS="1", APP_MESSAGE_RETRY_DELAY_MS="4000") as scene:
        scene.simulator_program.stop()
        ids = [await scene.api.accept(text(str(number), conversationId=f"S:{number}")) for number in (1, 2)]
        for one in ids:
            assert (await scene.api.reaches(one, "HELD"))["reason"] in {"PROVIDER_DOWN", "BREAKERS_OPEN"}
        scene.simulator_program.start()
        for one in ids:
            await scene.api.reaches(one, "DELIVERED")
        executed = [one["marker"].split(".")[0] for one in await scene.simulator.ledger() if one["executed"]]
        assert sorted(executed) == sorted(ids)


async def test_health_is_null_until_observed_and_turns_with_the_provider(stand: Stand) -> None:
    leads_to: list[int] = []
    async with door(lambda: leads_to[0]) as way:
        way.hold()
        await way.open()
        async with stand.acting(provider_url=way.url) as scene:
            leads_to.append(scene.simulator_program.port)
            assert await scene.api.health() is None
            way.release()
            assert (await scene.api.send(text()))["success"]
            assert await scene.api.health() is True

            await way.shut()
            scene.simulator_program.stop()

            async def ill() -> bool:
                return await scene.api.health() is False

            await until(ill, 60)
