"""A web server on a free port of loopback whose files providers fetch, well or badly."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class FileServer:
    """Serves `files` by their path, 404 for anything else."""

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.fetched: list[str] = []
        """Paths that were asked for."""
        self.began = asyncio.Event()
        """Set with the first of them."""
        self.breaks_off = False
        """Whether it closes each connection in the middle of the file."""
        self.is_chunked = False
        self.waits: asyncio.Event | None = None
        """What it waits for in the middle of each file."""
        self._calls: set[asyncio.Task[None]] = set()

    def offer(self, path: str, file: bytes) -> str:
        """Serve the file; its URL."""
        self.files[path] = file
        return f"{self.url}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.current_task()
        assert call is not None
        self._calls.add(call)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._answer((await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1], writer)
        finally:
            self._calls.discard(call)
            writer.close()

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        self.fetched.append(path)
        self.began.set()
        file = self.files.get(path)
        if file is None:
            writer.write(b"HTTP/1.1 404 X\r\ncontent-length: 4\r\n\r\ngone")
            return
        length = "transfer-encoding: chunked" if self.is_chunked else f"content-length: {len(file)}"
        writer.write(f"HTTP/1.1 200 X\r\n{length}\r\n\r\n".encode())
        half = len(file) // 2
        writer.write(self._piece(file[:half]))
        if self.waits is not None:
            await self.waits.wait()
        if self.breaks_off:
            return
        writer.write(self._piece(file[half:]) + (b"0\r\n\r\n" if self.is_chunked else b""))
        await writer.drain()

    def _piece(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked else data

    async def close(self) -> None:
        """End every connection: one that outlives its loop is reported in another test."""
        await asyncio.sleep(0)  # those that were accepted a moment ago begin
        for call in (calls := list(self._calls)):
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


@contextlib.asynccontextmanager
async def file_server() -> AsyncIterator[FileServer]:
    files = FileServer()
    server = await asyncio.start_server(files.serve, "127.0.0.1", 0)
    files.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield files
    finally:
        server.close()
        await files.close()
        await server.wait_closed()
