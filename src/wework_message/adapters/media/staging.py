"""Bytes on their way in, in temporary files."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from wework_message.adapters.media.failures import acquire, unavailable
from wework_message.adapters.media.temporary import begin_to_write, discard, new_file, sweep
from wework_message.adapters.threads import Threads
from wework_message.domain.ports.media_store import StagedFile

BEGIN_BYTES: Final = 1_048_576
"""So many bytes the medium is given at once: it takes a millisecond or less, and whoever commits meanwhile waits no longer."""


class FolderStaging:
    """Temporary files of one folder, which processes may share. Every access to the disk is in a thread."""

    def __init__(self, folder: Path, threads: Threads, *, kept: bool = False) -> None:
        """Nothing is made before the first file. `kept`: a store keeps the files themselves, so they are written to the disk as they come."""
        self._folder = folder
        self._threads = threads
        self._kept = kept

    def sweep(self) -> "asyncio.Future[int]":
        """Begin to delete what killed processes left; nobody need wait for it."""
        return self._threads.start(sweep, self._folder)

    @asynccontextmanager
    async def file(self) -> AsyncIterator[StagedFile]:
        path, descriptor = await acquire(self._threads, _discard, new_file, self._folder)
        staged = _Staged(path, descriptor, self._threads, kept=self._kept)
        try:
            yield staged
        finally:
            if self._threads.closed:
                staged.close()
            else:
                await asyncio.shield(self._threads.start(staged.close))


class _Staged:
    """One file. A lock keeps its end from meeting a write of a caller who was cancelled."""

    def __init__(self, path: Path, descriptor: int, threads: Threads, *, kept: bool) -> None:
        self._path = path
        self._descriptor = descriptor
        self._threads = threads
        self._kept = kept
        self._begun = 0
        """How many bytes the medium has been told to write."""
        self._lock = Lock()
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def size(self) -> int:
        return self._size

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    async def write(self, chunk: bytes) -> None:
        try:
            await self._threads.run(self._write, chunk)
        except OSError as error:
            raise unavailable(error) from None

    def close(self) -> None:
        """Delete it."""
        with self._lock:
            discard(self._path, self._descriptor)
            self._descriptor = -1

    def _write(self, chunk: bytes) -> None:
        with self._lock:
            if self._descriptor < 0:
                return
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            self._sha256.update(chunk)
            self._md5.update(chunk)
            self._size += len(chunk)
            if self._kept and self._size - self._begun >= BEGIN_BYTES:
                begin_to_write(self._descriptor, self._begun, self._size - self._begun)
                self._begun = self._size


def _discard(file: tuple[Path, int]) -> None:
    discard(*file)
