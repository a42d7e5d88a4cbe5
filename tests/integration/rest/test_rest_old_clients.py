"""The API with `app.compat`, as clients of the Java service use it (ADR 84)."""

import dataclasses
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tests.integration.rest.test_rest_sending import Blind
from tests.support.apps.raw_http import raw_http
from tests.support.apps.rest import ASYNC, BATCH, SEND, TEXT, Rest, client_of, serving
from tests.support.builders.messages import an_outcome
from tests.support.builders.send_requests import EXAMPLES

from wework_message.application.queries.status_feed import StatusFeed, WaitForMessage
from wework_message.domain.outcomes import OutcomeClass
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.routes import served
from wework_message.entrypoints.wire.answer_form import AnswerForm
from wework_message.entrypoints.wire.requests.body import Limits
from wework_message.entrypoints.wire.requests.old_values import Compat

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
LIMITS: Final = Limits(compat=Compat(SHANGHAI, lenient=True))
JAVA: Final = AnswerForm(SHANGHAI, boolean_success=True)
WITH_ZONE: Final = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)")
LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}")
CALLBACK: Final = {
    "guid": "test-guid", "notify_type": 11010,
    "data": {"id": "1", "seq": "1", "sender": "7881300000000001", "receiver": "1", "sendtime": 1_754_620_530,
             "content_type": 2, "content": "hi", "send_flag": 0, "msg_type": 2},
}  # fmt: skip

LISTS: Final = sorted(
    path
    for handler in served(Config(version="0"))
    for path in handler.paths
    if "GET" in handler.http_methods and "{" not in path and path.startswith("/api/")
)


@pytest.fixture
async def old() -> AsyncIterator[Rest]:
    async with serving(limits=LIMITS, answers=JAVA) as rest:
        yield rest


@pytest.fixture
async def held() -> AsyncIterator[Rest]:
    """Nothing is sent."""
    async with serving(dispatching=False, limits=LIMITS, answers=JAVA) as rest:
        yield rest


def is_local(text: str, now: int) -> bool:
    return LOCAL.fullmatch(text) is not None and datetime.fromisoformat(text).replace(
        tzinfo=SHANGHAI
    ).timestamp() == pytest.approx(now / 1000, abs=60)


async def test_a_send_of_an_old_client_is_answered_as_it_reads(old: Rest) -> None:
    answer = await old.post(SEND, TEXT | {"priority": "10", "imageWidth": 0, "templateId": 7})
    body, now = answer.json(), old.in_memory_app.clock.now()
    assert answer.status_code == 200
    assert is_local(body["timestamp"], now)
    assert is_local(body["data"]["sendTime"], now)
    assert body["data"]["success"] is True
    message = (await old.get(f"/api/messages/{body['data']['messageId']}")).json()["data"]
    assert (message["priority"], message["success"]) == (9, True)
    assert all(is_local(entry["at"], now) for entry in message["timeline"])


async def test_what_is_accepted_is_no_failure(held: Rest) -> None:
    waited = (await held.post(SEND, TEXT, headers={"Prefer": "wait=0"})).json()
    assert (waited["code"], waited["data"]["status"], waited["data"]["success"]) == (200, "QUEUED", True)
    accepted = (await held.post(ASYNC, TEXT | {"clientMessageId": "k", "scheduledAt": "2025-08-08T18:15:30"})).json()[
        "data"
    ]
    assert (accepted["success"], accepted["scheduledAt"]) == (True, "2025-08-08T18:15:30.000")
    assert (await held.status_of(accepted["messageId"]))["success"] is True
    group = {"guid": "test-guid", "conversationId": "S:1", "messageType": "MIXED", "parts": [
        {"messageType": "TEXT", "content": "a"}, {"messageType": "TEXT", "content": "b"},
    ]}  # fmt: skip
    assert (await held.post(ASYNC, group)).json()["data"]["success"] is True
    assert (await held.post(f"/api/messages/{accepted['messageId']}/cancel")).json()["data"]["success"] is False
    cancelled = (await held.post(ASYNC, TEXT | {"clientMessageId": "k", "scheduledAt": "2025-08-08T18:15:30"})).json()[
        "data"
    ]
    assert (cancelled["duplicate"], cancelled["status"], cancelled["success"]) == (True, "CANCELLED", False)


@pytest.mark.parametrize("path", [SEND, ASYNC])
@pytest.mark.parametrize("kind", ["TEXT", "MIXED"])
async def test_what_is_stored_and_cannot_be_read_is_no_failure(held: Rest, path: str, kind: str) -> None:
    reader = Blind(held.in_memory_app.database)
    application = dataclasses.replace(
        held.in_memory_app.application, wait=WaitForMessage(StatusFeed(), reader, 500, 1), read=reader
    )
    async with client_of(application, held.in_memory_app.clock.now, limits=LIMITS, answers=JAVA) as client:
        answer = await client.post(path, json=EXAMPLES[kind])
    assert (answer.status_code, answer.json()["data"]["success"]) == (202, True)


async def test_the_server_answers_alike_on_a_socket() -> None:
    async with raw_http(answers=JAVA) as http:
        status, _, body = await (await http.connect()).post("/message/api/messages/send", msgspec.json.encode(TEXT))
        assert status == 200
        assert LOCAL.fullmatch(msgspec.json.decode(body)["data"]["sendTime"])
        connection = await http.connect()
        connection.writer.write(b"no http\r\n\r\n")
        status, _, body = await connection.answer()
        assert status == 400
        assert LOCAL.fullmatch(msgspec.json.decode(body)["timestamp"])


async def test_what_is_refused_for_good_is_a_failure(old: Rest) -> None:
    old.in_memory_app.gateway.script(an_outcome(OutcomeClass.REFUSED_PERMANENT, error_code=-2003, error_message="no"))
    answer = await old.post(SEND, TEXT)
    assert answer.status_code == 422
    assert (answer.json()["data"]["success"], answer.json()["success"]) == (False, False)
    assert is_local(answer.json()["timestamp"], old.in_memory_app.clock.now())


@pytest.mark.parametrize("headers", [{}, {"accept": "application/problem+json"}])
async def test_refusals_have_local_times_too(old: Rest, headers: dict[str, str]) -> None:
    for answer in (
        await old.post(SEND, TEXT | {"content": ""}, headers=headers),
        await old.get("/api/nothing", headers=headers),
        await old.get("/api/messages?nothing=1", headers=headers),
    ):
        assert answer.status_code in (404, 422)
        assert is_local(answer.json()["timestamp"], old.in_memory_app.clock.now())


async def test_no_answer_has_an_instant_with_a_zone(old: Rest) -> None:
    message_id = await old.sent()
    batch = {"messages": [TEXT, TEXT | {"priority": "5"}, TEXT | {"priority": "x"}]}
    batch_id = (await old.post(BATCH, batch)).json()["data"]["batchId"]
    await old.post("/api/callbacks/webhook", CALLBACK)
    await old.post("/api/accounts", {"accountId": "a", "name": "a", "bindings": []})
    webhook = {"url": "https://shop.example.com/new", "events": ["message.status"]}
    webhook_id = (await old.post("/api/webhooks", webhook)).json()["data"]["webhookId"]
    await old.post("/api/callbacks/tokens", {"providerCode": "GUANGZHOU_GUXING"})
    await old.post("/api/control/pause", {"scope": "ACCOUNT", "id": "a"})
    await old.post("/api/erasures", {"conversationId": "S:777"})
    await old.post(f"/api/webhooks/{webhook_id}/test")
    paths = [
        *LISTS, f"/api/messages/{message_id}", f"/api/messages/{message_id}/status", f"/api/messages/status?ids={message_id}",
        f"/api/messages/batches/{batch_id}", "/api/callbacks/test-guid/recent", "/api/callbacks/test-guid/callbacks/11010",
        f"/api/webhooks/{webhook_id}/deliveries", "/api/accounts/a", "/api/messages?createdFrom=2025-01-01T00:00:00",
    ]  # fmt: skip
    shown = 0
    for path in paths:
        answer = await old.get(path)
        assert WITH_ZONE.search(answer.text) is None, (path, answer.text)
        shown += len(LOCAL.findall(answer.text)) - 1
    assert shown > 20


async def test_the_document_says_which_times_they_are(old: Rest, rest: Rest) -> None:
    texts = [(await api.get("/v3/api-docs")).json()["info"]["description"] for api in (old, rest)]
    assert ["local times of Asia/Shanghai" in text for text in texts] == [True, False]
    assert ["ISO-8601 in UTC" in text for text in texts] == [False, True]


async def test_a_local_time_narrows_a_list(held: Rest) -> None:
    await held.accept()
    now = (await held.get("/api/health")).json()["timestamp"]
    for text, count in ((now, 0), (now.replace("T", " "), 0), ("2025-01-01T00:00:00", 1)):
        items: list[Any] = (await held.get("/api/messages", params={"createdFrom": text})).json()["data"]["items"]
        assert len(items) >= count
    later = await held.get("/api/messages", params={"createdTo": "2025-01-01 00:00"})
    assert (later.status_code, later.json()["data"]["items"]) == (200, [])


async def test_without_the_settings_all_is_as_documented(rest: Rest) -> None:
    assert (await rest.post(SEND, TEXT | {"imageWidth": 0})).status_code == 422
    assert (await rest.post(SEND, TEXT | {"scheduledAt": "2025-08-08T18:15:30"})).status_code == 422
    accepted = (await rest.post(ASYNC, TEXT)).json()
    assert WITH_ZONE.fullmatch(accepted["timestamp"])
    assert "success" not in accepted["data"]
