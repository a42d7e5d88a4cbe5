"""Contents that are files at the provider: each names its file by the provider's handle."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from wework_message.domain.content.base import ContentBase, LinkedContent
from wework_message.domain.content.rules import (
    BIG_FILE_BYTES,
    MAX_INT32,
    Between,
    Digest,
    Key,
    Number,
    Pixels,
    Size,
    Url,
)

_MD5: Final = "25e2b1b5a1f0d0c7a1b2c3d4e5f60718"
FILE_EXAMPLE: Final[Mapping[str, Any]] = {
    "fileId": "306902010204",
    "fileSize": 772_458,
    "aesKey": "7e7c5f1a2b3c4d5e6f708192a3b4c5d6",
    "md5": _MD5,
}
"""A file's handle in the examples."""


class ImageContent(ContentBase, frozen=True, kw_only=True, tag="IMAGE"):
    """A picture in the provider's CDN."""

    file_id: Key
    file_size: Size
    aes_key: Key
    md5: Digest
    image_width: Pixels
    image_height: Pixels
    is_hd: bool = False

    EXAMPLE: ClassVar[Mapping[str, Any]] = {**FILE_EXAMPLE, "imageWidth": 600, "imageHeight": 800, "isHd": True}


class VideoContent(ContentBase, frozen=True, kw_only=True, tag="VIDEO"):
    """A video of at most 20 MB."""

    file_id: Key
    file_size: Size
    file_name: Key
    aes_key: Key
    md5: Digest
    video_duration: Number
    """Seconds; a clip below one second rounds to 0."""
    video_width: Pixels
    video_height: Pixels

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        **FILE_EXAMPLE,
        "fileName": "clip.mp4",
        "videoDuration": 12,
        "videoWidth": 720,
        "videoHeight": 1280,
    }


class BigVideoContent(ContentBase, frozen=True, kw_only=True, tag="BIG_VIDEO"):
    """A video above 20 MB, with its preview picture."""

    file_id: Key
    file_size: Size
    file_name: Key
    md5: Digest
    video_duration: Number
    preview_image_url: Url
    preview_image_width: Pixels
    preview_image_height: Pixels
    preview_image_size: Size
    preview_image_md5: Digest

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        "fileId": "306902010205",
        "fileSize": 52_428_800,
        "fileName": "film.mp4",
        "md5": _MD5,
        "videoDuration": 300,
        "previewImageUrl": "https://files.example/preview.jpg",
        "previewImageWidth": 320,
        "previewImageHeight": 240,
        "previewImageSize": 20_480,
        "previewImageMd5": _MD5,
    }


class FileContent(LinkedContent, frozen=True, kw_only=True, tag="FILE"):
    """A file of any size; `aes_key` is empty above 20,000,000 bytes and required up to there."""

    file_id: Key
    file_size: Size
    file_name: Key
    md5: Digest
    aes_key: Key = ""

    EXAMPLE: ClassVar[Mapping[str, Any]] = {**FILE_EXAMPLE, "fileName": "价目表.pdf"}

    @staticmethod
    def linked_problems(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `LinkedContent.linked_problems`."""
        size = values.get("fileSize")
        if size is None:
            return
        if size > BIG_FILE_BYTES and values.get("aesKey"):
            yield "aesKey", f"must be empty above {BIG_FILE_BYTES} bytes"
        elif size <= BIG_FILE_BYTES and not values.get("aesKey"):
            yield "aesKey", f"is required up to {BIG_FILE_BYTES} bytes"


class VoiceContent(ContentBase, frozen=True, kw_only=True, tag="VOICE"):
    """A voice note (silk)."""

    file_id: Key
    file_size: Size
    voice_time: Annotated[int, Between(1, MAX_INT32)]
    aes_key: Key
    md5: Digest

    EXAMPLE: ClassVar[Mapping[str, Any]] = {**FILE_EXAMPLE, "voiceTime": 7}


class GifContent(LinkedContent, frozen=True, kw_only=True, tag="GIF"):
    """A moving picture by its URL, or, with all three file fields, in the CDN."""

    gif_url: Url
    md5: Digest
    image_width: Pixels
    image_height: Pixels
    file_id: Key = ""
    file_size: Size | None = None
    aes_key: Key = ""

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        **FILE_EXAMPLE,
        "gifUrl": "https://wework.qpic.example/1.gif",
        "imageWidth": 240,
        "imageHeight": 240,
    }

    @staticmethod
    def linked_problems(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `LinkedContent.linked_problems`."""
        handle = ("fileId", "fileSize", "aesKey")
        missing = [name for name in handle if not values.get(name)]
        if len(missing) < len(handle):
            for name in missing:
                yield name, "is required where one of fileId, fileSize and aesKey is given"


MediaContent: TypeAlias = ImageContent | VideoContent | BigVideoContent | FileContent | VoiceContent | GifContent
