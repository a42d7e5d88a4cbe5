"""Servers that clients' URLs name: over real sockets, and in memory."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from wework_message.adapters.http import retry_after_ms
from wework_message.adapters.memory.media_fetcher import MemoryMediaFetcher
from wework_message.domain.ports.media_fetcher import Fetched

Headers = tuple[tuple[str, str], ...]


class ScriptedSource:
    """What the memory fetcher answers at one URL."""

    def __init__(self, fetcher: MemoryMediaFetcher) -> None:
        self.url = "https://files.example.com/a.jpg"
        self._fetcher = fetcher

    @property
    def requests(self) -> int:
        return len(self._fetcher.fetched)

    def answer(self, status: int, body: bytes = b"", headers: Headers = ()) -> None:
        ends = Fetched.of_status(status, retry_after_ms(dict(headers)))
        self._fetcher.answers[self.url] = body if status == 200 else ends


class SocketSource:
    """An HTTP server on a free port of loopback; keeps the requests, and counts the connections."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[bytes] = []
        self._calls: set[asyncio.Task[None]] = set()
        self.answer(200)

    @property
    def requests(self) -> int:
        return len(self.received)

    def answer(self, status: int, body: bytes = b"", headers: Headers = ()) -> None:
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers)
        length = "" if status in {204, 304} else f"content-length: {len(body)}\r\n"
        self._answer = f"HTTP/1.1 {status} X\r\n{extra}{length}\r\n".encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.current_task()
        assert call is not None
        self._calls.add(call)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError):
                self.received.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self._answer)
                await writer.drain()
        finally:
            self._calls.discard(call)
            writer.close()

    async def close(self) -> None:
        await asyncio.sleep(0)
        for call in (calls := list(self._calls)):
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


@contextlib.asynccontextmanager
async def socket_source(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[SocketSource]:
    source = SocketSource()
    server = await asyncio.start_server(source.serve, "127.0.0.1", 0, ssl=tls)
    source.url = f"{'https' if tls else 'http'}://{host}:{server.sockets[0].getsockname()[1]}/a.jpg?x=1"
    try:
        yield source
    finally:
        server.close()
        await source.close()
        await server.wait_closed()
