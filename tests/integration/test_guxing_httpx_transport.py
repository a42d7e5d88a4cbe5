"""Where the httpx transport proves that no byte left, and where it cannot, over sockets of the test."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from tests.support.providers.scripted_provider import Peer, Provider

from wework_message.adapters.guxing.httpx_transport import HttpxTransport
from wework_message.adapters.http import Answer, LostError, NotWrittenError, Timing

AMPLE = Timing(total_ms=20_000, connect_ms=20_000)
Opener = Callable[..., HttpxTransport]


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    yield provider
    await provider.aclose()


@pytest.fixture
async def opened(provider: Provider) -> AsyncIterator[Opener]:
    transports: list[HttpxTransport] = []

    def opener(scheme: str = "http", **settings: object) -> HttpxTransport:
        url = f"{scheme}://127.0.0.1:{provider.port}/base"
        transports.append(HttpxTransport(url, **settings))  # type: ignore[arg-type] # settings of the test
        return transports[-1]

    yield opener
    for transport in transports:
        await transport.aclose()


async def requested(peer: Peer) -> bytes:
    """One whole request, whose body is {}."""
    received = b""
    while not received.endswith(b"\r\n\r\n{}"):
        received += await peer.read_some()
    return received


async def answered(provider: Provider, transport: HttpxTransport, answer: bytes) -> tuple[bytes, Answer]:
    """The request that the provider received, and the answer that the caller received."""
    call = asyncio.create_task(transport.post("/msg/x", b"{}", timing=AMPLE, headers=[("x-request-id", "m-1.1")]))
    peer = await provider.peer()
    request = await requested(peer)
    await peer.send(answer)
    peer.close()
    return request, await call


async def test_request_is_one_post_that_asks_for_no_encoding(provider: Provider, opened: Opener) -> None:
    request, _ = await answered(provider, opened(), b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert (lines[0], body) == (b"post /base/msg/x http/1.1", b"{}")
    assert {b"accept-encoding: identity", b"x-request-id: m-1.1"} <= set(lines)


async def test_redirect_is_an_answer(provider: Provider, opened: Opener) -> None:
    location = f"location: http://127.0.0.1:{provider.port}/other\r\n".encode()
    head = b"HTTP/1.1 307 Go\r\n" + location + b"content-length: 0\r\n\r\n"
    _, answer = await answered(provider, opened(), head)
    assert (answer.status, provider.accepted) == (307, 1)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n"]
)
async def test_half_an_answer_is_lost(provider: Provider, opened: Opener, answer: bytes) -> None:
    with pytest.raises(LostError, match=r"READ|PROTOCOL"):
        await answered(provider, opened(), answer)


async def test_failed_or_hanging_tls_has_written_nothing(provider: Provider, opened: Opener) -> None:
    transport = opened("https")
    call = asyncio.create_task(transport.post("/x", b"{}", timing=AMPLE))
    peer = await provider.peer()
    assert await peer.read_some()
    await peer.send(b"HTTP/1.1 400 no TLS here\r\n\r\n")
    with pytest.raises(NotWrittenError, match="TLS"):
        await call
    with pytest.raises(NotWrittenError, match=r"TLS|CONNECT"):
        await transport.post("/x", b"{}", timing=Timing(total_ms=20_000, connect_ms=50))


async def test_without_a_free_connection_nothing_is_written(provider: Provider, opened: Opener) -> None:
    transport = opened(max_connections=1)
    first = asyncio.create_task(transport.post("/x", b"{}", timing=AMPLE))
    peer = await provider.peer()
    await requested(peer)
    with pytest.raises(NotWrittenError):
        await transport.post("/x", b"{}", timing=Timing(total_ms=50))
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    assert (await first).body == b"{}"


async def test_call_that_became_too_late_while_it_connected_writes_nothing(provider: Provider, opened: Opener) -> None:
    clock = iter([0.0, 2_001.0])
    transport = opened(boot_clock_ms=lambda: next(clock))
    timing = Timing(total_ms=20_000, write_before_boot_ms=2_000)
    call = asyncio.create_task(transport.post("/x", b"{}", timing=timing))
    peer = await provider.peer()
    with pytest.raises(NotWrittenError, match="TOO_LATE"):
        await call
    assert await peer.read_to_end() == b""


async def test_closed_transport_writes_nothing(opened: Opener) -> None:
    transport = opened()
    await transport.aclose()
    with pytest.raises(NotWrittenError, match="CLOSED"):
        await transport.post("/x", b"{}", timing=AMPLE)
