"""What a store of media bytes promises, in any adapter."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from wework_message.domain.ids import TenantId
from wework_message.domain.ports.media_store import BlobKey, BlobMissingError, MediaStore

TENANT = TenantId("default")
LARGE = bytes(range(256)) * 800
"""200 KiB: several pieces."""


def key_of(content: bytes, tenant: str = TENANT) -> BlobKey:
    return BlobKey(TenantId(tenant), hashlib.sha256(content).hexdigest())


async def content_of(store: MediaStore, key: BlobKey, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in store.read(key, start=start, end=end)])


class MediaStoreContract:
    """Subclasses have the fixture `store`."""

    async def put(self, store: MediaStore, folder: Path, content: bytes, tenant: str = TENANT) -> BlobKey:
        path = folder / "staged"
        path.write_bytes(content)
        key = key_of(content, tenant)
        await store.put(key, path)
        return key

    async def test_what_was_put_is_read_as_it_was_after_its_source_is_gone(
        self, store: MediaStore, tmp_path: Path
    ) -> None:
        key = await self.put(store, tmp_path, LARGE)
        (tmp_path / "staged").unlink()
        pieces = [piece async for piece in store.read(key)]
        assert b"".join(pieces) == LARGE
        assert max(map(len, pieces)) <= 64 * 1024
        assert await store.size(key) == len(LARGE)

    async def test_ranges_are_read(self, store: MediaStore, tmp_path: Path) -> None:
        key = await self.put(store, tmp_path, LARGE)
        ends = ((0, 1), (1, 1), (70_000, 140_000), (len(LARGE) - 1, None), (10, 10**9), (len(LARGE), None))
        for start, end in ends:
            assert await content_of(store, key, start, end) == LARGE[start:end]

    async def test_what_is_not_there_is_missing_before_the_first_piece(self, store: MediaStore) -> None:
        key = key_of(b"never put")
        assert await store.size(key) is None
        for start, end in ((0, None), (0, 4), (4, 4), (9, None)):
            with pytest.raises(BlobMissingError):
                await content_of(store, key, start, end)

    async def test_what_is_deleted_is_missing_and_may_be_put_again(self, store: MediaStore, tmp_path: Path) -> None:
        key = await self.put(store, tmp_path, b"some bytes")
        await store.delete(key)
        await store.delete(key)
        assert await store.size(key) is None
        await self.put(store, tmp_path, b"some bytes")
        assert await content_of(store, key) == b"some bytes"

    async def test_equal_bytes_of_two_tenants_are_apart(self, store: MediaStore, tmp_path: Path) -> None:
        first = await self.put(store, tmp_path, b"shared", "one")
        second = await self.put(store, tmp_path, b"shared", "../two.. ä")
        await store.delete(first)
        assert await store.size(first) is None
        assert await content_of(store, second) == b"shared"

    async def test_the_same_bytes_put_by_several_at_once_are_whole(self, store: MediaStore, tmp_path: Path) -> None:
        folders = [tmp_path / str(number) for number in range(4)]
        for folder in folders:
            folder.mkdir()
        await asyncio.gather(*(self.put(store, folder, LARGE) for folder in folders))
        assert await content_of(store, key_of(LARGE)) == LARGE

    async def test_a_reader_may_leave_early(self, store: MediaStore, tmp_path: Path) -> None:
        key = await self.put(store, tmp_path, LARGE)
        pieces = store.read(key)
        assert await anext(pieces)
        await pieces.aclose()
