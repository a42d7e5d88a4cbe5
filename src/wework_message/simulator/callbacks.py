"""Posts callbacks over keep-alive connections, with the header set of the one captured callback."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import httptools

_READ_BYTES = 65_536
_OK = range(200, 300)


class _Answer:
    """Collects what the parser reports of one answer; only within its last event does the parser know `keep_alive`."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.complete = False
        self.keep_alive = False

    def on_message_complete(self) -> None:
        self.complete = True
        self.keep_alive = self.parser.should_keep_alive()


class CallbackConnection:
    """One HTTP/1.1 connection, reused while the receiver and its address stay the same. For one user at a time."""

    def __init__(self, timeout_ms: int) -> None:
        self._timeout_s = timeout_ms / 1000
        self._origin: tuple[str, str, int] | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, url: str, body: bytes) -> bool:
        """Post one callback; True when it was answered 2xx in time. Errors of the network are False and never raised.

        A kept connection that the receiver closed meanwhile is opened anew, once.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                was_open = self._writer is not None
                try:
                    return await self._exchange(url, body)
                except (ConnectionError, asyncio.IncompleteReadError):
                    await self.close()
                    return await self._exchange(url, body) if was_open else False
        except (OSError, TimeoutError, ValueError, httptools.HttpParserError, asyncio.IncompleteReadError):
            await self.close()
            return False

    async def _exchange(self, url: str, body: bytes) -> bool:
        parts = urlsplit(url)
        host = parts.hostname or ""
        origin = (parts.scheme, host, parts.port or (443 if parts.scheme == "https" else 80))
        if self._writer is None or self._origin != origin:
            await self.close()
            self._reader, self._writer = await asyncio.open_connection(
                host, origin[2], ssl=parts.scheme == "https" or None
            )
            self._origin = origin
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        head = (
            f"POST {target} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\nContent-Type: application/json\r\n"
            "Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nUser-Agent: Python/3.11 aiohttp/3.9.1\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode("ascii") + body)
        return await self._status() in _OK

    async def _status(self) -> int:
        if self._reader is None:
            raise ConnectionResetError("not connected")
        answer = _Answer()
        while not answer.complete:
            data = await self._reader.read(_READ_BYTES)
            if not data:
                raise ConnectionResetError("closed before the answer was complete")
            answer.parser.feed_data(data)
        status: int = answer.parser.get_status_code()
        if not answer.keep_alive:
            await self.close()
        return status

    async def close(self) -> None:
        """Close the connection; the next post opens another."""
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
