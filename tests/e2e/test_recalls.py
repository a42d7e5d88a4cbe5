"""Recalls: requested, answered, shown by the stream; refused; and lost."""

import pytest
from tests.support.polling import until
from tests.support.processes.backends import BackendSettings
from tests.support.processes.running_service import Json, RunningService, text

pytestmark = pytest.mark.e2e

REVOKE = "/msg/revoke_msg"


async def delivered(running: RunningService) -> str:
    message_id: str = (await running.api.send(text()))["messageId"]
    await running.api.reaches(message_id, "DELIVERED")
    return message_id


async def revokes(running: RunningService) -> list[Json]:
    return [entry for entry in await running.simulator.ledger() if entry["path"] == REVOKE]


@pytest.mark.parametrize("by", ["our id", "the provider's id"])
async def test_a_recall_is_confirmed_by_the_stream(by: str, backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        message_id = await delivered(running)
        await running.simulator.hold_echoes()
        provider_id = (await running.api.status(message_id))["providerMessageId"]
        recalled = await running.api.recall("g1", message_id if by == "our id" else provider_id)
        assert (recalled["messageId"], recalled["status"]) == (message_id, "RECALLING")
        await running.simulator.release_echoes()
        shown = await running.api.reaches(message_id, "RECALLED")
        assert (shown["recallConfirmed"], shown["final"], shown["success"]) == (True, True, None)
        (call,) = await revokes(running)
        assert call["executed"]
        assert call["body"] == {"guid": "g1", "conversation_id": "S:12345", "msgid": provider_id}


async def test_a_recall_that_only_the_answer_confirms_is_assumed(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        message_id = await delivered(running)
        await running.simulator.hold_echoes()
        await running.api.recall("g1", message_id)
        assert (await running.api.reaches(message_id, "RECALLED"))["recallConfirmed"] is False
        await running.simulator.release_echoes()  # the stream shows it later

        async def confirmed() -> bool:
            return (await running.api.status(message_id))["recallConfirmed"] is True

        await until(confirmed)


async def test_a_refused_recall_leaves_the_message_delivered(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        message_id = await delivered(running)
        await running.simulator.fault("refuse", times=1, path=REVOKE, error_code=-30003)
        await running.api.recall("g1", message_id)
        shown = await running.api.reaches(message_id, "DELIVERED")
        assert (shown["reason"], shown["recallConfirmed"]) == ("RECALL_REFUSED", None)
        assert [revoke["executed"] for revoke in await revokes(running)] == [False]
        second = await running.api.recall("g1", message_id)
        assert second["status"] == "RECALLING"
        await running.api.reaches(message_id, "RECALLED")


async def test_a_recall_whose_answer_is_lost_is_shown_by_the_stream(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        message_id = await delivered(running)
        await running.simulator.fault("answer_lost", times=1, path=REVOKE)
        await running.api.recall("g1", message_id)
        assert (await running.api.reaches(message_id, "RECALLED"))["recallConfirmed"] is True
        assert len(await revokes(running)) == 1


async def test_a_recall_that_nothing_confirms_leaves_the_message_delivered(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        message_id = await delivered(running)
        await running.simulator.fault("closed_before", times=1, path=REVOKE)
        await running.api.recall("g1", message_id)
        shown = await running.api.reaches(message_id, "DELIVERED")
        assert (shown["reason"], shown["recallConfirmed"]) == ("RECALL_UNCONFIRMED", None)
        assert [revoke["executed"] for revoke in await revokes(running)] == [False]


async def test_a_message_that_was_not_sent_cannot_be_recalled(backend: BackendSettings) -> None:
    async with backend.running_service() as running:
        await running.simulator.fault("refuse", times=1, error_code=-4017)
        failed = (await running.api.post("send", text())).json()["data"]
        answer = await running.api.client.delete(f"/api/messages/g1/messages/{failed['messageId']}")
        assert (answer.status_code, answer.json()["error"]) == (409, "ILLEGAL_STATE")
        assert answer.json()["data"]["status"] == "FAILED"
        assert await revokes(running) == []
