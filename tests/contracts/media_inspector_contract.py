"""What the service learns of bytes, from any inspector. Those with decoders say more (`MediaDecoderContract`)."""

import io
from pathlib import Path

import pytest
from PIL import Image
from tests.support.media import files

from wework_message.domain.errors import UnavailableError
from wework_message.domain.media.asset import Seen
from wework_message.domain.ports.media_inspector import MediaDefectError, MediaInspector


class MediaInspectorContract:
    """Subclasses have the fixture `inspector`."""

    async def seen(self, inspector: MediaInspector, folder: Path, content: bytes) -> Seen:
        path = folder / "named.jpg"
        path.write_bytes(content)
        return await inspector.inspect(path)

    async def test_a_file_is_what_its_bytes_are(self, inspector: MediaInspector, tmp_path: Path) -> None:
        for content, mime_type in (
            (b"", "application/octet-stream"),
            (b"\0", "application/octet-stream"),
            (files.HTML, "text/html"),
            (files.SVG, "image/svg+xml"),
            (files.PDF, "application/pdf"),
            (files.zip_bomb(), "application/zip"),
        ):
            assert await self.seen(inspector, tmp_path, content) == Seen(mime_type)

    async def test_pictures_and_videos_are_told_apart(self, inspector: MediaInspector, tmp_path: Path) -> None:
        for content, mime_type in (
            (files.picture("JPEG"), "image/jpeg"),
            (files.picture("PNG"), "image/png"),
            (files.picture("GIF"), "image/gif"),
            (files.picture("WEBP"), "image/webp"),
            (files.picture("BMP"), "image/bmp"),
            (files.video(), "video/mp4"),
            (files.video(format_name="mov"), "video/quicktime"),
        ):
            assert (await self.seen(inspector, tmp_path, content)).mime_type == mime_type

    async def test_voices_have_a_duration(self, inspector: MediaInspector, tmp_path: Path) -> None:
        for content, expected in (
            (files.amr(50), Seen("audio/amr", duration_ms=1_000)),
            (files.silk(51), Seen("audio/silk", duration_ms=1_020)),
            (files.silk(51, tencent=False, end=True), Seen("audio/silk", duration_ms=1_020)),
        ):
            assert await self.seen(inspector, tmp_path, content) == expected

    async def test_a_broken_voice_is_a_defect(self, inspector: MediaInspector, tmp_path: Path) -> None:
        with pytest.raises(MediaDefectError):
            await self.seen(inspector, tmp_path, files.amr(0))

    async def test_a_file_that_is_gone_is_no_defect(self, inspector: MediaInspector, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError):
            await inspector.inspect(tmp_path / "gone")

    async def test_what_is_no_video_has_no_preview(self, inspector: MediaInspector, tmp_path: Path) -> None:
        path = tmp_path / "text"
        path.write_bytes(b"text")
        assert await inspector.preview(path) is None
        assert await inspector.preview(tmp_path / "gone") is None


class MediaDecoderContract(MediaInspectorContract):
    """Of inspectors that decode pictures and videos."""

    async def test_pictures_and_videos_have_their_size(self, inspector: MediaInspector, tmp_path: Path) -> None:
        picture = await self.seen(inspector, tmp_path, files.picture("JPEG", (60, 40), orientation=6))
        assert picture == Seen("image/jpeg", 40, 60)
        video = await self.seen(inspector, tmp_path, files.video(size=(96, 48), frames=10))
        assert video == Seen("video/mp4", 96, 48, 1_000)

    async def test_what_is_broken_or_unfolds_is_a_defect(self, inspector: MediaInspector, tmp_path: Path) -> None:
        for content in (files.picture("JPEG", (400, 300))[:-2_000], files.png_of(60_000, 60_000), files.video()[:-9]):
            with pytest.raises(MediaDefectError):
                await self.seen(inspector, tmp_path, content)

    async def test_a_video_has_a_preview(self, inspector: MediaInspector, tmp_path: Path) -> None:
        path = tmp_path / "video"
        path.write_bytes(files.video(size=(960, 480), black=3))
        drawn = await inspector.preview(path)
        assert drawn is not None
        with Image.open(io.BytesIO(drawn), formats=["JPEG"]) as picture:
            assert picture.size == (480, 240)
