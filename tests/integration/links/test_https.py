"""Every client of https verifies: one server, the clients of each kind, and what a certificate may be wrong with."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from tests.support.authority import LOCAL, OTHER, Authority
from tests.support.certificates import server_context

from wework_message.adapters.http import HttpClient, NotWrittenError, Timing
from wework_message.adapters.media.s3 import Bucket, S3MediaStore
from wework_message.adapters.media.staging import FolderStaging
from wework_message.adapters.outbound.pinned_fetcher import PinnedFetcher
from wework_message.adapters.outbound.pinned_http import PinnedHttp
from wework_message.adapters.outbound.resolver import SystemResolver
from wework_message.adapters.threads import Threads
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.media.fetched import FetchOutcome
from wework_message.domain.outbound import AddressPolicy, networks_of
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.ports.outbound import OutboundOutcome
from wework_message.entrypoints.cli.client import ServiceClient
from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

LONG_MS: Final = 60_000
NOTHING_SENT: Final = {"TLS", "CONNECT"}
"""A server of old versions hangs up instead of shaking hands."""


@dataclass(slots=True)
class Site:
    """A server of https, as far as its clients know it."""

    port: int
    ca_file: Path
    """What the clients are told to trust."""
    folder: Path
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


Ask = Callable[[Site], Awaitable[bool]]
"""Whether an answer came."""


async def a_provider(site: Site) -> bool:
    client = HttpClient(site.url, ca_file=site.ca_file)
    try:
        answer = await client.post("/", b"{}", timing=Timing(total_ms=LONG_MS, connect_ms=LONG_MS))
    except NotWrittenError as error:
        assert error.reason in NOTHING_SENT  # noqa: PT017 -- which error it is
        return False
    finally:
        await client.aclose()
    return answer.status == 200


async def a_webhook(site: Site) -> bool:
    http = PinnedHttp(_policy(), SystemResolver(), ca_file=site.ca_file)
    try:
        answer = await http.post(site.url, headers=(), body=b"{}", deadline_ms=LONG_MS)
    finally:
        await http.aclose()
    assert answer.outcome in {OutboundOutcome.DELIVERED} | NOTHING_SENT
    return answer.outcome is OutboundOutcome.DELIVERED


async def a_file_by_url(site: Site) -> bool:
    fetcher = PinnedFetcher(_policy(), SystemResolver(), ca_file=site.ca_file)
    threads = Threads("staging", 1)
    try:
        async with FolderStaging(site.folder, threads).file() as staged:
            fetched = await fetcher.fetch(site.url, staged, max_bytes=1_000, deadline_ms=LONG_MS)
    finally:
        threads.close()
    return fetched.outcome is FetchOutcome.FETCHED


async def an_object_store(site: Site) -> bool:
    threads = Threads("s3", 1)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_CA_BUNDLE", str(site.ca_file))
        store = S3MediaStore(Bucket("b", endpoint=site.url, path_style=True, access_key="a", secret_key="s"), threads)
        try:
            return await store.size(BlobKey(DEFAULT_TENANT, "0" * 64)) is not None
        except UnavailableError:
            return False
        finally:
            await store.aclose()
            threads.close()


async def the_command_line(site: Site) -> bool:
    def ask() -> bool:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("SSL_CERT_FILE", str(site.ca_file))
            client = ServiceClient(site.url)
        with client:
            try:
                client.data("GET", "/api/health")
            except CommandFailedError as error:
                assert error.code is ExitCode.UNAVAILABLE  # noqa: PT017 -- which error it is
                return False
        return True

    return await asyncio.to_thread(ask)


def _policy() -> AddressPolicy:
    return AddressPolicy(networks_of(("127.0.0.0/8", "::1/128")))


@contextlib.asynccontextmanager
async def site(folder: Path, context: ssl.SSLContext | None, ca_file: Path) -> AsyncIterator[Site]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith((b"GET ", b"POST ", b"HEAD ")):
                running.requests.append(head)
            body = b'{"code":200,"message":"ok","data":{}}'
            length = f"content-length: {len(body)}\r\ncontent-type: application/json\r\n".encode()
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n" + length + b"\r\n")
            writer.write(b"" if head.startswith(b"HEAD") else body)
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "localhost", 0, ssl=context, family=2)
    running = Site(server.sockets[0].getsockname()[1], ca_file, folder)
    async with server:
        yield running


CLIENTS: Final = (a_provider, a_webhook, a_file_by_url, an_object_store, the_command_line)


@pytest.mark.parametrize("ask", CLIENTS)
async def test_a_trusted_server_is_asked(ask: Ask, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with site(tmp_path, server_context(*authority.issue()), authority.ca_file) as here:
        assert await ask(here)
        assert len(here.requests) == 1


@pytest.mark.parametrize("wrong", ["authority", "host", "time", "version"])
@pytest.mark.parametrize("ask", CLIENTS)
async def test_a_server_that_cannot_be_trusted_hears_nothing(ask: Ask, wrong: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = server_context(*authority.issue(OTHER if wrong == "host" else LOCAL, expired=wrong == "time"))
    trusted = Authority(tmp_path, "stranger").ca_file if wrong == "authority" else authority.ca_file
    if wrong == "version":
        with pytest.warns(DeprecationWarning, match="TLSv1 is"):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning, match="TLSv1_1 is"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("DEFAULT@SECLEVEL=0")
    async with site(tmp_path, context, trusted) as here:
        assert not await ask(here)
        assert here.requests == []
