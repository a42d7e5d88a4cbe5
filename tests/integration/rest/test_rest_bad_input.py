from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.support.apps.rest import ASYNC, BATCH, SEND, TEXT, Rest, serving
from tests.support.builders.send_requests import EXAMPLES, REQUIRED

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROBLEM = {"Accept": "application/problem+json"}
BODIES = [SEND, ASYNC, BATCH]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def application() -> AsyncIterator[Rest]:
    async with serving(dispatching=False) as rest:
        yield rest


@pytest.fixture
def idle(application: Rest) -> Rest:
    """One application for all: nearly no request here reaches the store."""
    application.stored_before = application.in_memory_app.stored()
    return application


def _refused(rest: Rest, answer: Any, status: int, error: str, path: str | None = None) -> dict[str, Any]:
    """The envelope of an error, and that nothing was stored."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"], body["success"], body["error"]) == (status, status, False, error), body
    assert body["requestId"] == answer.headers["x-request-id"]
    assert body["timestamp"].endswith("Z")
    assert "data" not in body
    if path is not None:
        assert path in [problem["path"] for problem in body["errors"]]
    assert rest.in_memory_app.stored() == rest.stored_before
    return body


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, fields in REQUIRED.items() for field in fields], ids=lambda value: value
)
@pytest.mark.parametrize("how", ["missing", "null", "empty"])
async def test_a_field_without_which_a_type_means_nothing(idle: Rest, name: str, field: str, how: str) -> None:
    request = EXAMPLES[name] | {field: "" if how == "empty" else None}
    if how == "missing":
        del request[field]
    _refused(idle, await idle.post(ASYNC, request), 422, "VALIDATION_FAILED", field)


RECORDED = {"messageType": "TEXT", "content": "x", "senderName": "n"}
RECORD = {"messageType": "MERGED", "content": None}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"conversationId": "X:1"}, "conversationId"),
        ({"conversationId": "S:abc"}, "conversationId"),
        ({"conversationId": ""}, "conversationId"),
        ({"messageType": "TELEGRAM"}, "messageType"),
        ({"messageType": None}, "messageType"),
        ({"contnet": "x"}, "contnet"),
        ({"fileId": "x"}, "fileId"),
        ({"content": "x" * 4001}, "content"),
        ({"content": "a\0b"}, "content"),
        ({"guid": None}, "guid"),
        ({"accountId": "both"}, "accountId"),
        ({"priority": 11}, "priority"),
        ({"priority": "high"}, "priority"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"scheduledAt": "2026-01-01T00:00:00"}, "scheduledAt"),
        ({"scheduledAt": "9999-12-31T23:59:59-14:00"}, "scheduledAt"),
        ({"scheduledAt": "9999-12-31T23:59:59Z"}, "scheduledAt"),
        ({"scheduledAt": "0001-01-01T00:00:00+14:00"}, "scheduledAt"),
        ({"scheduledAt": "2019-12-31T23:59:59Z"}, "scheduledAt"),
        ({"expiresAt": "9999-12-31T23:59:59-14:00"}, "expiresAt"),
        ({"expiresAt": "2027-01-01T00:00:00Z"}, "expiresAt"),
        (RECORD | {"messages": [RECORDED | {"sendTime": "0001-01-01T00:00:00+14:00"}]}, "messages[0].sendTime"),
        (RECORD | {"messages": [RECORDED | {"sendTime": "9999-12-31T23:59:59-14:00"}]}, "messages[0].sendTime"),
        ({"onUnknown": "RESEND"}, "duplicateSafe"),
        ({"providerCode": "NOBODY"}, "providerCode"),
        ({"guid": None, "accountId": "nobody"}, "accountId"),
        ({"clientMessageId": "日本"}, "clientMessageId"),
    ],
)
@pytest.mark.parametrize("path_of", [SEND, ASYNC])
async def test_what_no_message_may_say(idle: Rest, changes: dict[str, Any], path: str, path_of: str) -> None:
    _refused(idle, await idle.post(path_of, TEXT | changes), 422, "VALIDATION_FAILED", path)


async def test_a_quote_of_a_message_that_does_not_exist(idle: Rest) -> None:
    quote = TEXT | {"messageType": "QUOTE", "quoteMessageId": "0197c2b2-7c1f-7c3e-9d5a-0123456789ab"}
    _refused(idle, await idle.post(ASYNC, quote), 422, "VALIDATION_FAILED", "quoteMessageId")


async def test_media_that_are_not_there_or_never_fetched_are_named(idle: Rest) -> None:
    image = {name: EXAMPLES["IMAGE"][name] for name in ("guid", "conversationId", "messageType")}
    for path, value in (
        ("mediaId", "nobody's"),
        ("url", "https://10.0.0.1/a.png"),
        ("url", "http://files.example/a.png"),
    ):
        _refused(idle, await idle.post(ASYNC, image | {path: value}), 422, "VALIDATION_FAILED", path)
    text = {name: TEXT[name] for name in ("messageType", "content")}
    mixed = TEXT | {"messageType": "MIXED", "parts": [text, {"messageType": "IMAGE", "mediaId": "nobody's"}]}
    del mixed["content"]
    _refused(idle, await idle.post(ASYNC, mixed), 422, "VALIDATION_FAILED", "parts[1].mediaId")
    body = {"messages": [image | {"mediaId": "nobody's"}], "atomic": True}
    _refused(idle, await idle.post(BATCH, body), 422, "VALIDATION_FAILED", "messages[0].mediaId")
    answer = await idle.post(ASYNC, image | {"url": "https://files.example/a.png"})
    assert answer.status_code == 202
    shown = await idle.get(f"/api/messages/{answer.json()['data']['messageId']}")
    assert shown.json()["data"]["content"].keys() >= {"mediaId"}


async def test_all_problems_are_listed_at_once(idle: Rest) -> None:
    body = _refused(idle, await idle.post(SEND, {"messageType": "TEXT", "x": 1}), 422, "VALIDATION_FAILED")
    assert {problem["path"] for problem in body["errors"]} == {"guid", "conversationId", "content", "x"}


@pytest.mark.parametrize("path", [*BODIES, "/message/api/callbacks/webhook"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"a": NaN}'], ids=["empty", "cut", "not utf-8", "NaN"])
async def test_what_is_no_json_is_400(idle: Rest, path: str, body: bytes) -> None:
    answer = await idle.client.post(path, content=body, headers={"Content-Type": "application/json"})
    _refused(idle, answer, 400, "INVALID_JSON")


@pytest.mark.parametrize("path", BODIES)
async def test_json_that_is_no_object_is_422(idle: Rest, path: str) -> None:
    _refused(idle, await idle.post(path, [1]), 422, "VALIDATION_FAILED")


async def test_json_that_is_too_deep_is_400(idle: Rest) -> None:
    nested: Any = 1
    for _ in range(40):
        nested = [nested]
    _refused(idle, await idle.post(SEND, TEXT | {"extra": {"a": nested}}), 400, "INVALID_JSON")


@pytest.mark.parametrize(
    ("path", "most"), [(SEND, 1_048_576), (ASYNC, 1_048_576), (BATCH, 4_194_304), ("/api/callbacks/webhook", 4_194_304)]
)
async def test_a_body_over_the_limit_is_413_with_and_without_a_length(idle: Rest, path: str, most: int) -> None:
    async def chunks() -> Any:
        for _ in range(most // 65_536):
            yield b" " * 65_536
        yield b" "

    headers = {"Content-Type": "application/json"}
    _refused(idle, await idle.client.post(path, content=b" " * (most + 1), headers=headers), 413, "PAYLOAD_TOO_LARGE")
    _refused(idle, await idle.client.post(path, content=chunks(), headers=headers), 413, "PAYLOAD_TOO_LARGE")


async def test_a_body_at_the_limit_is_read(idle: Rest) -> None:
    body = msgspec.json.encode(TEXT)
    padded = body + b" " * (1_048_576 - len(body))
    answer = await idle.client.post(ASYNC, content=padded, headers={"Content-Type": "application/json"})
    assert answer.status_code == 202


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 202),
        ("application/json; charset=utf-8", 202),
        ('Application/JSON;charset="UTF-8"', 202),
        ("application/vnd.example+json", 202),
        ("application/json;", 202),
        ("application/json; ; charset=UTF-8 ;", 202),
        ('application/json; odata.metadata=minimal; boundary="a;b\\"c"', 202),
        ("application/json;version=1;charset=us-ascii", 202),
        ("application/json; version; charset=utf-8", 202),
        ("application/json; charset", 415),
        (None, 415),
        ("", 415),
        ("text/plain", 415),
        ("application/json; charset=gbk", 415),
        ("application/json; v=1; charset=gbk", 415),
        ("application/json, text/plain", 415),
        ('application/json; a="', 415),
        ("multipart/form-data; boundary=application/json", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonp", 415),
    ],
)
async def test_content_types(idle: Rest, content_type: str | None, status: int, path: str) -> None:
    headers = {"Content-Type": content_type} if content_type is not None else {}
    body = {"messages": [TEXT]} if path == BATCH else TEXT | {"async": True}
    answer = await idle.client.post(path, content=msgspec.json.encode(body), headers=headers)
    assert answer.status_code == status
    if status == 415:
        _refused(idle, answer, 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_key_in_header_and_body_that_differ_is_422(idle: Rest) -> None:
    answer = await idle.post(ASYNC, TEXT | {"clientMessageId": "a"}, headers={"Idempotency-Key": "b"})
    _refused(idle, answer, 422, "VALIDATION_FAILED", "clientMessageId")


async def test_a_key_that_is_none_is_422(idle: Rest) -> None:
    answer = await idle.post(ASYNC, TEXT, headers={"Idempotency-Key": "x" * 256})
    _refused(idle, answer, 422, "VALIDATION_FAILED", "Idempotency-Key")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", SEND, "POST"),
        ("PUT", "/api/messages", "GET"),
        ("POST", "/api/health", "GET"),
        ("DELETE", "/api/callbacks/webhook", "POST"),
        ("PATCH", "/api/providers/X", "GET"),
    ],
)
async def test_a_wrong_method_is_405_and_names_the_right_ones(idle: Rest, method: str, path: str, allow: str) -> None:
    answer = await idle.client.request(method, path)
    _refused(idle, answer, 405, "METHOD_NOT_ALLOWED")
    assert allow in answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nothing/here"),
        ("GET", "/message"),
        ("GET", "/messageapi/messages"),
        ("GET", "/api/messages/unknown"),
        ("GET", "/api/messages/unknown/status"),
        ("POST", "/api/messages/unknown/retry"),
        ("POST", "/api/messages/unknown/cancel"),
        ("DELETE", "/api/messages/some-guid/messages/unknown"),
        ("GET", "/api/messages/batches/unknown"),
        ("GET", "/api/providers/UNKNOWN"),
        ("GET", "/api/providers/UNKNOWN/health"),
        ("GET", "/api/providers/UNKNOWN/clients"),
        ("GET", "/swagger-ui/secrets.txt"),
        ("GET", "/api/messages/%00%ff/status"),
    ],
)
async def test_what_does_not_exist_is_404(idle: Rest, method: str, path: str) -> None:
    _refused(idle, await idle.client.request(method, path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/api/messages?limit=0", "limit"),
        ("/api/messages?limit=101", "limit"),
        ("/api/messages?limit=ten", "limit"),
        ("/api/messages?limit=-1", "limit"),
        ("/api/messages?limit=1e1", "limit"),
        ("/api/messages?limit=00", "limit"),
        ("/api/messages?limit=0000000005", "limit"),
        ("/api/messages?limit=", "limit"),
        ("/api/messages?status=GONE", "status"),
        ("/api/messages?messageType=TELEGRAM", "messageType"),
        ("/api/messages?createdFrom=yesterday", "createdFrom"),
        ("/api/messages?createdTo=2025-01-01T00:00:00", "createdTo"),
        ("/api/messages?createdFrom=2025", "createdFrom"),
        ("/api/messages?createdFrom=1e10", "createdFrom"),
        ("/api/messages?createdFrom=0.5", "createdFrom"),
        ("/api/messages?createdTo=1750000000", "createdTo"),
        ("/api/messages?createdFrom=0001-01-01T00:00:00%2B14:00", "createdFrom"),
        ("/api/messages?createdTo=9999-12-31T23:59:59-14:00", "createdTo"),
        ("/api/messages?cursor=%21", "cursor"),
        ("/api/messages?cursor=AAAA", "cursor"),
        ("/api/messages?guid=", "guid"),
        ("/api/messages?stauts=SENT", "stauts"),
        ("/api/messages?guid=a&guid=b", "guid"),
        ("/api/messages/status", "ids"),
        ("/api/messages/status?ids=,", "ids"),
        ("/api/messages/status?ids=" + ",".join(map(str, range(101))), "ids"),
        *(
            (f"/api/callbacks/{of}?limit={limit}", "limit")
            for of in ("g/recent", "g/callbacks/11002")
            for limit in ("0", "101", "-1", "ten", "")
        ),
        ("/api/callbacks/g/recent?cursor=YWJj", "cursor"),
        ("/api/callbacks/g/callbacks/11002?cursor=YWJj", "cursor"),
        ("/api/callbacks/g/callbacks/text", "notifyType"),
        ("/api/callbacks/g/callbacks/-1", "notifyType"),
        ("/api/callbacks/g/callbacks/1234567890", "notifyType"),
    ],
)
async def test_a_bad_parameter_is_422_and_named(idle: Rest, path: str, parameter: str) -> None:
    _refused(idle, await idle.get(path), 422, "VALIDATION_FAILED", parameter)


async def test_the_same_error_comes_as_a_problem_document(idle: Rest) -> None:
    answer = await idle.post(SEND, TEXT | {"conversationId": "X:1"}, headers=PROBLEM)
    body = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert (body["type"], body["title"], body["status"]) == (
        "urn:wework-message:problem:VALIDATION_FAILED",
        "Unprocessable Content",
        422,
    )
    assert body["detail"].startswith("conversationId ")
    assert (body["error"], body["errors"][0]["path"]) == ("VALIDATION_FAILED", "conversationId")
    assert body["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), (SEND, 405)])
async def test_the_frameworks_own_errors_are_problem_documents_too(idle: Rest, path: str, status: int) -> None:
    answer = await idle.get(path, headers=PROBLEM)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


@pytest.mark.parametrize("secret", ["s3cret-content", "顧客の秘密"])
async def test_an_error_never_repeats_what_was_sent(idle: Rest, secret: str) -> None:
    for changes in ({"content": [secret]}, {"conversationId": secret}, {"providerCode": secret}, {"priority": secret}):
        answer = await idle.post(SEND, TEXT | changes)
        assert answer.status_code == 422
        assert secret not in answer.text
