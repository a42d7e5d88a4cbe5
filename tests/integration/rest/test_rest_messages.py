import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.support.apps.rest import SEND, TEXT, Rest, serving
from tests.support.builders.distinct_messages import store_distinct_messages
from tests.support.builders.messages import NOW, a_receipt, an_outcome

from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message_filter import FILTERS
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.queries import MessageReader, StatusView
from wework_message.entrypoints.wire.instants import iso

ECHO_TYPE = 11010


def ids(answer: Any) -> list[str]:
    return [item["messageId"] for item in answer.json()["data"]["items"]]


async def test_a_status_describes_a_sent_message(rest: Rest) -> None:
    status = await rest.status_of(await rest.sent())
    assert (status["status"], status["state"], status["success"], status["final"]) == ("SENT", "sent", True, False)
    assert (status["attempts"], status["providerCode"]) == (1, "GUANGZHOU_GUXING")


async def test_a_scheduled_message_says_when(idle: Rest) -> None:
    status = await idle.status_of(await idle.accept(scheduledAt="2026-01-01T00:00:00+08:00"))
    assert (status["status"], status["state"]) == ("SCHEDULED", "pending")
    assert status["nextAttemptAt"] == "2025-12-31T16:00:00.000Z"


@pytest.mark.parametrize("sent_at", [NOW * 1_000, NOW * 1_000_000, -NOW, 2**53 * 1_000])
async def test_a_provider_s_impossible_send_time_hides_no_message(rest: Rest, sent_at: int) -> None:
    rest.in_memory_app.gateway.script(an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt("1", sent_at=sent_at)))
    answer = await rest.post(SEND, TEXT)
    assert (answer.status_code, answer.json()["data"]["sendTime"]) == (200, None)
    assert len((await rest.get("/api/messages")).json()["data"]["items"]) == 1


async def test_an_old_row_beyond_the_calendar_hides_no_message(idle: Rest) -> None:
    message_id = await idle.accept()
    stored = idle.in_memory_app.database.messages.committed(MessageId(message_id))
    assert stored is not None
    stored.expires_at = 2**62
    stored.options = stored.options._replace(scheduled_at=2**62)
    for path in ("/api/messages", f"/api/messages/{message_id}", f"/api/messages/{message_id}/status"):
        assert (await idle.get(path)).status_code == 200


async def test_a_long_poll_answers_at_the_change(idle: Rest) -> None:
    message_id = await idle.accept()
    poll = asyncio.create_task(idle.get(f"/api/messages/{message_id}/status?wait=30"))
    await asyncio.sleep(0)
    assert not poll.done()
    idle.in_memory_app.start()
    answer = await poll
    assert answer.json()["data"]["status"] in {"SENDING", "SENT"}


async def test_a_long_poll_of_what_is_final_answers_at_once(idle: Rest) -> None:
    message_id = await idle.accept()
    await idle.post(f"/api/messages/{message_id}/cancel")
    async with asyncio.timeout(5):
        answer = await idle.get(f"/api/messages/{message_id}/status?wait=30")
    assert answer.json()["data"]["status"] == "CANCELLED"


async def test_where_as_many_wait_as_may_a_long_poll_is_503_and_a_send_is_answered_at_once(idle: Rest) -> None:
    idle.in_memory_app.application.wait.max_waiters = 0
    message_id = await idle.accept()
    async with asyncio.timeout(5):
        answer = await idle.get(f"/api/messages/{message_id}/status?wait=30")
        sent = await idle.post(SEND, TEXT)
    assert (answer.status_code, answer.json()["error"], answer.headers["retry-after"]) == (503, "UNAVAILABLE", "1")
    assert answer.headers.get("connection") != "close", "the process goes on"
    assert (sent.status_code, sent.json()["data"]["status"]) == (202, "QUEUED")
    assert (await idle.get(f"/api/messages/{message_id}/status")).status_code == 200, "without waiting it is answered"


class StaleStatuses:
    """Old statuses of every message."""

    def __init__(self, reader: MessageReader) -> None:
        self.reader = reader

    async def statuses(self, tenant_id: TenantId, message_ids: Sequence[MessageId]) -> Mapping[MessageId, StatusView]:
        views = await self.reader.messages(tenant_id, message_ids)
        old = {message_id: StatusView.of(view) for message_id, view in views.items()}
        return {
            message_id: dataclasses.replace(view, status=MessageStatus.SENDING, version=0)
            for message_id, view in old.items()
        }


async def test_only_polls_may_be_answered_from_cached_statuses() -> None:
    async with serving(polled=StaleStatuses) as rest:
        sent = (await rest.post(SEND, TEXT)).json()["data"]
        assert sent["status"] == "SENT"
        sent_id = sent["messageId"]
        assert (await rest.status_of(sent_id))["status"] == "SENDING"
        assert ids(await rest.get(f"/api/messages/status?ids={sent_id}")) == [sent_id]
        scheduled = await rest.accept(scheduledAt="2026-01-01T00:00:00+08:00")
        cancelled = await rest.post(f"/api/messages/{scheduled}/cancel")
        assert cancelled.json()["data"]["status"] == "CANCELLED"
        waited = await rest.get(f"/api/messages/{scheduled}/status?wait=30")
        assert waited.json()["data"]["status"] == "CANCELLED"
        assert (await rest.get(f"/api/messages/{sent_id}")).json()["data"]["status"] == "SENT"


async def test_statuses_come_in_the_order_of_the_ids_without_unknown_ones(idle: Rest) -> None:
    first, second = await idle.accept(), await idle.accept()
    answer = await idle.get(f"/api/messages/status?ids={second},unknown,{first},{second}")
    assert ids(answer) == [second, first]


async def test_the_whole_message_has_its_timeline_and_decisions(rest: Rest) -> None:
    rest.in_memory_app.gateway.script(
        an_outcome(OutcomeClass.REFUSED_PERMANENT, error_code=-2003, error_message="bad id")
    )
    refused = (await rest.post(SEND, TEXT | {"extra": {"orderId": 42}})).json()["data"]["messageId"]
    data = (await rest.get(f"/api/messages/{refused}")).json()["data"]
    assert data["content"] == {"messageType": "TEXT", "content": "测试消息"}
    assert (data["status"], data["guid"], data["conversationId"]) == ("FAILED", "test-guid", "S:12345")
    assert (data["extra"], data["priority"], data["mode"]) == ({"orderId": 42}, 5, "SYNC")
    assert [entry["kind"] for entry in data["timeline"]][:3] == ["ACCEPTED", "ATTEMPT_STARTED", "ATTEMPT_ENDED"]
    (attempt,) = data["attempts"]
    assert (attempt["outcome"], attempt["errorCode"], attempt["errorMessage"]) == ("REFUSED_PERMANENT", -2003, "bad id")
    decision = attempt["decision"]
    assert decision["reason"] == "ONLY_CANDIDATE"
    assert [candidate["bindingId"] for candidate in decision["candidates"]] == [decision["chosen"]]


async def test_an_echo_makes_it_delivered_and_is_in_the_timeline(rest: Rest) -> None:
    message_id = await rest.sent()
    record = {"id": "7000001", "seq": "1", "sender": "1688", "receiver": "12345", "roomid": "0", "sendtime": 1750000000,
              "content_type": 2, "msg_type": 2, "send_flag": 1, "content": "测试消息", "flag": 0, "referid": "0"}  # fmt: skip
    await rest.post("/api/callbacks/webhook", {"guid": "test-guid", "notify_type": ECHO_TYPE, "data": record})

    await rest.reaches(message_id, "DELIVERED")
    timeline = (await rest.get(f"/api/messages/{message_id}")).json()["data"]["timeline"]
    assert (timeline[-1]["kind"], timeline[-1]["attempt"]) == ("ECHO", 1)
    (callback,) = (await rest.get("/api/callbacks/test-guid/recent")).json()["data"]
    assert (callback["state"], callback["messageId"]) == ("APPLIED", message_id)


async def test_pages_walk_through_all_messages_newest_first(idle: Rest) -> None:
    accepted = [await idle.accept() for _ in range(5)]
    listed: list[str] = []
    cursor = ""
    while True:
        answer = await idle.get(f"/api/messages?limit=2{cursor}")
        listed += ids(answer)
        following = answer.json()["data"]["nextCursor"]
        if following is None:
            break
        cursor = f"&cursor={following}"
    assert listed == accepted[::-1]


async def test_a_page_without_items_may_have_a_cursor_and_following_it_finds_the_message(
    idle: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle.in_memory_app.reader, "_max_walked", 2)
    accepted = [await idle.accept(conversationId=f"R:{number}") for number in range(5)]
    query = {"conversationId": "R:0", "limit": "9"}
    pages = [(await idle.get("/api/messages", params=query)).json()["data"]]
    while (cursor := pages[-1]["nextCursor"]) is not None:
        pages.append((await idle.get("/api/messages", params=query | {"cursor": cursor})).json()["data"])
    assert [[item["messageId"] for item in page["items"]] for page in pages] == [[], [], [accepted[0]]]


async def test_a_page_has_fifty_unless_asked(idle: Rest) -> None:
    for _ in range(51):
        await idle.accept()
    assert len(ids(await idle.get("/api/messages"))) == 50


async def test_an_integer_may_have_leading_zeros(idle: Rest) -> None:
    accepted = [await idle.accept() for _ in range(6)]
    listed = await idle.get("/api/messages", params={"limit": "05", "guid": TEXT["guid"]})
    assert (listed.status_code, ids(listed)) == (200, accepted[:0:-1])
    status = await idle.get(f"/api/messages/{accepted[0]}/status?wait=00")
    assert (status.status_code, status.json()["data"]["messageId"]) == (200, accepted[0])


@pytest.mark.parametrize("name", FILTERS)
async def test_each_filter_narrows_the_list(idle: Rest, name: str) -> None:
    unlike = await store_distinct_messages(
        MemoryUnitOfWorkFactory(idle.in_memory_app.database, idle.in_memory_app.clock)
    )
    value = unlike.value(name)
    query = {FILTERS[name].query_name: iso(value) if FILTERS[name].is_instant else str(value)}
    answer = await idle.get("/api/messages", params=query)
    assert ids(answer) == unlike.listed(name), answer.text


@pytest.mark.parametrize(
    "name", [name for name, message_filter in FILTERS.items() if message_filter.is_instant or message_filter.choices]
)
async def test_a_value_that_a_filter_cannot_have_is_named(idle: Rest, name: str) -> None:
    answer = await idle.get("/api/messages", params={FILTERS[name].query_name: "nonsense"})
    assert answer.status_code == 422
    assert [problem["path"] for problem in answer.json()["errors"]] == [FILTERS[name].query_name]


@pytest.mark.parametrize(
    "instant", ["2025-06-15T15:06:41Z", "2025-06-15T23:06:41%2B08:00", "2025-06-15T23:06:41+08:00"]
)
async def test_an_instant_may_have_any_zone(idle: Rest, instant: str) -> None:
    await idle.accept()
    idle.in_memory_app.clock.advance(1_000)
    later = await idle.accept()
    assert ids(await idle.get(f"/api/messages?createdFrom={instant}")) == [later]


async def test_a_message_is_found_by_its_key_and_its_batch(idle: Rest) -> None:
    await idle.accept()
    keyed = await idle.accept(clientMessageId="k-1")
    batch = (await idle.post("/api/messages/send/batch", {"messages": [TEXT]})).json()["data"]
    assert ids(await idle.get("/api/messages?clientMessageId=k-1")) == [keyed]
    assert ids(await idle.get(f"/api/messages?batchId={batch['batchId']}")) == [batch["items"][0]["messageId"]]
