"""What a connection may cost: size and time of heads, bodies and answers, and how many there are."""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from tests.support.apps.raw_http import Connection, RawHttp, raw_http
from tests.support.apps.rest import TEXT
from tests.support.polling import until

from wework_message.bootstrap import sockets
from wework_message.entrypoints.rest.http.envelope import SAFETY
from wework_message.entrypoints.rest.server.limits import ConnectionLimits, peer_of

BODY = msgspec.json.encode(TEXT)
MIB = 1_048_576
QUICK = ConnectionLimits(head_s=0.2, linger_idle_s=0.2, linger_s=1)


@asynccontextmanager
async def quick(**changes: float) -> AsyncIterator[RawHttp]:
    async with raw_http(dataclasses.replace(QUICK, **changes)) as http:  # type: ignore[arg-type] # fields of limits
        yield http


async def is_cut_off(connection: Connection, part: bytes) -> bool:
    """Whether it does not take `part` a hundred times."""
    try:
        for _ in range(100):
            connection.write(part)
            await connection.writer.drain()
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize(
    "head",
    [
        b"GET /api/health HTTP/1.1\r\nHost: service\r\nX: " + b"x" * 17_000 + b"\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nHost: service\r\n" + b"X: y\r\n" * 3_000 + b"\r\n",
        b"GET /api/messages?guid=" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: service\r\n\r\n",
        b"GET /" + b"x" * 300_000,
        b"GET /api/health HTTP/1.1\r\nHost: service\r\nX: " + b"x" * 300_000,
        b"GET /api/health HTTP/1.1\r\nHost: service\r\n" + b"x" * 300_000,
    ],
)
async def test_a_head_that_is_too_large_is_431(head: bytes) -> None:
    async with raw_http() as http:
        connection = await http.connect()
        connection.write(head)
        assert await connection.last_answer() == (431, "HEAD_TOO_LARGE")
        assert [(exchange.route, exchange.status) for exchange in http.exchanges] == [("UNMATCHED", 431)]


async def test_the_server_s_own_answers_have_the_safety_headers_too() -> None:
    async with raw_http() as http:
        connection = await http.connect()
        connection.write(b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nHost: service\r\n\r\n")
        head = (await connection.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        assert head[0].startswith(b"HTTP/1.1 431")
        assert {name + b": " + value for name, value in SAFETY} <= set(head)


async def test_a_head_without_end_is_cut_off_and_never_kept() -> None:
    async with quick(linger_bytes=MIB) as http:
        connection = await http.connect()
        connection.write(b"GET /api/health HTTP/1.1\r\nHost: service\r\nX: ")
        assert await is_cut_off(connection, b"x" * MIB)


async def test_a_head_of_almost_the_limit_is_read_in_one_and_in_many_parts() -> None:
    head = b"GET /api/health HTTP/1.1\r\nHost: service\r\nX: " + b"x" * 16_200 + b"\r\n\r\n"
    async with raw_http() as http:
        connection = await http.connect()
        for _ in range(2):
            connection.write(head)
            assert (await connection.answer())[0] == 200
        for place in range(0, len(head), 1000):
            connection.write(head[place : place + 1000])
            await asyncio.sleep(0)
        assert (await connection.answer())[0] == 200


async def test_the_next_head_behind_a_long_body_is_not_counted_with_it() -> None:
    async with raw_http() as http:
        connection = await http.connect()
        padded = BODY + b" " * (MIB - len(BODY))
        connection.begin_post("/api/messages/send/async", f"Content-Length: {len(padded)}")
        connection.write(padded, b"GET /api/health HTTP/1.1\r\nHost: ser")
        assert (await connection.answer())[0] == 202
        connection.write(b"vice\r\n\r\n")
        assert (await connection.answer())[0] == 200


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"G", b"GET /api/health HTTP/1.1\r\nHost: service\r\n"])
async def test_a_head_that_does_not_come_in_time_is_408(begun: bytes) -> None:
    async with quick() as http:
        connection = await http.connect()
        connection.write(begun)
        assert await connection.last_answer() == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize("drop", [b"a", b"\r\n"])
async def test_a_head_that_drips_is_408_although_something_comes(drop: bytes) -> None:
    async with quick() as http:
        connection = await http.connect()
        connection.begin("GET", "/api/health")
        assert (await connection.answer())[0] == 200  # an idle connection is kept
        connection.write(b"GET /" if drop == b"a" else b"")
        answer = asyncio.ensure_future(connection.last_answer())
        while not answer.done():
            connection.write(drop)
            await asyncio.wait({answer}, timeout=0.02)
        assert await answer == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path", ["/api/messages/send", "/api/callbacks/webhook"])
async def test_a_body_that_comes_too_slowly_is_408_and_stored_nowhere(framing: str, path: str) -> None:
    async with quick() as http:
        connection = await http.connect()
        connection.begin_post(path, framing)
        connection.write(b"5\r\n{    \r\n" if "chunked" in framing else b"{")
        assert await connection.last_answer() == (408, "REQUEST_TIMEOUT")
        assert http.in_memory_app.stored() == 0
        assert [exchange.status for exchange in http.exchanges] == [408]


async def test_a_body_of_a_modest_rate_is_read_however_long_it_takes() -> None:
    async with quick(head_s=0.5, body_bytes_per_s=1) as http:
        connection = await http.connect()
        connection.begin_post("/api/messages/send/async", f"Content-Length: {len(BODY) + 500}")
        for _ in range(50):
            connection.write(b" " * 10)
            await asyncio.wait({asyncio.ensure_future(connection.writer.drain())}, timeout=0.02)
            await asyncio.wait({asyncio.ensure_future(asyncio.Event().wait())}, timeout=0.02)
        connection.write(BODY)
        assert (await connection.answer())[0] == 202


async def test_a_connection_on_which_no_further_request_comes_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "KEEP_ALIVE_S", 0.2)
    async with raw_http() as http:
        connection = await http.connect()
        connection.write(b"GET /api/health HTTP/1.1\r\nHost: service\r\n\r\n")
        assert (await connection.answer())[0] == 200
        assert await connection.reader.read() == b""


async def test_a_body_that_is_hardly_anything_but_framing_is_refused() -> None:
    async with raw_http() as http:
        connection = await http.connect()
        connection.begin_post("/api/messages/send/async", "Transfer-Encoding: chunked")
        connection.write(b"1;" + b"x" * 2 * MIB + b"\r\n \r\n")
        assert await connection.last_answer() == (400, "INVALID_REQUEST")


async def test_what_a_client_sends_behind_a_refusal_is_dropped_for_a_while_only() -> None:
    async with quick(linger_bytes=4 * MIB) as http:
        connection = await http.connect()
        connection.begin_post("/api/messages/send/async", "Transfer-Encoding: chunked")
        assert await is_cut_off(connection, b"100000\r\n" + b" " * MIB + b"\r\n")


async def test_a_client_that_keeps_sending_slowly_behind_a_refusal_is_cut_off() -> None:
    async with quick(linger_s=0.3) as http:
        connection = await http.connect()
        connection.begin_post("/api/messages/send/async", f"Content-Length: {50 * MIB}")
        assert (await connection.answer())[0] == 413

        async def is_cut_off() -> bool:
            connection.write(b" ")
            return connection.writer.transport.is_closing() or bool(http.server.open_connections == 0)

        await until(is_cut_off)


async def test_a_client_that_does_not_take_its_answers_is_cut_off() -> None:
    async with quick() as http:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", http.port))
            client.setblocking(False)
            request = b"GET /v3/api-docs HTTP/1.1\r\nHost: service\r\n\r\n"

            async def is_cut_off() -> bool:
                try:
                    client.send(request * 20)
                except BlockingIOError:
                    pass
                except ConnectionError:
                    return True
                return False

            await until(is_cut_off)


async def test_there_are_only_so_many_connections_and_the_next_ones_are_told() -> None:
    async with quick(per_peer=3, head_s=30) as http:
        taken = [await http.connect() for _ in range(3)]
        more = await http.connect()
        status, headers, body = await more.answer()
        assert (status, headers["retry-after"], msgspec.json.decode(body)["error"]) == (503, "1", "UNAVAILABLE")
        assert await more.is_closed()
        more.writer.close()
        taken[0].begin("GET", "/api/health")
        assert (await taken[0].answer())[0] == 200
        taken[0].writer.close()

        async def is_free() -> bool:
            again = await http.connect()
            again.begin("GET", "/api/health")
            return (await again.answer())[0] == 200

        await until(is_free)


async def test_far_too_many_connections_are_cut_without_an_answer() -> None:
    async with quick(connections=1, head_s=30, linger_idle_s=30) as http:
        opened = [await http.connect() for _ in range(80)]
        assert [await connection.is_closed() for connection in opened[70:]] == [True] * 10


@pytest.mark.parametrize(
    ("hosts", "same"),
    [
        (("10.0.0.1", "10.0.0.2"), False),
        (("10.0.0.1", "::ffff:10.0.0.1"), True),
        (("2001:db8::1", "2001:db8::ffff:1"), True),
        (("2001:db8::1", "2001:db8:0:1::1"), False),
        (("fe80::1%eth0", "fe80::1"), True),
    ],
)
def test_a_peer_is_an_address_or_a_network_of_one_machine(hosts: tuple[str, str], same: bool) -> None:
    first, second = (peer_of((host, 1)) for host in hosts)
    assert (first == second) is same
