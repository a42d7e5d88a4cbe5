import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest
from tests.support.certificates import NEEDS_OPENSSL, certificate_for, server_context
from tests.support.media.sources import socket_source
from tests.support.media.staged_files import FolderStaging, StagedBytes
from tests.support.providers.outbound_receiver import ScriptedResolver
from tests.support.providers.scripted_provider import Peer, Provider

from wework_message.adapters.outbound.pinned_fetcher import PinnedFetcher
from wework_message.adapters.outbound.resolver import Resolver
from wework_message.domain.networks import Address
from wework_message.domain.outbound import AddressPolicy, networks_of
from wework_message.domain.ports.media_fetcher import Fetched, FetchOutcome

LONG_MS: Final = 60_000
MAX_BYTES: Final = 50_000
NAME: Final = "files.example.com"
FETCHED: Final = Fetched(FetchOutcome.FETCHED, 200)
FAILED: Final = Fetched(FetchOutcome.FAILED)
CUT: Final = Fetched(FetchOutcome.FAILED, 200)
TOO_LARGE: Final = Fetched(FetchOutcome.TOO_LARGE, 200)


@pytest.fixture
async def staged(tmp_path: Path) -> AsyncIterator[StagedBytes]:
    async with FolderStaging(tmp_path).file() as staged:
        yield staged


def fetcher_of(
    answers: Mapping[str, Sequence[str]] | None = None, *, resolver: Resolver | None = None, ca_file: Path | None = None
) -> PinnedFetcher:
    policy = AddressPolicy(networks_of(("127.0.0.0/8",)))
    return PinnedFetcher(policy, resolver or ScriptedResolver(answers or {}), ca_file=ca_file)


async def fetch(fetcher: PinnedFetcher, url: str, staged: StagedBytes, deadline_ms: int = LONG_MS) -> Fetched:
    return await fetcher.fetch(url, staged, max_bytes=MAX_BYTES, deadline_ms=deadline_ms)


# --- addresses


async def test_a_fetch_uses_the_one_resolution_that_was_checked(staged: StagedBytes) -> None:
    resolver = ScriptedResolver({NAME: ["127.0.0.1", "10.0.0.9"]})
    async with socket_source(NAME) as source:
        fetcher = fetcher_of(resolver=resolver)
        assert await fetch(fetcher, source.url, staged) == FETCHED
        assert resolver.hosts == [NAME]
        assert (await fetch(fetcher, source.url, staged)).outcome is FetchOutcome.BLOCKED
        assert source.requests == 1


async def test_the_location_of_a_redirect_sees_nothing(staged: StagedBytes) -> None:
    async with socket_source() as inner, socket_source() as source:
        source.answer(302, headers=(("location", inner.url),))
        assert await fetch(fetcher_of(), source.url, staged) == Fetched(FetchOutcome.REDIRECT, 302)
        assert not inner.received


async def test_addresses_are_tried_in_turn_until_one_takes_the_connection(staged: StagedBytes) -> None:
    async with socket_source(NAME) as source:
        fetcher = fetcher_of({NAME: ["127.0.0.2 127.0.0.3 127.0.0.1", "127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.1"]})
        assert await fetch(fetcher, source.url, staged) == FETCHED
        assert await fetch(fetcher, source.url, staged) == FAILED  # a fourth one is not tried


async def test_what_one_address_answered_is_not_asked_of_the_next(staged: StagedBytes) -> None:
    async with socket_source(NAME) as source:
        source.answer(500)
        fetched = await fetch(fetcher_of({NAME: ["127.0.0.1 127.0.0.1"]}), source.url, staged)
        assert (fetched, source.requests) == (Fetched(FetchOutcome.BUSY, 500), 1)


async def test_a_name_server_that_hangs_ends_with_the_deadline(staged: StagedBytes) -> None:
    class Hanging:
        async def addresses(self, _: str) -> Sequence[Address]:
            await asyncio.get_running_loop().create_future()
            return ()

    assert await fetch(fetcher_of(resolver=Hanging()), f"https://{NAME}/", staged, 20) == FAILED


# --- the request


async def test_a_request_offers_no_encoding_and_has_no_credentials(
    staged: StagedBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    async with socket_source() as source:
        assert await fetch(fetcher_of(), source.url, staged) == FETCHED
        (request,) = source.received
        line, *lines = request.decode().strip().split("\r\n")
        headers = dict(line.split(": ") for line in lines)
        assert line == "GET /a.jpg?x=1 HTTP/1.1"
        assert headers.pop("user-agent").startswith("wework-message/")
        assert headers == {
            "host": source.url.split("/")[2],
            "accept": "*/*",
            "accept-encoding": "identity",
            "connection": "close",
        }


# --- answers, byte by byte

CHUNKED: Final = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "fetched", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", FETCHED, b"hello"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more", FETCHED, b"hello"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello", CUT, None),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50001\r\n\r\nhello", TOO_LARGE, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n", FAILED, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", FAILED, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nhello", FAILED, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", FAILED, b""),
        (CHUNKED + b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", FETCHED, b"hello!"),
        (CHUNKED + b"5\r\nhello\r\n", CUT, None),
        (CHUNKED + b"5\r\nhello\r\nzz\r\n", CUT, None),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", FETCHED, b"until the end"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 50_001, TOO_LARGE, None),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", FETCHED, b"a"),
        (
            b"HTTP/1.1 404 No\r\ncontent-length: 60000\r\n\r\n" + b"x" * 60_000,
            Fetched(FetchOutcome.REFUSED, 404),
            b"",
        ),
        (b"HTTP/1.1 404 No\r\ncontent-length: 9\r\n\r\nhello", Fetched(FetchOutcome.REFUSED, 404), b""),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", FAILED, b""),
        (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 20_000, FAILED, b""),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 5_000, FAILED, b""),
        (b"SSH-2.0-OpenSSH\r\n", FAILED, b""),
        (b"HTTP/1.1 200", FAILED, b""),
        (b"", FAILED, b""),
    ],
)
async def test_bytes_are_whole_or_the_fetch_failed(
    provider: Provider, staged: StagedBytes, answer: bytes, fetched: Fetched, body: bytes | None
) -> None:
    peer, task = await requested(provider, staged)
    await peer.send(answer)
    peer.close()
    assert await task == fetched
    assert body is None or staged.path.read_bytes() == body


@pytest.mark.parametrize("framing", [b"\r\n", b"transfer-encoding: chunked\r\n\r\n10000000\r\n"])
async def test_an_endless_body_is_cut_off(provider: Provider, staged: StagedBytes, framing: bytes) -> None:
    peer, task = await requested(provider, staged)
    await peer.send(b"HTTP/1.1 200 OK\r\n" + framing)
    with pytest.raises(ConnectionError):
        await peer.pour(100_000_000)
    assert await task == TOO_LARGE
    assert staged.size <= MAX_BYTES


async def test_a_broken_connection_is_worth_another_try(provider: Provider, staged: StagedBytes) -> None:
    peer, task = await requested(provider, staged)
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhell")
    peer.reset()
    assert (await task).outcome is FetchOutcome.FAILED


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: ", b""])
async def test_a_slow_drip_ends_with_the_deadline(provider: Provider, staged: StagedBytes, head: bytes) -> None:
    peer, task = await requested(provider, staged, 300)
    await peer.send(head)
    with pytest.raises(ConnectionError):
        await peer.drip()
    assert await task == FAILED


async def test_a_slow_medium_slows_the_server_down(provider: Provider, tmp_path: Path) -> None:
    taken = asyncio.Semaphore(0)

    class Slow(StagedBytes):
        async def write(self, chunk: bytes) -> None:
            await taken.acquire()
            await super().write(chunk)

    slow = Slow(tmp_path / "slow", 10**9)
    task = asyncio.create_task(
        fetcher_of().fetch(f"http://127.0.0.1:{provider.port}/", slow, max_bytes=10**9, deadline_ms=LONG_MS)
    )
    peer = await provider.peer()
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 60000000\r\n\r\n")
    pouring = asyncio.create_task(peer.pour(60_000_000))
    done, _ = await asyncio.wait([pouring], timeout=0.3)
    assert not done, "60 MB were taken although nothing was written"
    for _ in range(5_000):
        taken.release()
    await pouring
    assert await task == FETCHED
    assert (slow.size, slow.max_piece <= 65_536) == (60_000_000, True)


async def test_a_fetch_that_is_cancelled_ends_its_connection(provider: Provider, staged: StagedBytes) -> None:
    peer, task = await requested(provider, staged)
    await peer.send(b"HTTP/1.1 200 OK\r\n\r\nx")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await peer.read_to_end()


async def requested(
    provider: Provider, staged: StagedBytes, deadline_ms: int = LONG_MS
) -> tuple[Peer, "asyncio.Task[Fetched]"]:
    task = asyncio.create_task(fetch(fetcher_of(), f"http://127.0.0.1:{provider.port}/", staged, deadline_ms))
    peer = await provider.peer()
    await peer.request()
    return peer, task


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate_for(NAME, tmp_path_factory.mktemp("fetcher"))


@NEEDS_OPENSSL
async def test_the_certificate_must_name_the_host_and_not_the_address(
    certificate: tuple[Path, Path], staged: StagedBytes
) -> None:
    fetcher = fetcher_of({NAME: ["127.0.0.1"], "other.example.com": ["127.0.0.1"]}, ca_file=certificate[0])
    async with socket_source(NAME, server_context(*certificate)) as source:
        source.answer(200, b"x" * 40_000)
        assert await fetch(fetcher, source.url, staged) == FETCHED
        for host in ("other.example.com", "127.0.0.1"):
            assert await fetch(fetcher, source.url.replace(NAME, host), staged) == FAILED
        assert (source.requests, staged.size) == (1, 40_000)


@NEEDS_OPENSSL
async def test_a_certificate_that_nobody_trusts_is_refused(certificate: tuple[Path, Path], staged: StagedBytes) -> None:
    async with socket_source(NAME, server_context(*certificate)) as source:
        assert await fetch(fetcher_of({NAME: ["127.0.0.1"]}), source.url, staged) == FAILED
        assert not source.received
