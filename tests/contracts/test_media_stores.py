"""The contract of media stores on memory, on a folder, and on an object store that speaks S3."""

import asyncio
import errno
import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # ships no types
from tests.contracts.media_store_contract import LARGE, MediaStoreContract, content_of, key_of
from tests.support.servers.ports import free_port
from tests.support.servers.s3proxy import ACCESS_KEY, SECRET_KEY, S3Proxy

from wework_message.adapters.media import temporary
from wework_message.adapters.media.folder import FolderMediaStore, blob_name
from wework_message.adapters.media.s3 import Bucket, S3MediaStore, _told
from wework_message.adapters.media.staging import BEGIN_BYTES, FolderStaging
from wework_message.adapters.media.temporary import discard, new_file, sweep
from wework_message.adapters.memory.media_store import MemoryMediaStore
from wework_message.adapters.threads import Threads
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.media_store import BlobKey, MediaStore


@contextmanager
def some_threads() -> Iterator[Threads]:
    threads = Threads("media", 4)
    try:
        yield threads
    finally:
        threads.close(wait=True)


class TestMemoryMediaStore(MediaStoreContract):
    @pytest.fixture
    def store(self) -> MediaStore:
        return MemoryMediaStore()

    async def test_without_room_nothing_is_kept(self, tmp_path: Path) -> None:
        store = MemoryMediaStore(room=10)
        with pytest.raises(UnavailableError):
            await self.put(store, tmp_path, LARGE)
        assert await store.size(key_of(LARGE)) is None
        await store.aclose()


class TestFolderMediaStore(MediaStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[FolderMediaStore]:
        with some_threads() as threads:
            yield FolderMediaStore(tmp_path / "var" / "blobs", tmp_path / "var" / "staging", threads)

    async def test_files_and_folders_are_for_the_owner_only(self, store: FolderMediaStore, tmp_path: Path) -> None:
        await self.put(store, tmp_path, LARGE, "a.b/c")
        made = list((tmp_path / "var").rglob("*"))
        modes = {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()}
        assert modes == {0o600}
        assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_dir()} == {0o700}
        name = key_of(LARGE).sha256
        assert (tmp_path / "var/blobs/a%2Eb%2Fc" / name[:2] / name[2:4] / name).is_file()

    async def test_a_full_medium_is_unavailable_and_leaves_nothing(
        self, store: FolderMediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fill(*_: object) -> None:
            raise OSError(errno.ENOSPC, "full", "/a/secret/path")

        monkeypatch.setattr(shutil, "copyfileobj", fill)
        with pytest.raises(UnavailableError, match=r"media store: No space left on device$"):
            await self.put(store, tmp_path, LARGE)
        assert await store.size(key_of(LARGE)) is None
        assert [path for path in (tmp_path / "var").rglob("*") if path.is_file()] == []

    async def test_bytes_are_on_the_disk_before_their_name_and_their_name_before_the_end(
        self, store: FolderMediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "var" / "blobs" / blob_name(key_of(LARGE))
        synced: list[tuple[Path, bool]] = []

        def fsync(descriptor: int) -> None:
            synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), target.exists()))

        monkeypatch.setattr(os, "fsync", fsync)
        await self.put(store, tmp_path, LARGE)
        (part, too_early), *folders = synced
        assert (part.suffix, too_early) == (".part", False)
        assert [folder for folder, _ in folders] == [*list(target.parents)[4:0:-1], target.parent]
        assert folders[-1] == (target.parent, True)
        synced.clear()
        await store.delete(key_of(LARGE))
        assert synced == [(target.parent, False)]

    async def test_a_put_that_was_killed_half_way_is_done_again(self, store: FolderMediaStore, tmp_path: Path) -> None:
        left, descriptor = new_file(tmp_path / "var" / "staging")
        os.write(descriptor, LARGE[:1000])
        os.close(descriptor)  # as the kernel does at the end of a process
        assert await store.size(key_of(LARGE)) is None
        await self.put(store, tmp_path, LARGE)
        assert sweep(tmp_path / "var" / "staging") == 1
        assert not left.exists()
        assert await content_of(store, key_of(LARGE)) == LARGE

    async def test_a_file_that_lost_bytes_is_put_again(self, store: FolderMediaStore, tmp_path: Path) -> None:
        key = await self.put(store, tmp_path, LARGE)
        os.truncate(tmp_path / "var" / "blobs" / blob_name(key), 1000)
        await self.put(store, tmp_path, LARGE)
        assert await content_of(store, key) == LARGE

    async def test_a_staged_file_is_kept_itself_and_the_end_of_its_staging_takes_only_its_first_name(
        self, store: FolderMediaStore, tmp_path: Path
    ) -> None:
        kept = tmp_path / "var" / "blobs" / blob_name(key_of(LARGE))
        with some_threads() as threads:
            async with FolderStaging(tmp_path / "var" / "staging", threads).file() as staged:
                await staged.write(LARGE)
                await store.put(key_of(LARGE), staged.path)
                assert kept.samefile(staged.path)
                kept.unlink()
                kept.write_bytes(b"lost bytes")
                await store.put(key_of(LARGE), staged.path)
                assert kept.samefile(staged.path)
        assert await content_of(store, key_of(LARGE)) == LARGE
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert list((tmp_path / "var" / "staging").iterdir()) == []

    async def test_a_staged_file_is_on_the_disk_before_its_name_and_no_sweep_takes_it_meanwhile(
        self, store: FolderMediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "var" / "blobs" / blob_name(key_of(LARGE))
        early: list[tuple[str, bool, int]] = []

        def fsync(descriptor: int) -> None:
            name = Path(f"/proc/self/fd/{descriptor}").readlink()
            early.append((name.suffix, target.exists(), sweep(tmp_path / "var" / "staging")))

        with some_threads() as threads:
            async with FolderStaging(tmp_path / "var" / "staging", threads).file() as staged:
                await staged.write(LARGE)
                monkeypatch.setattr(os, "fsync", fsync)
                await store.put(key_of(LARGE), staged.path)
        assert early[0] == (".part", False, 0)
        assert early[-1] == ("", True, 0)
        assert await content_of(store, key_of(LARGE)) == LARGE

    async def test_on_a_medium_without_second_names_a_staged_file_is_copied(
        self, store: FolderMediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "no second names")

        monkeypatch.setattr(os, "link", refuse)
        with some_threads() as threads:
            async with FolderStaging(tmp_path / "var" / "staging", threads).file() as staged:
                await staged.write(LARGE)
                await store.put(key_of(LARGE), staged.path)
                assert [link for link in open_files() if link.endswith(".part")] == [str(staged.path)]
        assert await content_of(store, key_of(LARGE)) == LARGE

    async def test_a_folder_that_cannot_be_used_is_unavailable(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with some_threads() as threads:
            store = FolderMediaStore(tmp_path / "file", tmp_path / "file", threads)
            key = key_of(LARGE)
            (tmp_path / "staged").write_bytes(LARGE)
            for call in (
                store.put(key, tmp_path / "staged"),
                store.size(key),
                store.delete(key),
                content_of(store, key),
            ):
                with pytest.raises(UnavailableError):
                    await call
        await store.aclose()

    async def test_it_has_no_address_of_its_own(self, store: FolderMediaStore) -> None:
        assert await store.address(key_of(LARGE), mime_type="image/png", valid_s=60) is None


@pytest.mark.parametrize(
    "key", [BlobKey(TenantId("default"), "../" * 21 + "x"), BlobKey(TenantId(""), "0" * 64), BlobKey(TenantId("a"), "")]
)
def test_a_key_that_is_none_names_nothing(key: BlobKey) -> None:
    with pytest.raises(ValueError, match="not the key of a blob"):
        blob_name(key)


def bucket_at(server: S3Proxy, name: str, *, prefix: str = "gateway/") -> Bucket:
    return Bucket(name, prefix, server.endpoint, path_style=True, access_key=ACCESS_KEY, secret_key=SECRET_KEY)


class TestS3MediaStore(MediaStoreContract):
    @pytest.fixture(autouse=True)
    def no_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_PROXY", "*")

    @pytest.fixture
    async def store(self, s3proxy: S3Proxy) -> AsyncIterator[S3MediaStore]:
        with some_threads() as threads:
            store = S3MediaStore(bucket_at(s3proxy, s3proxy.fresh_bucket()), threads)
            yield store
            await store.aclose()

    async def test_anybody_reads_at_its_address_with_the_type_that_was_named(
        self, store: S3MediaStore, tmp_path: Path
    ) -> None:
        key = await self.put(store, tmp_path, LARGE)
        address = await store.address(key, mime_type="image/png", valid_s=60)
        assert address is not None
        async with httpx.AsyncClient() as client:
            answer = await client.get(address)
            assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "image/png", LARGE)
            assert answer.headers["content-disposition"] == "attachment"
            assert (
                await client.get(address.replace("image%2Fpng", "text%2Fhtml"))
            ).status_code == httpx.codes.FORBIDDEN

    async def test_what_arrives_changed_is_refused(self, store: S3MediaStore, tmp_path: Path) -> None:
        def spoil(request: httpx.Request, **_: object) -> None:
            request.body = b"x" * len(LARGE)  # type: ignore[attr-defined] # it is a request of botocore

        await store.size(key_of(LARGE))
        # Between the signature and the wire.
        store._client.meta.events.register("before-send.s3.PutObject", spoil)
        with pytest.raises(UnavailableError, match="media store: answers XAmzContentSHA256Mismatch"):
            await self.put(store, tmp_path, LARGE)
        assert await store.size(key_of(LARGE)) is None

    async def test_a_bucket_that_is_not_there_is_no_missing_blob(self, s3proxy: S3Proxy, tmp_path: Path) -> None:
        with some_threads() as threads:
            store = S3MediaStore(bucket_at(s3proxy, "no-such-bucket"), threads)
            (tmp_path / "staged").write_bytes(LARGE)
            key = key_of(LARGE)
            for call in (store.put(key, tmp_path / "staged"), store.size(key), content_of(store, key)):
                with pytest.raises(UnavailableError):
                    await call
            await store.aclose()

    async def test_a_key_that_is_refused_is_not_in_the_error(self, s3proxy: S3Proxy) -> None:
        with some_threads() as threads:
            bucket = Bucket("b", "", s3proxy.endpoint, path_style=True, access_key="hunter2", secret_key="hunter3")
            store = S3MediaStore(bucket, threads)
            with pytest.raises(UnavailableError) as raised:
                await content_of(store, key_of(LARGE))
            assert "hunter" not in f"{raised.value!r} {bucket!r} {raised.value.__cause__!r}"
            await store.aclose()


def test_of_the_answer_of_a_store_only_a_code_is_told() -> None:
    for code, told in (("SlowDown", "answers SlowDown"), ("see http://secret.example/?key", "answers an error")):

        def refuse(code: str = code) -> None:
            raise ClientError({"Error": {"Code": code, "Message": "secret"}}, "PutObject")

        with pytest.raises(UnavailableError, match=f"^media store: {told}$") as refused:
            _told(refuse)
        assert refused.value.__suppress_context__


async def test_an_object_store_that_does_not_answer_is_unavailable() -> None:
    with some_threads() as threads:
        endpoint = f"http://127.0.0.1:{free_port()}"
        store = S3MediaStore(Bucket("b", "", endpoint, path_style=True, access_key="a", secret_key="s"), threads)
        with pytest.raises(UnavailableError, match=r"media store: EndpointConnectionError$"):
            await store.size(key_of(LARGE))
        await store.aclose()


def open_files() -> Iterator[str]:
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of this folder
            yield str(descriptor.readlink())


class TestStaging:
    @pytest.fixture
    def staging(self, tmp_path: Path) -> Iterator[FolderStaging]:
        with some_threads() as threads:
            yield FolderStaging(tmp_path / "staging", threads)

    async def test_what_is_written_is_in_the_file_and_counted_until_the_end(self, staging: FolderStaging) -> None:
        async with staging.file() as staged:
            for chunk in (b"", LARGE, b"end"):
                await staged.write(chunk)
            content = LARGE + b"end"
            assert staged.path.read_bytes() == content
            assert staged.size == len(content)
            assert staged.sha256 == hashlib.sha256(content).hexdigest()
            assert staged.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()
            assert stat.S_IMODE(staged.path.stat().st_mode) == 0o600
        assert not staged.path.exists()

    async def test_what_a_store_keeps_is_given_to_the_disk_as_it_comes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[tuple[int, int]] = []

        def begin(_: int, start: int, length: int, advice: int) -> None:
            assert advice == os.POSIX_FADV_DONTNEED
            told.append((start, length))
            raise OSError(errno.EINVAL, "this medium takes no advice")

        monkeypatch.setattr(os, "posix_fadvise", begin)
        for kept, expected in ((True, [(0, BEGIN_BYTES), (BEGIN_BYTES, BEGIN_BYTES + 1)]), (False, [])):
            told.clear()
            with some_threads() as threads:
                async with FolderStaging(tmp_path / "staging", threads, kept=kept).file() as staged:
                    for size in (BEGIN_BYTES - 1, 1, BEGIN_BYTES + 1, 5):
                        await staged.write(bytes(size))
                    assert staged.path.stat().st_size == 2 * BEGIN_BYTES + 6
            assert told == expected

    async def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(
        self, staging: FolderStaging, tmp_path: Path
    ) -> None:
        left, descriptor = new_file(tmp_path / "staging")
        os.close(descriptor)
        async with staging.file() as staged:
            assert await staging.sweep() == 1
            assert staged.path.exists()
            assert not left.exists()
        assert list((tmp_path / "staging").iterdir()) == []

    def test_a_file_that_was_swept_before_it_was_locked_is_made_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock = temporary._lock
        swept: list[bool] = []

        def lock_late(descriptor: int) -> bool:
            if not swept:
                swept.append(True)
                assert sweep(tmp_path) == 1
            return lock(descriptor)

        monkeypatch.setattr(temporary, "_lock", lock_late)
        path, descriptor = new_file(tmp_path)
        assert swept
        assert path.exists()
        discard(path, descriptor)

    def test_a_link_is_not_followed_by_a_sweep(self, tmp_path: Path) -> None:
        (tmp_path / "other").write_bytes(b"x")
        (tmp_path / "link.part").symlink_to("other")
        assert sweep(tmp_path) == 0
        assert (tmp_path / "other").exists()

    async def test_without_a_folder_nothing_is_swept(self, staging: FolderStaging) -> None:
        assert await staging.sweep() == 0

    async def test_a_full_medium_is_unavailable(self, staging: FolderStaging, monkeypatch: pytest.MonkeyPatch) -> None:
        def fill(*_: object) -> int:
            raise OSError(errno.ENOSPC, "full", "/a/secret/path")

        async with staging.file() as staged:
            with monkeypatch.context() as patch:
                patch.setattr(os, "write", fill)
                with pytest.raises(UnavailableError, match=r"media store: No space left on device$"):
                    await staged.write(b"bytes")
            assert staged.size == 0
        assert not staged.path.exists()

    async def test_a_medium_without_locks_is_unavailable_and_leaves_nothing(
        self, staging: FolderStaging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.ENOLCK, "no locks")

        monkeypatch.setattr(fcntl, "flock", refuse)
        for _ in range(5):
            with pytest.raises(UnavailableError, match="No locks available"):
                async with staging.file():
                    pass
        assert list((tmp_path / "staging").iterdir()) == []
        assert [link for link in open_files() if str(tmp_path) in link] == []

    async def test_who_is_cancelled_leaves_no_file(self, tmp_path: Path) -> None:
        threads = Threads("media")  # one: what is begun later ends later
        staging = FolderStaging(tmp_path / "staging", threads)

        async def stage() -> None:
            async with staging.file() as staged:
                while True:
                    await staged.write(LARGE)

        for steps in range(6):
            staging_task = asyncio.create_task(stage())
            for _ in range(steps):
                await asyncio.sleep(0)
            staging_task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await staging_task
        await staging.sweep()  # after everything that was begun
        async with staging.file():
            assert len(list((tmp_path / "staging").iterdir())) == 1
        threads.close(wait=True)
