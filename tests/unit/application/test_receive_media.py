"""Files that come in become assets: with a preview, after bytes that are being deleted, and never without their bytes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.builders.media import HOLDER

from wework_message.adapters.memory.media_rows import BytesRow
from wework_message.adapters.memory.media_store import MemoryStaging
from wework_message.application.media.intake import TakeIn
from wework_message.application.media.receive import MAX_UPLOADS, ReceiveMedia
from wework_message.domain.content.rules import BIG_FILE_BYTES
from wework_message.domain.errors import InvalidValueError, TryAgainError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.media.asset import MediaState, Seen
from wework_message.domain.ports.media_inspector import MediaDefectError
from wework_message.domain.ports.media_store import BlobKey

JPEG = b"\xff\xd8\xff and a picture"


class ScriptedInspector:
    """A video, but for `JPEG`, which is its preview; b"broken" is."""

    async def inspect(self, path: Path) -> Seen:
        content = path.read_bytes()  # noqa: ASYNC240 -- some bytes
        if content == b"broken":
            raise MediaDefectError
        return Seen("image/jpeg", 4, 3) if content == JPEG else Seen("video/mp4", 40, 30, 1_000)

    async def preview(self, path: Path) -> bytes | None:
        return JPEG

    async def aclose(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def app() -> AsyncIterator[InMemoryApp]:
    async with InMemoryApp() as app:
        yield app


@pytest.fixture
def receive(app: InMemoryApp) -> ReceiveMedia:
    wired = app.application.receive_media
    wired.take_in = TakeIn(ScriptedInspector(), MemoryStaging())
    return wired


async def test_a_big_video_has_an_asset_of_its_preview(app: InMemoryApp, receive: ReceiveMedia) -> None:
    async with receive.file() as staged:
        await staged.write(b"video")
        staged.size = BIG_FILE_BYTES + 1  # type: ignore[misc] # as if it were
        asset = await receive(DEFAULT_TENANT, staged, "a/video.mp4")
    stored = app.database.media.committed_items()
    assert asset.preview_id is not None
    preview = stored[asset.preview_id].asset
    assert (asset.file_name, preview.file_name, preview.preview_id) == ("video.mp4", None, None)
    assert asset.address_key != preview.address_key
    for made in (asset, preview):
        assert made.state is MediaState.READY
        assert made.facts is not None
        assert await app.media_store.size(BlobKey(DEFAULT_TENANT, made.facts.sha256)) is not None
    assert len(stored) == 2


@pytest.mark.parametrize(("content", "says"), [(b"", "must not be empty"), (b"broken", "is damaged")])
async def test_what_will_never_do_is_refused(
    app: InMemoryApp, receive: ReceiveMedia, content: bytes, says: str
) -> None:
    async with receive.file() as staged:
        await staged.write(content)
        with pytest.raises(InvalidValueError, match=says):
            await receive(DEFAULT_TENANT, staged, None)
    assert app.media_store._blobs == {}
    assert app.database.media_bytes.committed_items() == {}


async def test_bytes_that_are_being_deleted_are_not_put_meanwhile(app: InMemoryApp, receive: ReceiveMedia) -> None:
    async with receive.file() as staged:
        await staged.write(b"bytes")
        key = BlobKey(DEFAULT_TENANT, staged.sha256)
        app.database.media_bytes.put(key, BytesRow(app.clock.now() + 60_000, HOLDER))
        app.database.media_bytes.commit()
        with pytest.raises(TryAgainError):
            await receive(DEFAULT_TENANT, staged, None)
        assert app.media_store._blobs == {}
        app.database.media_bytes.drop(key)
        app.database.media_bytes.commit()
        assert (await receive(DEFAULT_TENANT, staged, None)).state is MediaState.READY


async def test_each_upload_gives_its_place_back(receive: ReceiveMedia) -> None:
    for _ in range(MAX_UPLOADS + 1):
        with pytest.raises(RuntimeError):
            async with receive.file():
                raise RuntimeError
    receive._coming = MAX_UPLOADS
    with pytest.raises(UnavailableError, match="too many files at once"):
        async with receive.file():
            raise AssertionError
