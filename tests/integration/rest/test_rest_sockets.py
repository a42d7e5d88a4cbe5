import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.apps.raw_http import Connect, RawHttp, raw_http
from tests.support.apps.rest import TEXT
from tests.support.polling import until

from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.ports.gateway import Dispatch

MIB = 1_048_576
BODY = msgspec.json.encode(TEXT)


@pytest.fixture
async def http() -> AsyncIterator[RawHttp]:
    async with raw_http() as http:
        yield http


@pytest.fixture
def behind(http: RawHttp) -> InMemoryApp:
    return http.in_memory_app


@pytest.fixture
def connect(http: RawHttp) -> Connect:
    return http.connect


async def test_a_connection_is_kept_from_one_request_to_the_next(connect: Connect) -> None:
    connection = await connect()
    for _ in range(3):
        status, headers, body = await connection.post("/message/api/messages/send", BODY)
        assert (status, headers.get("connection")) == (200, None)
        assert msgspec.json.decode(body)["data"]["status"] == "SENT"


async def test_a_body_that_is_too_large_is_refused_and_what_was_sent_of_it_is_no_reason_for_a_reset(
    connect: Connect,
) -> None:
    connection = await connect()
    connection.begin_post("/api/messages/send", f"Content-Length: {20 * MIB}")
    for _ in range(20):
        connection.write(b" " * MIB)
        await connection.writer.drain()
    assert await connection.last_answer() == (413, "PAYLOAD_TOO_LARGE")


async def test_a_body_that_is_too_large_is_refused_before_it_is_sent(connect: Connect) -> None:
    for expect in ((), ("Expect: 100-continue",)):
        connection = await connect()
        connection.begin_post("/api/messages/send", f"Content-Length: {MIB + 1}", *expect)
        assert await connection.last_answer() == (413, "PAYLOAD_TOO_LARGE")


async def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(connect: Connect, behind: InMemoryApp) -> None:
    connection = await connect()
    connection.begin_post("/api/messages/send", "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    for _ in range(MIB // 65_536):
        connection.writer.write(chunk)
    connection.writer.write(b"1\r\n \r\n")
    assert await connection.last_answer() == (413, "PAYLOAD_TOO_LARGE")
    assert behind.stored() == 0


async def test_a_chunked_body_is_read(connect: Connect) -> None:
    connection = await connect()
    connection.begin_post("/api/messages/send", "Transfer-Encoding: chunked")
    for part in (BODY[:10], BODY[10:]):
        connection.writer.write(b"%x\r\n%s\r\n" % (len(part), part))
    connection.writer.write(b"0\r\n\r\n")
    assert (await connection.answer())[0] == 200


async def test_a_wrong_method_is_405_with_the_right_ones(connect: Connect) -> None:
    connection = await connect()
    connection.begin("GET", "/api/messages/send")
    status, headers, _ = await connection.answer()
    assert status == 405
    assert "POST" in headers["allow"]


async def test_head_answers_like_get_without_the_body(connect: Connect) -> None:
    connection = await connect()
    connection.begin("HEAD", "/actuator/health")
    status, headers, _ = await connection.answer(bodiless=True)
    assert (status, int(headers["content-length"]) > 0) == (200, True)
    assert (await connection.post("/api/messages/send", BODY))[0] == 200


async def test_a_process_that_drains_closes_the_connection_after_its_answer(
    connect: Connect, behind: InMemoryApp
) -> None:
    behind.application.service.draining = True
    connection = await connect()
    status, headers, _ = await connection.post("/api/messages/send", BODY)
    assert (status, headers["connection"], headers["retry-after"]) == (503, "close", "1")
    assert await connection.reader.read() == b""


async def test_a_client_that_hangs_up_does_not_take_its_message_along(connect: Connect, behind: InMemoryApp) -> None:
    called, go = asyncio.Event(), asyncio.Event()

    async def slow(_: Dispatch) -> AttemptOutcome:
        called.set()
        await go.wait()
        return behind.gateway.accepted()

    behind.gateway.script(slow)
    connection = await connect()
    connection.begin_post("/api/messages/send", f"Content-Length: {len(BODY)}")
    connection.writer.write(BODY)
    await called.wait()
    connection.writer.transport.abort()
    go.set()
    (message_id,) = behind.database.messages.committed_items()
    other = await connect()

    async def is_sent() -> bool:
        other.begin("GET", f"/api/messages/{message_id}/status")
        _, _, body = await other.answer()
        return bool(msgspec.json.decode(body)["data"]["status"] == "SENT")

    await until(is_sent)


async def test_a_body_that_ends_early_is_stored_nowhere(connect: Connect, behind: InMemoryApp) -> None:
    connection = await connect()
    connection.begin_post("/api/messages/send", f"Content-Length: {len(BODY)}")
    connection.writer.write(BODY[:20])
    await connection.writer.drain()
    connection.writer.close()
    other = await connect()
    assert (await other.post("/api/messages/send/async", BODY))[0] == 202
    assert behind.stored() == 1
