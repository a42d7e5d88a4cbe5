import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.certificates import NEEDS_OPENSSL, certificate_for

from wework_message.adapters.http import HttpClient, NotWrittenError, Timing

TIMING = Timing(total_ms=30_000, connect_ms=30_000)

pytestmark = NEEDS_OPENSSL


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate_for("localhost", tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def server(certificate: tuple[Path, Path]) -> AsyncIterator["Server"]:
    server = Server()
    await server.start(*certificate)
    yield server
    await server.aclose()


class Server:
    """Answers every request over TLS; counts its handshakes and requests."""

    def __init__(self) -> None:
        self.handshakes = 0
        self.requests = 0

    async def start(self, cert: Path, key: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.handshakes += 1
        try:
            while await reader.readuntil(b"\r\n\r\n{}"):
                self.requests += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def aclose(self) -> None:
        self._server.close()
        await self._server.wait_closed()


async def test_a_trusted_server_is_called_over_one_kept_connection(
    server: Server, certificate: tuple[Path, Path]
) -> None:
    client = HttpClient(f"https://localhost:{server.port}", ca_file=certificate[0])
    for _ in range(3):
        assert (await client.post("/", b"{}", timing=TIMING)).body == b"ok"
    assert (server.requests, client.open_connections) == (3, 1)
    await client.aclose()
    assert client.open_connections == 0


async def test_a_server_with_an_untrusted_certificate_is_not_written_to(server: Server) -> None:
    client = HttpClient(f"https://localhost:{server.port}")
    with pytest.raises(NotWrittenError) as caught:
        await client.post("/", b"{}", timing=TIMING)
    assert caught.value.reason == "TLS"
    assert server.requests == 0
    await client.aclose()


async def test_a_server_with_a_certificate_for_another_name_is_not_written_to(
    server: Server, certificate: tuple[Path, Path]
) -> None:
    client = HttpClient(f"https://127.0.0.1:{server.port}", ca_file=certificate[0])
    with pytest.raises(NotWrittenError) as caught:
        await client.post("/", b"{}", timing=TIMING)
    assert caught.value.reason == "TLS"
    assert server.requests == 0
    await client.aclose()


async def test_a_server_without_tls_is_not_written_to() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as plain:
        client = HttpClient(f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}")
        with pytest.raises(NotWrittenError) as caught:
            await client.post("/", b"{}", timing=TIMING)
        assert caught.value.reason in {"TLS", "CONNECT"}
        await client.aclose()


async def test_a_handshake_that_hangs_is_not_written_after_the_connect_deadline() -> None:
    arrived = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as silent:
        client = HttpClient(f"https://127.0.0.1:{silent.sockets[0].getsockname()[1]}")
        with pytest.raises(NotWrittenError) as caught:
            await client.post("/", b"{}", timing=Timing(total_ms=600_000, connect_ms=100))
        assert caught.value.reason == "CONNECT"
        await asyncio.wait_for(arrived.wait(), 10)
        await client.aclose()
