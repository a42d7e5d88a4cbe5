"""Staged files in a folder of the test."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from wework_message.domain.errors import UnavailableError


class StagedBytes:
    """A staged file; `max_bytes` is the size of its medium."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.size = 0
        self.max_piece = 0
        self._max_bytes = max_bytes
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        path.write_bytes(b"")

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    async def write(self, chunk: bytes) -> None:
        if self.size + len(chunk) > self._max_bytes:
            raise UnavailableError("media store", "is full")
        self.size += len(chunk)
        self.max_piece = max(self.max_piece, len(chunk))
        self._sha256.update(chunk)
        self._md5.update(chunk)
        with self.path.open("ab") as file:
            file.write(chunk)


class FolderStaging:
    """Makes them."""

    def __init__(self, folder: Path, max_bytes: int = 10**9) -> None:
        self.folder = folder
        self._max_bytes = max_bytes

    @contextlib.asynccontextmanager
    async def file(self) -> AsyncIterator[StagedBytes]:
        staged = StagedBytes(self.folder / uuid4().hex, self._max_bytes)
        try:
            yield staged
        finally:
            staged.path.unlink()
