"""A process that is about to end: balancers see it, and whoever comes all the same gets an answer (ADR 80)."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.support.apps.raw_http import Connection, RawHttp, raw_http
from tests.support.apps.rest import TEXT
from tests.support.polling import until

from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.ports.gateway import Dispatch

BODY = msgspec.json.encode(TEXT)


@pytest.fixture
async def http() -> AsyncIterator[RawHttp]:
    async with raw_http() as http:
        yield http


async def begun_head(http: RawHttp) -> Connection:
    """A connection that was kept, and whose next request has begun."""
    connection = await http.connect()
    assert (await connection.post("/api/messages/send", BODY))[1].get("connection") is None
    connection.write(b"POST /api/messages/send HTTP/1.1\r\nHost: service\r\n")

    async def read() -> bool:
        return any(connection._begun for connection in http.server._connections())

    await until(read)
    return connection


async def finish(connection: Connection) -> int:
    """Send the rest; the status of the last answer."""
    connection.write(b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY), BODY)
    status, headers, _ = await connection.answer()
    assert headers["connection"] == "close"
    assert await connection.is_closed()
    return status


async def test_work_is_taken_while_readiness_says_no(http: RawHttp) -> None:
    http.in_memory_app.application.service.leaving = True
    connection = await http.connect()
    connection.begin("GET", "/actuator/health/readiness")
    assert (await connection.answer())[0] == 503
    connection.begin("GET", "/api/health")
    assert msgspec.json.decode((await connection.answer())[2])["data"]["draining"] is True
    assert (await connection.post("/api/messages/send", BODY))[0] == 200


async def test_every_answer_of_a_server_that_leaves_is_the_last_of_its_connection(http: RawHttp) -> None:
    kept = await http.connect()
    assert (await kept.post("/api/messages/send", BODY))[1].get("connection") is None
    http.server.leave()
    for connection in (kept, await http.connect()):
        status, headers, _ = await connection.post("/api/messages/send", BODY)
        assert (status, headers["connection"]) == (200, "close")
        assert await connection.is_closed()


async def test_a_request_that_waits_is_the_last_too(http: RawHttp) -> None:
    called, go = asyncio.Event(), asyncio.Event()

    async def slow(_: Dispatch) -> AttemptOutcome:
        called.set()
        await go.wait()
        return http.in_memory_app.gateway.accepted()

    http.in_memory_app.gateway.script(slow)
    connection = await http.connect()
    answer = asyncio.create_task(connection.post("/api/messages/send", BODY))
    await called.wait()
    http.server.leave()
    http.server.close_idle()
    go.set()
    status, headers, _ = await answer
    assert (status, headers["connection"]) == (200, "close")
    assert await connection.is_closed()


async def test_idle_connections_are_closed_and_others_get_their_answer(http: RawHttp) -> None:
    idle, fresh, begun = await http.connect(), await http.connect(), await begun_head(http)
    assert (await idle.post("/api/messages/send", BODY))[0] == 200
    http.server.leave()
    http.server.close_idle()
    assert await idle.reader.read() == b""  # an end, no reset
    assert await finish(begun) == 200
    assert (await fresh.post("/api/messages/send", BODY))[0] == 200


async def test_the_end_of_the_server_waits_for_a_request_that_has_begun(http: RawHttp) -> None:
    begun = await begun_head(http)
    closing = asyncio.create_task(http.server.close(seconds=20))

    async def is_closed() -> bool:
        try:
            await http.connect()
        except ConnectionError:
            return True
        return False

    await until(is_closed)
    assert not closing.done()
    assert await finish(begun) == 200
    await closing
