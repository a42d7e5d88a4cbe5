import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
import uvicorn
from tests.support.apps.guxing_app import running
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.apps.rest import TEXT
from tests.support.polling import until

from wework_message.domain.message.attempt import AttemptOutcome
from wework_message.domain.ports.gateway import Dispatch
from wework_message.entrypoints.rest.app import create_app
from wework_message.entrypoints.rest.config import Config

MIB = 1_048_576
BODY = msgspec.json.encode(TEXT)


class Connection:
    """One connection, moved by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def begin(self, method: str, path: str, *headers: str) -> None:
        lines = (f"{method} {path} HTTP/1.1", "Host: service", *headers, "", "")
        self.writer.write("\r\n".join(lines).encode())

    async def answer(self, *, bodiless: bool = False) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
        body = b"" if bodiless else await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, body

    async def post(self, path: str, body: bytes, *headers: str) -> tuple[int, dict[str, str], bytes]:
        self.begin("POST", path, "Content-Type: application/json", f"Content-Length: {len(body)}", *headers)
        self.writer.write(body)
        return await self.answer()


Connect = Callable[[], Awaitable[Connection]]


@pytest.fixture
async def behind() -> AsyncIterator[InMemoryApp]:
    async with running() as behind:
        yield behind


@pytest.fixture
async def connect(behind: InMemoryApp) -> AsyncIterator[Connect]:
    app = create_app(behind.application, Config(version="0.1.0"))
    server = uvicorn.Server(uvicorn.Config(app, http="httptools", lifespan="on", log_config=None, ws="none"))
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Connection:
        reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
        writers.append(writer)
        return Connection(reader, writer)

    yield connect
    for writer in writers:
        writer.close()
    server.should_exit = True
    await serving
    listener.close()


async def test_a_connection_is_kept_from_one_request_to_the_next(connect: Connect) -> None:
    connection = await connect()
    for _ in range(3):
        status, headers, body = await connection.post("/message/api/messages/send", BODY)
        assert (status, headers.get("connection")) == (200, None)
        assert msgspec.json.decode(body)["data"]["status"] == "SENT"


async def test_a_body_whose_length_is_too_large_is_refused_and_the_connection_goes_on(connect: Connect) -> None:
    connection = await connect()
    status, _, body = await connection.post("/api/messages/send", b" " * (MIB + 1))
    assert (status, msgspec.json.decode(body)["error"]) == (413, "PAYLOAD_TOO_LARGE")
    status, _, _ = await connection.post("/api/messages/send", BODY)
    assert status == 200


async def test_a_body_whose_length_is_too_large_is_refused_before_it_is_sent(connect: Connect) -> None:
    connection = await connect()
    connection.begin("POST", "/api/messages/send", f"Content-Length: {MIB + 1}")
    status, _, _ = await connection.answer()
    assert status == 413


async def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(connect: Connect, behind: InMemoryApp) -> None:
    connection = await connect()
    connection.begin("POST", "/api/messages/send", "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    for _ in range(MIB // 65_536):
        connection.writer.write(chunk)
    connection.writer.write(b"1\r\n \r\n")
    status, _, body = await connection.answer()
    assert (status, msgspec.json.decode(body)["error"]) == (413, "PAYLOAD_TOO_LARGE")
    assert behind.stored() == 0


async def test_a_chunked_body_is_read(connect: Connect) -> None:
    connection = await connect()
    connection.begin("POST", "/api/messages/send", "Transfer-Encoding: chunked")
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
    connection.begin("POST", "/api/messages/send", f"Content-Length: {len(BODY)}")
    connection.writer.write(BODY)
    await called.wait()
    connection.writer.transport.abort()
    go.set()
    (message_id,) = behind.database.messages.committed_items()
    other = await connect()

    async def sent() -> bool:
        other.begin("GET", f"/api/messages/{message_id}/status")
        _, _, body = await other.answer()
        return bool(msgspec.json.decode(body)["data"]["status"] == "SENT")

    await until(sent)


async def test_a_body_that_ends_early_is_stored_nowhere(connect: Connect, behind: InMemoryApp) -> None:
    connection = await connect()
    connection.begin("POST", "/api/messages/send", f"Content-Length: {len(BODY)}")
    connection.writer.write(BODY[:20])
    await connection.writer.drain()
    connection.writer.close()
    other = await connect()
    assert (await other.post("/api/messages/send/async", BODY))[0] == 202
    assert behind.stored() == 1
