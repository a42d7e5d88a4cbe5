import asyncio
from pathlib import Path

import pytest
from tests.support.media.staged_files import FolderStaging, StagedBytes

from wework_message.application.media.intake import Preview, TakeIn, TakenIn
from wework_message.domain.content.rules import BIG_FILE_BYTES
from wework_message.domain.errors import UnavailableError
from wework_message.domain.media.asset import MediaFacts, MediaFailure, Seen
from wework_message.domain.ports.media_inspector import MediaDefectError

JPEG = b"\xff\xd8\xff and a picture"


class ScriptedInspector:
    """A video, whatever the bytes; its preview is `JPEG`."""

    def __init__(self, mime_type: str = "video/mp4", preview: bytes | None = JPEG) -> None:
        self.mime_type = mime_type
        self.drawn = preview
        self.raises: Exception | None = None
        self.previews = 0

    async def inspect(self, path: Path) -> Seen:
        if self.raises is not None:
            raise self.raises
        if await asyncio.to_thread(path.read_bytes) == JPEG:
            return Seen("image/jpeg", 4, 3)
        return Seen(self.mime_type, 40, 30, 1_000)

    async def preview(self, path: Path) -> bytes | None:
        self.previews += 1
        return self.drawn

    async def aclose(self) -> None:
        """Nothing is open."""


async def sized(staged: StagedBytes, size: int) -> StagedBytes:
    await staged.write(b"bytes")
    staged.size = size
    return staged


def facts_of(staged: StagedBytes, seen: Seen) -> MediaFacts:
    return MediaFacts(staged.sha256, staged.md5, staged.size, seen)


async def taken_in(inspector: ScriptedInspector, folder: Path, size: int) -> TakenIn | MediaFailure:
    staging = FolderStaging(folder)
    async with staging.file() as staged, TakeIn(inspector, staging)(await sized(staged, size)) as taken:
        return taken


async def test_bytes_become_facts(tmp_path: Path) -> None:
    staging = FolderStaging(tmp_path)
    async with staging.file() as staged:
        await staged.write(b"hello")
        async with TakeIn(ScriptedInspector(), staging)(staged) as taken:
            assert taken == TakenIn(facts_of(staged, Seen("video/mp4", 40, 30, 1_000)))
        assert (staged.size, staged.md5) == (5, "5d41402abc4b2a76b9719d911017c592")


async def test_nothing_is_no_asset(tmp_path: Path) -> None:
    assert await taken_in(ScriptedInspector(), tmp_path, 0) is MediaFailure.EMPTY


async def test_broken_bytes_are_no_asset(tmp_path: Path) -> None:
    inspector = ScriptedInspector()
    inspector.raises = MediaDefectError("broken")
    assert await taken_in(inspector, tmp_path, 10) is MediaFailure.DEFECT


async def test_an_inspector_that_is_away_says_nothing_of_the_bytes(tmp_path: Path) -> None:
    inspector = ScriptedInspector()
    inspector.raises = UnavailableError("media inspector")
    with pytest.raises(UnavailableError):
        await taken_in(inspector, tmp_path, 10)


@pytest.mark.parametrize("mime_type", ["video/mp4", "video/quicktime"])
async def test_a_big_video_has_a_preview_as_long_as_it_is_looked_at(tmp_path: Path, mime_type: str) -> None:
    staging = FolderStaging(tmp_path)
    async with staging.file() as staged:
        await sized(staged, BIG_FILE_BYTES + 1)
        async with TakeIn(ScriptedInspector(mime_type), staging)(staged) as taken:
            assert isinstance(taken, TakenIn)
            assert isinstance(taken.preview, Preview)
            assert taken.preview.staged.path.read_bytes() == JPEG
            assert taken.preview.facts.seen == Seen("image/jpeg", 4, 3)
            assert taken.preview.facts.size == len(JPEG)
        assert await asyncio.to_thread(lambda: [path.name for path in tmp_path.iterdir()]) == [staged.path.name]


@pytest.mark.parametrize(
    ("mime_type", "size"), [("video/mp4", BIG_FILE_BYTES), ("application/pdf", BIG_FILE_BYTES + 1)]
)
async def test_other_files_need_no_preview(tmp_path: Path, mime_type: str, size: int) -> None:
    inspector = ScriptedInspector(mime_type)
    taken = await taken_in(inspector, tmp_path, size)
    assert isinstance(taken, TakenIn)
    assert (taken.preview, inspector.previews) == (None, 0)


@pytest.mark.parametrize("drawn", [None, b""])
async def test_a_preview_that_cannot_be_made_is_left_out(tmp_path: Path, drawn: bytes | None) -> None:
    taken = await taken_in(ScriptedInspector(preview=drawn), tmp_path, BIG_FILE_BYTES + 1)
    assert isinstance(taken, TakenIn)
    assert taken.preview is None
