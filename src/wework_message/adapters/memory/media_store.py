"""Bytes of media in memory, for tests and demonstrations."""

from collections.abc import AsyncGenerator
from pathlib import Path

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.media_store import BlobKey, BlobMissingError

PIECE_BYTES = 65_536


class MemoryMediaStore:
    """Keeps at most `room` bytes."""

    def __init__(self, room: int = 1_073_741_824) -> None:
        """Nothing is in it."""
        self._room = room
        self._blobs: dict[BlobKey, bytes] = {}

    async def put(self, key: BlobKey, path: Path) -> None:
        blob = path.read_bytes()  # noqa: ASYNC240 -- of tests, small
        if key in self._blobs:
            return
        if sum(map(len, self._blobs.values())) + len(blob) > self._room:
            raise UnavailableError("media store", "is full")
        self._blobs[key] = blob

    async def read(self, key: BlobKey, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        if key not in self._blobs:
            raise BlobMissingError("the bytes are not in the store")
        blob = self._blobs[key][start:end]
        for place in range(0, len(blob), PIECE_BYTES):
            yield blob[place : place + PIECE_BYTES]

    async def size(self, key: BlobKey) -> int | None:
        return len(self._blobs[key]) if key in self._blobs else None

    async def delete(self, key: BlobKey) -> None:
        self._blobs.pop(key, None)

    async def address(self, key: BlobKey, *, mime_type: str, valid_s: int) -> str | None:  # noqa: ARG002 -- the port's signature
        return None

    async def aclose(self) -> None:
        """Nothing is held."""
