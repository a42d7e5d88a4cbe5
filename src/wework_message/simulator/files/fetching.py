"""Fetches the bytes that an upload names by a URL, as the provider would."""

import asyncio
import contextlib
import hashlib
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httptools

MAX_BYTES: Final = 268_435_456
"""Longer files are not taken (the vendor's limit is unknown)."""

_READ_BYTES: Final = 65_536
_OK: Final = 200


class Fetched(NamedTuple):
    """What is known of a file's bytes, which are not kept."""

    size: int
    md5: str
    sha256: str


class _Answer:
    """Hashes the body as the parser reports it."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.size = 0
        self.is_whole = False
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def on_body(self, data: bytes) -> None:
        self.size += len(data)
        self._md5.update(data)
        self._sha256.update(data)

    def on_message_complete(self) -> None:
        self.is_whole = True

    def fetched(self) -> Fetched | None:
        """None where the answer is not a file: it has another status, is empty, too long, or ends before its end."""
        is_file = self.parser.get_status_code() == _OK and self.is_whole and 0 < self.size <= MAX_BYTES
        return Fetched(self.size, self._md5.hexdigest(), self._sha256.hexdigest()) if is_file else None


async def fetch(url: str, timeout_ms: int) -> Fetched | None:
    """The file behind an http or https URL; None where there is none. It follows no redirect, and nothing raises."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_ms / 1_000):
            parts = urlsplit(url)
            is_secure = {"http": False, "https": True}[parts.scheme]
            port = parts.port or (443 if is_secure else 80)
            reader, writer = await asyncio.open_connection(parts.hostname or "", port, ssl=is_secure or None)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            host = parts.netloc.rpartition("@")[2]
            writer.write(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii"))
            return await _read(reader)
    except (OSError, TimeoutError, ValueError, KeyError, httptools.HttpParserError):
        return None
    finally:
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Fetched | None:
    answer = _Answer()
    while not answer.is_whole and answer.size <= MAX_BYTES:
        data = await reader.read(_READ_BYTES)
        if not data:  # a body without a length ends with its connection: the vendor's client is assumed to want one
            break
        answer.parser.feed_data(data)
    return answer.fetched()
