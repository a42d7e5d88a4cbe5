"""UNKNOWN messages are settled by hand over REST, and on the command line against the real API."""

import json
import logging
from typing import Any

import pytest
from tests.support.apps.command_line import run_against
from tests.support.apps.rest import SEND, TEXT, Rest
from tests.support.builders.messages import NOW, a_due_message, an_outcome, begin_call, settle

from wework_message.domain.ids import MessageId
from wework_message.domain.message_filter import FILTERS
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.entrypoints.wire.instants import iso

LOST = an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE)
BULK = "/api/messages/resolve"
WORD = {"outcome": "NOT_SENT", "note": "她没有收到", "by": "mei"}


async def unknown(rest: Rest, number: int, **changes: Any) -> list[str]:
    new_id = rest.in_memory_app.application.accept.accept.drafting.ids.message_id
    messages = [a_due_message(id=new_id(), conversation_id=f"R:{place}", **changes) for place in range(number)]
    for message in messages:
        begin_call(message)
        settle(message, LOST)
    async with rest.in_memory_app.units() as unit:
        await unit.messages.add(messages)
        await unit.commit()
    return [message.id for message in messages]


async def test_a_word_is_answered_with_the_status_and_shown_in_the_timeline(
    rest: Rest, caplog: pytest.LogCaptureFixture
) -> None:
    rest.in_memory_app.gateway.script(LOST)
    message_id = (await rest.post(SEND, TEXT)).json()["data"]["messageId"]
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            answer = await rest.post(f"/api/messages/{message_id}/resolve", WORD)
            data = answer.json()["data"]
            assert (answer.status_code, data["status"], data["reason"]) == (200, "FAILED", "NOT_SENT_BY_PERSON")
            assert (data["confirmed"], data["attempts"]) == (True, 1)
    shown = (await rest.get(f"/api/messages/{message_id}")).json()["data"]
    assert [entry["detail"] for entry in shown["timeline"] if entry["kind"] == "NOT_SENT_BY_PERSON"] == [
        "mei: 她没有收到"
    ]
    assert "她没有收到" not in caplog.text
    assert "mei" not in caplog.text
    group = (await rest.get("/api/dead-letters")).json()["data"]["items"][0]
    assert (group["cause"], group["count"], group["unconfirmed"]) == ("NOT_SENT_BY_PERSON", 1, 0)


async def test_what_is_not_unknown_is_409_with_its_state(rest: Rest) -> None:
    message_id = await rest.sent()
    for outcome in ("SENT", "NOT_SENT"):
        answer = await rest.post(f"/api/messages/{message_id}/resolve", {"outcome": outcome})
        assert (answer.status_code, answer.json()["error"]) == (409, "ILLEGAL_STATE")
        assert answer.json()["data"]["status"] == "SENT"
        assert "SENT" in answer.json()["message"]
    answer = await rest.post("/api/messages/nothing/resolve", {"outcome": "SENT"})
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "outcome", "REQUIRED"),
        ({"outcome": None}, "outcome", "REQUIRED"),
        ({"outcome": "PERHAPS"}, "outcome", "INVALID_VALUE"),
        ({"outcome": 1}, "outcome", "WRONG_TYPE"),
        ({"outcome": "SENT", "note": ""}, "note", "INVALID_VALUE"),
        ({"outcome": "SENT", "note": "a\nb"}, "note", "INVALID_VALUE"),
        ({"outcome": "SENT", "note": "x" * 181}, "note", "TOO_LONG"),
        ({"outcome": "SENT", "note": 1}, "note", "WRONG_TYPE"),
        ({"outcome": "SENT", "by": "x" * 65}, "by", "TOO_LONG"),
        ({"outcome": "SENT", "why": "x"}, "why", "UNKNOWN_FIELD"),
    ],
)
async def test_a_bad_word_names_its_field_and_changes_nothing(
    idle: Rest, body: dict[str, Any], path: str, code: str
) -> None:
    (message_id,) = await unknown(idle, 1)
    for url, more in ((f"/api/messages/{message_id}/resolve", {}), (BULK, {"status": "UNKNOWN"})):
        answer = await idle.post(url, body | more)
        assert (answer.status_code, answer.json()["error"]) == (422, "VALIDATION_FAILED")
        assert [(problem["path"], problem["code"]) for problem in answer.json()["errors"]] == [(path, code)]
    assert (await idle.status_of(message_id))["status"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("more", "path", "code"),
    [
        ({}, "status", "REQUIRED"),
        ({"accountId": None}, "status", "REQUIRED"),
        ({"status": "FAILED"}, "status", "INVALID_VALUE"),
        ({"status": 1}, "status", "WRONG_TYPE"),
        ({"messageType": "SMS"}, "messageType", "INVALID_VALUE"),
        ({"accountId": ""}, "accountId", "INVALID_VALUE"),
        ({"accountId": "x" * 256}, "accountId", "TOO_LONG"),
        ({"createdFrom": "yesterday"}, "createdFrom", "INVALID_VALUE"),
        ({"createdTo": 7}, "createdTo", "WRONG_TYPE"),
        ({"guid": "g", "asOf": "1970-01-01T00:00:00Z"}, "asOf", "INVALID_VALUE"),
        ({"guid": "g", "asOf": iso(NOW + 60_000)}, "asOf", "INVALID_VALUE"),
        ({"guid": "g", "dryRun": "yes"}, "dryRun", "WRONG_TYPE"),
    ],
)
async def test_bad_filters_name_their_field_and_change_nothing(
    idle: Rest, more: dict[str, Any], path: str, code: str
) -> None:
    (message_id,) = await unknown(idle, 1)
    answer = await idle.post(BULK, {"outcome": "SENT"} | more)
    assert [(problem["path"], problem["code"]) for problem in answer.json()["errors"]] == [(path, code)]
    assert (await idle.status_of(message_id))["status"] == "UNKNOWN"


async def test_a_cursor_needs_the_instant_of_the_first_answer(idle: Rest) -> None:
    message_ids = await unknown(idle, 3)
    body = WORD | {"status": "UNKNOWN"}
    first = (await idle.post(BULK, body, params={"limit": 2})).json()["data"]
    assert first == {
        "outcome": "NOT_SENT", "dryRun": False, "asOf": iso(NOW), "matched": 2, "resolved": 2,
        "sampleMessageIds": message_ids[:0:-1], "nextCursor": first["nextCursor"],
    }  # fmt: skip
    params = {"cursor": first["nextCursor"]}
    refused = await idle.post(BULK, body, params=params)
    assert [(problem["path"], problem["code"]) for problem in refused.json()["errors"]] == [("asOf", "REQUIRED")]
    second = (await idle.post(BULK, body | {"asOf": first["asOf"]}, params=params)).json()["data"]
    assert (second["resolved"], second["sampleMessageIds"], second["nextCursor"]) == (1, message_ids[:1], None)
    for limit in ("0", "1001", "x"):
        assert (await idle.post(BULK, body, params={"limit": limit})).status_code == 422


async def test_every_filter_of_the_list_narrows_a_resolution(idle: Rest) -> None:
    values = {
        "status": "UNKNOWN", "messageType": "TEXT", "createdFrom": "2025-01-01T00:00:00+00:00",
        "createdTo": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    (message_id,) = await unknown(idle, 1)
    message = await idle.in_memory_app.message(MessageId(message_id))
    for message_filter in FILTERS.values():
        own = message_filter.value_of(message)
        value = values.get(message_filter.query_name, own if own is not None else "nothing")
        for shown, matched in ((value, own is not None), ("else", False)):
            if shown == "else" and message_filter.query_name in values:
                continue
            body = {"outcome": "SENT", "dryRun": True, message_filter.query_name: shown}
            answer = (await idle.post(BULK, body)).json()
            assert answer["data"]["matched"] == int(matched), (message_filter.query_name, shown)


async def test_the_command_line_counts_resolves_and_goes_on(idle: Rest) -> None:
    message_ids = await unknown(idle, 130)
    select = ("messages", "resolve", "--not-sent", "--note", "none came", "--account", "guid:guid-a")
    dry = await run_against(idle.client, *select, "--dry-run")
    assert "130 are UNKNOWN and would be NOT_SENT" in dry.stdout
    assert f"such as {message_ids[-1]}" in dry.stdout
    done = await run_against(idle.client, *select, "--json")
    assert json.loads(done.stdout)["resolved"] == 130, done.output
    statuses = [(await idle.status_of(message_id))["status"] for message_id in (message_ids[0], message_ids[-1])]
    assert statuses == ["FAILED", "FAILED"]
    again = await run_against(idle.client, *select)
    assert "0 resolved as NOT_SENT, 0 were settled meanwhile" in again.stdout
