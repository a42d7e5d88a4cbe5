"""Bytes of media in a folder: one file for each hash, under the tenant and two levels of two hex digits."""

import os
import re
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from wework_message.adapters.media.failures import acquire, unavailable
from wework_message.adapters.media.temporary import discard, new_file, second_name, synchronise
from wework_message.adapters.private_files import make_folder
from wework_message.adapters.threads import Threads
from wework_message.domain.ports.media_store import BlobKey, BlobMissingError

PIECE_BYTES: Final = 65_536

_SHA256: Final = re.compile("[0-9a-f]{64}")


def blob_name(key: BlobKey) -> str:
    """The name of bytes in a store, a relative path such as ``default/ab/cd/abcd...``. Raises `ValueError` for a key that has none."""
    if not (key.tenant_id and _SHA256.fullmatch(key.sha256)):
        raise ValueError("not the key of a blob")
    tenant = quote(key.tenant_id, safe="").replace(".", "%2E")
    return f"{tenant}/{key.sha256[:2]}/{key.sha256[2:4]}/{key.sha256}"


class FolderMediaStore:
    """A folder that any number of processes may share. Files are written under a temporary name, synchronised and renamed.

    A staged file changes no more and goes soon: a second name of it is renamed, and nothing is copied.
    """

    def __init__(self, folder: Path, staging: Path, threads: Threads) -> None:
        """`staging` is for temporary files, on the same medium as `folder`: those of `FolderStaging`, and our own. Nothing is made before the first put."""
        self._folder = folder
        self._staging = staging
        self._threads = threads

    async def put(self, key: BlobKey, path: Path) -> None:
        try:
            await self._threads.run(self._put, self._path(key), path)
        except OSError as error:
            raise unavailable(error) from None

    async def read(self, key: BlobKey, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        descriptor = await acquire(self._threads, _close, _open, self._path(key))
        if descriptor is None:
            raise BlobMissingError("the bytes are not in the store")
        try:
            while end is None or start < end:
                piece = await self._piece(
                    descriptor, PIECE_BYTES if end is None else min(PIECE_BYTES, end - start), start
                )
                if not piece:
                    return
                start += len(piece)
                yield piece
        finally:
            _close(descriptor)

    async def size(self, key: BlobKey) -> int | None:
        try:
            return await self._threads.run(_size, self._path(key))
        except OSError as error:
            raise unavailable(error) from None

    async def delete(self, key: BlobKey) -> None:
        try:
            await self._threads.run(_delete, self._path(key))
        except OSError as error:
            raise unavailable(error) from None

    async def address(self, key: BlobKey, *, mime_type: str, valid_s: int) -> str | None:  # noqa: ARG002 -- the port's signature
        return None

    async def aclose(self) -> None:
        """The threads belong to whoever made them."""

    def _path(self, key: BlobKey) -> Path:
        return self._folder / blob_name(key)

    def _put(self, target: Path, source: Path) -> None:
        if _size(target) == source.stat().st_size:
            return
        path, descriptor = self._under_a_temporary_name(source)
        try:
            os.fsync(descriptor)
            for folder in make_folder(target.parent):
                synchronise(folder.parent)
            path.rename(target)
            synchronise(target.parent)
        finally:
            discard(path, descriptor)

    def _under_a_temporary_name(self, source: Path) -> tuple[Path, int]:
        if source.parent == self._staging and (staged := second_name(source)) is not None:
            return staged
        path, descriptor = new_file(self._staging)
        try:
            with source.open("rb") as bytes_in, os.fdopen(descriptor, "wb", closefd=False) as bytes_out:
                shutil.copyfileobj(bytes_in, bytes_out, 1_048_576)
        except BaseException:
            discard(path, descriptor)
            raise
        return path, descriptor

    async def _piece(self, descriptor: int, length: int, start: int) -> bytes:
        try:
            return await self._threads.run(os.pread, descriptor, length, start)
        except OSError as error:
            raise unavailable(error) from None


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _delete(path: Path) -> None:
    try:
        path.unlink()
    except FileNotFoundError:
        return
    synchronise(path.parent)
