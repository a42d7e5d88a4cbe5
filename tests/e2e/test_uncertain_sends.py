"""A send that may have happened is UNKNOWN, is never repeated, and ends only by evidence."""

import pytest
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import Json, RunningService, text

pytestmark = pytest.mark.e2e

LOST_AFTER = ("answer_lost", "http_500_after")
LOST_BEFORE = ("closed_before", "http_500_before")


async def test_a_timeout_is_unknown_until_the_late_echo_shows_it(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        await running.simulator.hold_echoes()
        await running.simulator.fault("slow", times=1, delay_ms=4_000)
        answer = await running.api.send(text())
        assert (answer["status"], answer["success"], answer["reason"]) == ("UNKNOWN", None, "DEADLINE")

        call = await _executed(running, answer["messageId"])  # it was executed after we had given up
        assert (call["executed"], call["fault"]) == (True, "slow")
        assert (await running.api.status(answer["messageId"]))["status"] == "UNKNOWN"
        await running.simulator.release_echoes()
        shown = await running.api.reaches(answer["messageId"], "DELIVERED")
        assert shown["providerMessageId"] == call["id"]
        assert shown["attempts"] == 1
        assert len(await running.simulator.calls(answer["messageId"])) == 1


async def test_an_executed_send_without_an_answer_becomes_delivered_by_its_echo(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        await running.simulator.hold_echoes()
        lost, behind = await _lane_behind_a_lost_send(running, LOST_AFTER)
        for message_id in behind:
            await running.api.reaches(message_id, "SENT")
        assert {(await running.api.status(message_id))["status"] for message_id in lost} == {"UNKNOWN"}
        await running.simulator.release_echoes()
        for message_id in lost + behind:
            await running.api.reaches(message_id, "DELIVERED")
        executed = [(entry["marker"], entry["executed"]) for entry in await running.simulator.ledger()]
        assert sorted(executed) == sorted((f"{message_id}.1", True) for message_id in lost + behind)


async def test_a_send_that_was_perhaps_not_executed_stays_unknown(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        lost, behind = await _lane_behind_a_lost_send(running, LOST_BEFORE)
        for message_id in behind:
            await running.api.reaches(message_id, "DELIVERED")
        for message_id in lost:
            (call,) = await running.simulator.calls(message_id)
            assert not call["executed"]
            assert (await running.api.status(message_id))["status"] == "UNKNOWN"
            refused = await running.api.client.post(f"/api/messages/{message_id}/retry")
            assert (refused.status_code, refused.json()["error"]) == (409, "ILLEGAL_STATE")
        await _deny_and_send_again(running, *lost)


async def _deny_and_send_again(running: RunningService, single: str, in_bulk: str) -> None:
    """A person says that neither was sent, and each goes out once more by an act of its own."""
    client = running.api.client
    word = {"outcome": "NOT_SENT", "note": "she has got nothing", "by": "mei"}
    denied = await client.post(f"/api/messages/{single}/resolve", json=word)
    assert (denied.status_code, denied.json()["data"]["reason"]) == (200, "NOT_SENT_BY_PERSON")
    for dry_run, resolved in ((True, 0), (False, 1), (False, 0)):
        answer = await client.post("/api/messages/resolve", json=word | {"status": "UNKNOWN", "dryRun": dry_run})
        assert answer.json()["data"]["resolved"] == resolved, answer.text
    for message_id in (single, in_bulk):
        shown = (await client.get(f"/api/messages/{message_id}")).json()["data"]
        assert (shown["status"], shown["confirmed"]) == ("FAILED", True)
        assert "mei: she has got nothing" in [entry["detail"] for entry in shown["timeline"]]
        assert len(await running.simulator.calls(message_id)) == 1
        assert (await client.post(f"/api/messages/{message_id}/retry")).status_code == 202
        assert not (await running.api.reaches(message_id, "DELIVERED"))["possibleDuplicate"]


async def test_a_send_that_only_an_id_identifies_stays_unknown_although_its_echo_came(backend: BackendSettings) -> None:
    item = {"messageType": "TEXT", "content": "t", "senderName": "n", "senderUserId": "7881301000000002"}
    merged = {"messageType": "MERGED", "messages": [item]}
    async with backend.running_service() as running:
        await running.simulator.fault("answer_lost", times=1)
        lost = await running.api.send(_without_content(text()) | merged)
        behind = await running.api.send(text("zwei"))
        await running.api.reaches(behind["messageId"], "DELIVERED")
        assert (await running.simulator.ledger())[0]["echoOffered"]
        assert (await running.api.status(lost["messageId"]))["status"] == "UNKNOWN"


async def test_the_echo_of_a_forced_retry_is_distinguished_from_that_of_the_first(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        await running.simulator.fault("http_500_before", times=1)
        lost = await running.api.send(text())
        forced = await running.api.client.post(f"/api/messages/{lost['messageId']}/retry", params={"force": "true"})
        assert forced.status_code == 202
        shown = await running.api.reaches(lost["messageId"], "DELIVERED")
        assert shown["possibleDuplicate"]
        executed = [(entry["marker"], entry["executed"]) for entry in await running.simulator.ledger()]
        assert executed == [(f"{lost['messageId']}.1", False), (f"{lost['messageId']}.2", True)]


async def _lane_behind_a_lost_send(running: RunningService, kinds: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """For each kind of fault a send with a lost answer, and the next message of its lane.

    The next one is sent only when the lane is given up: by then a resend would have happened.
    """
    lost, behind = [], []
    for guid in kinds:
        await running.simulator.fault(guid, times=1, guid=guid)
        first = await running.api.send(text("eins", guid=guid))
        assert (first["status"], first["attempts"], first["possibleDuplicate"]) == ("UNKNOWN", 1, False)
        second = await running.api.send(text("zwei", guid=guid))
        assert (second["status"], second["reason"]) == ("HELD", "LANE_BLOCKED")
        lost.append(first["messageId"])
        behind.append(second["messageId"])
    return lost, behind


async def _executed(running: RunningService, message_id: str) -> Json:
    """The only call of the message, once the ledger has it: a slow call is recorded when it is executed."""
    calls: list[Json] = []

    async def there() -> bool:
        calls[:] = await running.simulator.calls(message_id)
        return bool(calls)

    await until(there)
    (call,) = calls
    return call


def _without_content(body: Json) -> Json:
    return {name: value for name, value in body.items() if name != "content"}
