"""HTTP as the world speaks it: offers, trailers, half-closed connections, and what is no HTTP at all."""

import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import msgspec
import pytest
from tests.support.apps.raw_http import RawHttp, raw_http
from tests.support.apps.rest import TEXT

from wework_message.entrypoints.rest.server import reader

BODY = msgspec.json.encode(TEXT)
SEND = "/api/messages/send/async"
H2C = (
    "Connection: Upgrade, HTTP2-Settings",
    "Upgrade: h2c",
    "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
)


@pytest.fixture
async def http() -> AsyncIterator[RawHttp]:
    async with raw_http(dispatching=False) as http:
        yield http


@pytest.mark.parametrize("offer", [H2C, ("Connection: keep-alive, upgrade", "Upgrade: websocket"), ("Connection: Upgrade", "Upgrade: TLS/1.0", "Upgrade: h2c")])  # fmt: skip
async def test_an_offer_to_upgrade_is_ignored_and_the_connection_goes_on(http: RawHttp, offer: tuple[str, ...]) -> None:
    connection = await http.connect()
    for serial in range(3):
        status, headers, body = await connection.post(SEND, BODY, *offer, f"Idempotency-Key: {serial}")
        assert (status, headers.get("upgrade"), headers.get("connection")) == (202, None, None)
        assert msgspec.json.decode(body)["data"]["status"] == "QUEUED"
        connection.begin("GET", "/api/health", *offer)
        assert (await connection.answer())[0] == 200
    assert http.in_memory_app.stored() == 3


async def test_an_offer_with_a_body_in_parts_is_read(http: RawHttp) -> None:
    connection = await http.connect()
    connection.begin_post(SEND, *H2C, "Transfer-Encoding: chunked", "Expect: 100-continue")
    assert await connection.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    for part in (BODY[:10], BODY[10:]):
        connection.write(b"%x\r\n%s\r\n" % (len(part), part))
        await connection.writer.drain()
    connection.write(b"0\r\n\r\n")
    assert (await connection.answer())[0] == 202


@pytest.mark.parametrize("headers", [("Content-Type: application/x-www-form-urlencoded",), ()])
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [("DELETE", "/api/messages/test-guid/messages/none", 404), ("POST", "/api/messages/none/retry", 404), ("POST", SEND, 400)],
)  # fmt: skip
async def test_no_body_in_parts_is_no_body_and_the_connection_goes_on(
    http: RawHttp, method: str, path: str, expected: int, headers: tuple[str, ...]
) -> None:
    """What Spring sends: `RestTemplate.delete` by HttpURLConnection, `WebClient.post()` without a body."""
    connection = await http.connect()
    for _ in range(2):
        connection.begin(method, path, "Transfer-Encoding: chunked", *headers)
        await connection.writer.drain()
        connection.write(b"0\r\n\r\n")
        status, answered, body = await connection.answer()
        assert (status, answered.get("connection")) == (expected, None), body


async def test_many_offers_at_once_are_answered_in_order(http: RawHttp) -> None:
    connection = await http.connect()
    head = "\r\n".join(("GET /api/health HTTP/1.1", "Host: service", *H2C, "X-Request-ID: {}", "", ""))
    connection.write(b"".join(head.format(serial).encode() for serial in range(1500)))
    for serial in range(1500):
        status, headers, _ = await connection.answer()
        assert (status, headers["x-request-id"]) == (200, str(serial))


async def test_what_the_event_loop_takes_to_come_to_a_request_is_time_of_the_request(
    http: RawHttp, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await http.connect()
    monkeypatch.setattr(reader, "time", SimpleNamespace(perf_counter=lambda: time.perf_counter() - 5))
    assert (await connection.post(SEND, BODY))[0] == 202
    connection.begin("GET", "/api/health")
    connection.begin("GET", "/api/health")
    assert [(await connection.answer())[0] for _ in range(2)] == [200, 200]
    assert [exchange.seconds >= 5 for exchange in http.exchanges] == [True] * 3


async def test_trailers_are_no_headers(http: RawHttp) -> None:
    connection = await http.connect()
    ids = set()
    for _ in range(2):
        connection.begin_post(SEND, "Transfer-Encoding: chunked", "Trailer: Idempotency-Key")
        connection.write(b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY))
        connection.write(b"Idempotency-Key: a\r\nHost: evil.example\r\nX-Request-ID: trailer\r\n\r\n")
        status, headers, body = await connection.answer()
        assert (status, headers["x-request-id"] == "trailer") == (202, False)
        ids.add(msgspec.json.decode(body)["data"]["messageId"])
    assert len(ids) == 2


async def test_a_coding_of_the_transfer_that_is_not_known_is_501(http: RawHttp) -> None:
    connection = await http.connect()
    for path in (SEND, "/api/callbacks/webhook"):
        connection.begin_post(path, "Transfer-Encoding: gzip, chunked")
        connection.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))
        status, _, body = await connection.answer()
        assert (status, msgspec.json.decode(body)["error"]) == (501, "NOT_IMPLEMENTED")
    assert http.in_memory_app.stored() == 0


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (b"", 400),
        (b"Host: a\r\nHost: a\r\n", 400),
        (b"Host: a\r\nHost: b\r\n", 400),
        (b"Host:\r\n", 400),
        (b"Host: a\r\n", 200),
        (b"host: LOCALHOST\r\n", 200),
    ],
)
async def test_a_request_has_one_host(http: RawHttp, host: bytes, status: int) -> None:
    connection = await http.connect()
    connection.write(b"GET /api/health HTTP/1.1\r\n", host, b"\r\n")
    answered, _, body = await connection.answer()
    assert (answered, msgspec.json.decode(body)["code"]) == (status, status)
    if status == 400:
        assert "Host" in msgspec.json.decode(body)["message"]


async def test_http_1_0_needs_no_host(http: RawHttp) -> None:
    connection = await http.connect()
    connection.write(b"GET /api/health HTTP/1.0\r\n\r\n")
    assert (await connection.answer())[0] == 200
    assert await connection.is_closed()


@pytest.mark.parametrize(("target", "status"), [(b"http://localhost:8082/api/health?a=b", 200), (b"http://evil.example/api/health", 421), (b"http://localhost", 404), (b"*", 421)])  # fmt: skip
async def test_the_host_of_a_whole_url_counts(http: RawHttp, target: bytes, status: int) -> None:
    connection = await http.connect()
    connection.write(b"GET ", target, b" HTTP/1.1\r\nHost: other.example\r\n\r\n")
    assert (await connection.answer())[0] == status


@pytest.mark.parametrize("path", ["//api/callbacks/webhook", "/api/./callbacks/webhook", "/api/x/../callbacks/webhook", "/api/callbacks/webhook#a"])  # fmt: skip
async def test_paths_are_taken_as_they_are_written(http: RawHttp, path: str) -> None:
    connection = await http.connect()
    body = b'{"guid":"g","notify_type":11002,"data":{}}'
    assert (await connection.post(path, body))[0] == (400 if "#" in path else 404)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /api/health HTTP/3.7\r\nHost: a\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
        b"CONNECT /api/health HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/h\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"POST /api/messages/send HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /api/messages/send HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/messages/send HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /api/messages/send HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http_is_400_in_the_envelope(http: RawHttp, request_bytes: bytes) -> None:
    connection = await http.connect()
    connection.write(request_bytes)
    assert await connection.last_answer() == (400, "INVALID_REQUEST")
    assert http.exchanges[-1].status == 400


async def test_what_is_no_http_does_not_take_the_answer_before_it_away(http: RawHttp) -> None:
    connection = await http.connect()
    connection.begin_post(SEND, f"Content-Length: {len(BODY)}")
    connection.write(BODY, b"nonsense\r\n\r\n")
    assert (await connection.answer())[0] == 202
    assert await connection.last_answer() == (400, "INVALID_REQUEST")


async def test_a_refusal_is_a_problem_document_where_that_was_asked_for(http: RawHttp) -> None:
    connection = await http.connect()
    connection.begin(
        "GET", "/api/health", "Accept: application/problem+json", "X-Request-ID: mine", "X: " + "x" * 17_000
    )
    status, headers, body = await connection.answer()
    assert (status, headers["content-type"], headers["x-request-id"]) == (431, "application/problem+json", "mine")
    assert msgspec.json.decode(body)["error"] == "HEAD_TOO_LARGE"


@pytest.mark.parametrize("pipelined", [1, 3])
async def test_a_client_that_half_closes_gets_its_answers(http: RawHttp, pipelined: int) -> None:
    connection = await http.connect()
    for serial in range(pipelined):
        connection.begin_post(SEND, f"Content-Length: {len(BODY)}", f"Idempotency-Key: {serial}")
        connection.write(BODY)
    connection.writer.write_eof()
    for _ in range(pipelined):
        assert (await connection.answer())[0] == 202
    assert await connection.is_closed()
    assert http.in_memory_app.stored() == pipelined


async def test_a_client_that_half_closes_gets_the_answer_it_waits_for(http: RawHttp) -> None:
    message = await (await http.connect()).post(SEND, BODY)
    message_id = msgspec.json.decode(message[2])["data"]["messageId"]
    connection = await http.connect()
    connection.begin("GET", f"/api/messages/{message_id}/status?wait=1")
    connection.writer.write_eof()
    assert (await connection.answer())[0] == 200
    assert await connection.is_closed()


@pytest.mark.parametrize("sent", [b"GET /api/he", b"POST /api/messages/send/async HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"])  # fmt: skip
async def test_a_request_that_ends_early_is_400_and_stored_nowhere(http: RawHttp, sent: bytes) -> None:
    connection = await http.connect()
    connection.write(sent)
    connection.writer.write_eof()
    assert await connection.last_answer() == (400, "INVALID_REQUEST")
    assert http.in_memory_app.stored() == 0


async def test_a_connection_without_a_request_ends_without_an_answer(http: RawHttp) -> None:
    connection = await http.connect()
    connection.writer.write_eof()
    assert await connection.is_closed()


async def test_a_body_that_nobody_reads_closes_the_connection(http: RawHttp) -> None:
    connection = await http.connect()
    connection.begin_post("/nothing", "Content-Length: 1000")
    assert await connection.last_answer() == (404, "NOT_FOUND")
    connection = await http.connect()
    assert (await connection.post("/nothing", b"{}"))[0] == 404
    connection.begin("GET", "/api/health")
    assert (await connection.answer())[0] == 200
