"""Bytes of media in memory, for tests and demonstrations."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, _TemporaryFileWrapper

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.media_store import BlobKey, BlobMissingError, StagedFile

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


class MemoryStaging:
    """Temporary files of the system: what looks at bytes wants a path."""

    @asynccontextmanager
    async def file(self) -> AsyncIterator[StagedFile]:
        with NamedTemporaryFile(prefix="wm-staged-") as file:
            yield _Staged(file)


class _Staged:
    def __init__(self, file: "_TemporaryFileWrapper[bytes]") -> None:
        self._file = file
        self.size = 0
        self._hashes = hashlib.sha256(), hashlib.md5(usedforsecurity=False)

    @property
    def path(self) -> Path:
        return Path(self._file.name)

    @property
    def sha256(self) -> str:
        return self._hashes[0].hexdigest()

    @property
    def md5(self) -> str:
        return self._hashes[1].hexdigest()

    async def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._file.flush()
        self.size += len(chunk)
        for digest in self._hashes:
            digest.update(chunk)
