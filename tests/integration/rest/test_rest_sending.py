import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any, NoReturn

import pytest
from tests.support.apps.guxing_app import a_policy, a_provider
from tests.support.apps.rest import ASYNC, BATCH, SEND, TEXT, Rest, client_of, serving
from tests.support.builders.messages import an_outcome
from tests.support.builders.send_requests import EXAMPLES

from wework_message.adapters.memory.reader import MemoryMessageReader
from wework_message.application.queries.status_feed import StatusFeed, WaitForMessage
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import MessageId, TenantId
from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.ports.gateway import Dispatch
from wework_message.domain.ports.queries import MessageView
from wework_message.domain.routing.provider import Capabilities
from wework_message.entrypoints.wire.requests.fields import KNOWN_NAMES


class Blind(MemoryMessageReader):
    """As if the row were not there: a reader that lags behind, a row that somebody deleted."""

    async def messages(self, *_: object) -> Mapping[MessageId, MessageView]:
        return {}


class Away(MemoryMessageReader):
    error: Exception = UnavailableError("database")

    async def messages(self, *_: object) -> NoReturn:
        raise self.error

    async def batch_items(self, *_: object, **__: object) -> NoReturn:
        raise self.error


class Faulty(Away):
    error = OverflowError("a defect")


REFUSED = an_outcome(OutcomeClass.REFUSED_PERMANENT, error_code=-2003, error_message="bad conversation id")


async def test_the_seeds_own_request_answers_the_outcome(rest: Rest) -> None:
    answer = await rest.post(SEND, TEXT)
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert (body["code"], body["message"], body["success"]) == (200, "success", True)
    assert body["timestamp"].endswith("Z")
    assert body["requestId"] == answer.headers["x-request-id"] == body["data"]["requestId"]
    data = body["data"]
    assert (data["status"], data["success"], data["errorCode"], data["errorMessage"]) == ("SENT", True, 0, "ok")
    assert (data["providerMessageId"], data["messageSeq"]) == ("7000001", "7000001")
    assert (data["simulated"], data["attempts"], data["duplicate"]) == (True, 1, False)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in {"QUOTE", "MIXED"}])
async def test_every_type_is_sent(rest: Rest, name: str) -> None:
    answer = await rest.post(SEND, EXAMPLES[name])
    assert answer.status_code == 200, answer.text
    assert rest.in_memory_app.gateway.executed[0].content.message_type == name


async def test_a_java_dto_with_every_field_null_but_its_own_is_accepted(rest: Rest) -> None:
    answer = await rest.post(SEND, dict.fromkeys(KNOWN_NAMES) | TEXT)
    assert answer.status_code == 200, answer.text


async def test_a_refusal_is_422_and_carries_the_message(rest: Rest) -> None:
    rest.in_memory_app.gateway.script(REFUSED)
    answer = await rest.post(SEND, TEXT)
    body = answer.json()
    assert answer.status_code == 422
    assert (body["code"], body["success"], body["error"]) == (422, False, "PROVIDER_REFUSED")
    assert body["message"] == "bad conversation id"
    assert (body["data"]["status"], body["data"]["success"], body["data"]["errorCode"]) == ("FAILED", False, -2003)
    assert (await rest.status_of(body["data"]["messageId"]))["status"] == "FAILED"


async def test_an_uncertain_send_answers_202_at_once(rest: Rest) -> None:
    rest.in_memory_app.gateway.script(an_outcome(OutcomeClass.UNCERTAIN, reason=Reason.DEADLINE))
    answer = await rest.post(SEND, TEXT)
    assert answer.status_code == 202
    assert (answer.json()["data"]["status"], answer.json()["data"]["success"]) == ("UNKNOWN", None)
    assert answer.json()["code"] == 200


async def test_a_held_message_answers_202_at_once() -> None:
    async with serving(a_policy(rate_per_minute=1)) as rest:
        await rest.sent()
        answer = await rest.post(SEND, TEXT | {"conversationId": "S:2"})
        assert answer.status_code == 202
        assert (answer.json()["data"]["status"], answer.json()["data"]["reason"]) == ("HELD", "BUDGET")


async def test_a_scheduled_message_answers_202_at_once(rest: Rest) -> None:
    answer = await rest.post(SEND, TEXT | {"scheduledAt": "2026-01-01T00:00:00+08:00"})
    assert answer.status_code == 202
    assert answer.json()["data"]["status"] == "SCHEDULED"


@pytest.mark.parametrize(
    "preferences", [[("Prefer", "respond-async, wait=0")], [("Prefer", "respond-async"), ("Prefer", "wait=0")]]
)
async def test_a_deadline_answers_202_with_todays_status(idle: Rest, preferences: list[tuple[str, str]]) -> None:
    answer = await idle.post(SEND, TEXT, headers=preferences)
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait"
    assert answer.json()["data"]["status"] == "QUEUED"


@pytest.mark.parametrize(
    ("prefer", "configured", "waited"),
    [
        (None, 10_000, 10_000),
        (None, 600_000, 30_000),
        ("wait=5", 10_000, 5_000),
        ("respond-async; foo, wait = 7", 10_000, 7_000),
        ("wait=31", 10_000, 30_000),
        ("await=5", 10_000, 10_000),
        ("wait=soon", 10_000, 10_000),
    ],
)
async def test_how_long_a_send_waits(idle: Rest, prefer: str | None, configured: int, waited: int) -> None:
    waits: list[int] = []

    async def wait(tenant: TenantId, message_id: MessageId, *, enough: object, wait_ms: int) -> MessageView | None:
        waits.append(wait_ms)
        return (await idle.in_memory_app.application.read.messages(tenant, [message_id])).get(message_id)

    policy = dataclasses.replace(idle.in_memory_app.application.policy, sync_wait_ms=configured)
    application = dataclasses.replace(idle.in_memory_app.application, wait=wait, policy=policy)  # type: ignore[arg-type] # only its call is used
    async with client_of(application, idle.in_memory_app.clock.now) as client:
        await client.post(SEND, json=TEXT, headers={"Prefer": prefer} if prefer is not None else {})
    assert waits == [waited]


async def test_the_configured_wait_ends_too() -> None:
    async with serving(a_policy(sync_wait_ms=1), dispatching=False) as rest:
        assert (await rest.post(SEND, TEXT)).status_code == 202


@pytest.mark.parametrize(
    ("types", "error"), [(frozenset({"IMAGE"}), "NO_CAPABILITY"), (None, "NO_BINDING")], ids=["type", "disabled"]
)
async def test_missing_bindings_and_capabilities_have_codes_of_their_own(
    types: frozenset[str] | None, error: str
) -> None:
    provider = a_provider(enabled=False) if types is None else a_provider(capabilities=Capabilities(types))
    async with serving(a_policy(provider)) as rest:
        answer = await rest.post(SEND, TEXT)
        assert (answer.status_code, answer.json()["error"]) == (422, error)
        assert answer.json()["data"]["messageId"]


async def test_a_message_whose_time_is_over_is_not_called_refused_by_the_provider(idle: Rest) -> None:
    key = {"Idempotency-Key": "k"}
    body = TEXT | {"expiresAt": "2025-06-15T15:06:41Z"}
    await idle.post(ASYNC, body, headers=key)
    idle.in_memory_app.clock.advance(2_000)
    idle.in_memory_app.start()
    ids = list(idle.in_memory_app.database.messages.committed_items())

    await idle.reaches(ids[0], "EXPIRED")
    idle.in_memory_app.clock.advance(-2_000)
    answer = await idle.post(SEND, body, headers=key)
    assert (answer.status_code, answer.json()["error"]) == (422, "EXPIRED")


async def test_async_answers_202_before_anything_is_sent(idle: Rest) -> None:
    answer = await idle.post(ASYNC, TEXT)
    data = answer.json()["data"]
    assert answer.status_code == 202
    assert data == {
        "accountId": "guid:test-guid",
        "messageId": data["messageId"],
        "status": "QUEUED",
        "duplicate": False,
        "scheduledAt": None,
        "statusUrl": f"/message/api/messages/{data['messageId']}/status",
    }
    assert answer.headers["location"] == data["statusUrl"]
    assert (await idle.get(data["statusUrl"])).json()["data"]["status"] == "QUEUED"


async def test_async_true_on_send_answers_like_async(idle: Rest) -> None:
    answer = await idle.post(SEND, TEXT | {"async": True})
    assert answer.status_code == 202
    assert "statusUrl" in answer.json()["data"]


@pytest.mark.parametrize(("path", "more"), [(ASYNC, {}), (SEND, {"async": True})])
async def test_async_that_is_switched_off_is_503_and_stores_nothing(path: str, more: dict[str, Any]) -> None:
    async with serving(a_policy(async_enabled=False), dispatching=False) as rest:
        answer = await rest.post(path, TEXT | more)
        assert (answer.status_code, answer.json()["error"]) == (503, "UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
        assert rest.in_memory_app.stored() == 0


async def test_the_same_key_answers_the_same_message(rest: Rest) -> None:
    first = await rest.post(SEND, TEXT, headers={"Idempotency-Key": "order-42"})
    again = await rest.post(SEND, TEXT | {"clientMessageId": "order-42"})
    assert "idempotent-replayed" not in first.headers
    assert again.status_code == 200
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["data"]["duplicate"] is True
    assert again.json()["data"]["messageId"] == first.json()["data"]["messageId"]
    assert len(rest.in_memory_app.gateway.executed) == 1


async def test_a_repeated_async_send_answers_todays_status(rest: Rest) -> None:
    key = {"Idempotency-Key": "order-42"}
    await rest.post(SEND, TEXT, headers=key)
    again = await rest.post(ASYNC, TEXT, headers=key)
    assert (again.status_code, again.json()["data"]["status"]) == (202, "SENT")
    assert again.headers["idempotent-replayed"] == "true"


async def test_the_same_key_for_another_request_is_409(rest: Rest) -> None:
    key = {"Idempotency-Key": "order-42"}
    await rest.post(SEND, TEXT, headers=key)
    answer = await rest.post(SEND, TEXT | {"content": "another"}, headers=key)
    assert (answer.status_code, answer.json()["error"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert rest.in_memory_app.stored() == 1


async def test_mixed_sends_its_parts_in_order_and_names_them(rest: Rest) -> None:
    answer = await rest.post(SEND, EXAMPLES["MIXED"])
    data = answer.json()["data"]
    assert answer.status_code == 200
    assert [(part["index"], part["status"]) for part in data["parts"]] == [(0, "SENT"), (1, "SENT")]
    assert [call.message_id for call in rest.in_memory_app.gateway.executed] == [
        part["messageId"] for part in data["parts"]
    ]


async def test_mixed_stops_at_the_first_part_that_is_refused(rest: Rest) -> None:
    rest.in_memory_app.gateway.script(REFUSED)
    answer = await rest.post(SEND, EXAMPLES["MIXED"])
    assert (answer.status_code, answer.json()["error"]) == (422, "PROVIDER_REFUSED")
    assert [part["status"] for part in answer.json()["data"]["parts"]] == ["FAILED", "CANCELLED"]
    assert len(rest.in_memory_app.gateway.calls) == 1


async def test_mixed_does_not_wait_for_parts_behind_one_that_waits_itself() -> None:
    async with serving(a_policy(rate_per_minute=1)) as rest, asyncio.timeout(20):
        await rest.sent()
        answer = await rest.post(SEND, EXAMPLES["MIXED"] | {"guid": "test-guid"}, headers={"Prefer": "wait=30"})
        assert answer.status_code == 202
        assert [part["status"] for part in answer.json()["data"]["parts"]] == ["HELD", "QUEUED"]


async def test_mixed_is_accepted_asynchronously_too(idle: Rest) -> None:
    answer = await idle.post(ASYNC, EXAMPLES["MIXED"])
    assert answer.status_code == 202
    assert [part["status"] for part in answer.json()["data"]["parts"]] == ["QUEUED", "QUEUED"]


async def test_a_mixed_send_whose_time_is_over_answers_what_is_there(idle: Rest) -> None:
    answer = await idle.post(SEND, EXAMPLES["MIXED"], headers={"Prefer": "wait=0"})
    assert answer.status_code == 202
    assert [part["status"] for part in answer.json()["data"]["parts"]] == ["QUEUED", "QUEUED"]


async def test_a_client_that_goes_away_does_not_take_its_message_along(rest: Rest) -> None:
    called, go = asyncio.Event(), asyncio.Event()

    async def slow(_: Dispatch) -> AttemptOutcome:
        called.set()
        await go.wait()
        return rest.in_memory_app.gateway.accepted()

    rest.in_memory_app.gateway.script(slow)
    request = asyncio.create_task(rest.post(SEND, TEXT))
    await called.wait()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    go.set()
    (message_id,) = rest.in_memory_app.database.messages.committed_items()

    await rest.reaches(message_id, "SENT")


@pytest.mark.parametrize("path", [SEND, ASYNC])
@pytest.mark.parametrize("kind", [Away, Faulty, Blind])
@pytest.mark.parametrize("body", [TEXT, EXAMPLES["MIXED"]], ids=["one", "mixed"])
async def test_an_answer_that_fails_after_the_commit_does_not_ask_for_a_repetition(
    idle: Rest, body: dict[str, Any], kind: type[MemoryMessageReader], path: str
) -> None:
    reader = kind(idle.in_memory_app.database)
    application = dataclasses.replace(
        idle.in_memory_app.application, wait=WaitForMessage(StatusFeed(), reader, 500, 1), read=reader
    )
    async with client_of(application, idle.in_memory_app.clock.now) as client:
        answer = await client.post(path, json=body)
    data = answer.json()["data"]
    assert answer.status_code == 202
    stored = idle.in_memory_app.database.messages.committed_items().values()
    assert {data.get("messageId"), data.get("groupId")} & {
        *(message.id for message in stored),
        *(message.group_id for message in stored),
    }


@pytest.mark.parametrize("path", [SEND, ASYNC])
async def test_a_store_that_is_away_is_503(idle: Rest, path: str) -> None:
    idle.in_memory_app.database.away = True
    answer = await idle.post(path, TEXT)
    assert (answer.status_code, answer.json()["error"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("path", [SEND, ASYNC, BATCH])
async def test_a_process_that_drains_takes_no_new_work(idle: Rest, path: str) -> None:
    idle.in_memory_app.application.service.draining = True
    answer = await idle.post(path, {"messages": [TEXT]} if path == BATCH else TEXT)
    assert (answer.status_code, answer.json()["error"]) == (503, "UNAVAILABLE")
    assert answer.headers["connection"] == "close"
    assert idle.in_memory_app.stored() == 0
