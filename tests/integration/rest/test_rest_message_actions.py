from typing import NoReturn

import pytest
from tests.support.apps.rest import SEND, TEXT, Rest
from tests.support.builders.messages import an_outcome

from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.domain.errors import UnavailableError
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import OutcomeClass, Reason

REFUSED = an_outcome(OutcomeClass.REFUSED_PERMANENT, error_code=-2003)
LOST = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)


async def test_cancel_withdraws_what_is_not_claimed(idle: Rest) -> None:
    message_id = await idle.accept()
    answer = await idle.post(f"/api/messages/{message_id}/cancel")
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "CANCELLED")
    assert (answer.json()["data"]["state"], answer.json()["data"]["final"]) == ("failed", True)


async def test_retry_tries_again_under_the_same_id(rest: Rest) -> None:
    rest.in_memory_app.gateway.script(REFUSED)
    message_id = (await rest.post(SEND, TEXT)).json()["data"]["messageId"]
    answer = await rest.post(f"/api/messages/{message_id}/retry")
    assert (answer.status_code, answer.json()["data"]["messageId"]) == (202, message_id)

    await rest.reaches(message_id, "SENT")
    assert (await rest.status_of(message_id))["attempts"] == 2


@pytest.mark.parametrize("raised", [UnavailableError("database"), OverflowError("a defect")])
async def test_a_retry_that_is_committed_is_answered_with_its_id(
    rest: Rest, raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest.in_memory_app.gateway.script(REFUSED)
    message_id = (await rest.post(SEND, TEXT)).json()["data"]["messageId"]

    async def read(*_: object) -> NoReturn:
        raise raised

    monkeypatch.setattr(MemoryMessageReader, "messages", read)
    answer = await rest.post(f"/api/messages/{message_id}/retry")
    monkeypatch.undo()
    assert (answer.status_code, answer.json()["data"]["messageId"]) == (202, message_id)
    await rest.reaches(message_id, "SENT")


async def test_retry_of_an_uncertain_message_needs_force(rest: Rest) -> None:
    rest.in_memory_app.gateway.script(LOST)
    message_id = (await rest.post(SEND, TEXT)).json()["data"]["messageId"]
    refused = await rest.post(f"/api/messages/{message_id}/retry")
    assert (refused.status_code, refused.json()["error"]) == (409, "ILLEGAL_STATE")
    forced = await rest.post(f"/api/messages/{message_id}/retry?force=true")
    assert (forced.status_code, forced.json()["data"]["possibleDuplicate"]) == (202, True)


@pytest.mark.parametrize("force", ["yes", "1", "0", "TRUE", "True", ""])
async def test_retry_knows_only_true_and_false(rest: Rest, force: str) -> None:
    answer = await rest.post(f"/api/messages/{await rest.sent()}/retry?force={force}")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "force")


@pytest.mark.parametrize("by", ["our id", "the provider's id"])
async def test_recall_names_the_message_by_either_id(rest: Rest, by: str) -> None:
    message_id = await rest.sent()
    named = message_id if by == "our id" else (await rest.status_of(message_id))["providerMessageId"]
    answer = await rest.client.delete(f"/message/api/messages/test-guid/messages/{named}")
    assert answer.status_code == 202
    assert (answer.json()["data"]["messageId"], answer.json()["data"]["status"]) == (message_id, "RECALLING")


async def test_recall_at_another_guid_finds_nothing(rest: Rest) -> None:
    answer = await rest.client.delete(f"/api/messages/other-guid/messages/{await rest.sent()}")
    assert answer.status_code == 404


@pytest.mark.parametrize("action", ["cancel", "retry"])
async def test_what_the_status_forbids_is_409_and_carries_the_status(rest: Rest, action: str) -> None:
    message_id = await rest.sent()
    answer = await rest.post(f"/api/messages/{message_id}/{action}")
    body = answer.json()
    assert (answer.status_code, body["error"], body["success"]) == (409, "ILLEGAL_STATE", False)
    assert (body["data"]["messageId"], body["data"]["status"]) == (message_id, "SENT")


@pytest.mark.parametrize("by", ["our id", "the provider's id"])
async def test_a_second_recall_is_409_and_carries_the_status(rest: Rest, by: str) -> None:
    message_id = await rest.sent()
    named = message_id if by == "our id" else (await rest.status_of(message_id))["providerMessageId"]
    path = f"/api/messages/test-guid/messages/{named}"
    await rest.client.delete(path)
    answer = await rest.client.delete(path)
    assert (answer.status_code, answer.json()["data"]["messageId"]) == (409, message_id)


async def test_recall_of_what_was_not_sent_is_409(idle: Rest) -> None:
    answer = await idle.client.delete(f"/api/messages/test-guid/messages/{await idle.accept()}")
    assert (answer.status_code, answer.json()["data"]["status"]) == (409, "QUEUED")


@pytest.mark.parametrize("action", ["retry", "recall"])
async def test_a_process_that_drains_begins_nothing(rest: Rest, action: str) -> None:
    message_id = await rest.sent()
    rest.in_memory_app.application.service.draining = True
    recall = f"/api/messages/test-guid/messages/{message_id}"
    answer = await (
        rest.client.delete(recall) if action == "recall" else rest.post(f"/api/messages/{message_id}/retry")
    )
    assert answer.status_code == 503


async def test_an_erased_content_is_shown_as_erased_and_nothing_sends_it_again(rest: Rest) -> None:
    rest.in_memory_app.gateway.script(REFUSED)
    message_id = (await rest.post(SEND, TEXT)).json()["data"]["messageId"]
    shown = (await rest.get(f"/api/messages/{message_id}")).json()["data"]
    assert (shown["contentErased"], shown["content"]["messageType"]) == (False, "TEXT")
    rest.in_memory_app.clock.advance(1)
    async with rest.in_memory_app.units() as unit:
        erased = await unit.pruning.contents(MessageStatus.FAILED, older_than_ms=0, limit=10)
        await unit.commit()
    assert erased.deleted == 1
    after = (await rest.get(f"/api/messages/{message_id}")).json()["data"]
    assert (after["contentErased"], after["content"], after["timeline"]) == (True, None, shown["timeline"])
    for query in ("", "?force=true"):
        refused = await rest.post(f"/api/messages/{message_id}/retry{query}")
        assert (refused.status_code, refused.json()["error"]) == (409, "CONTENT_ERASED")
        assert refused.json()["data"]["status"] == "FAILED"
    replay = await rest.post("/api/dead-letters/replay", {"messageIds": [message_id]})
    assert replay.json()["data"]["skippedMessages"] == [{"messageId": message_id, "reason": "CONTENT_ERASED"}]
