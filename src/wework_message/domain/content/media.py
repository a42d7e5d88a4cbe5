"""Contents that are files at the provider."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from msgspec import UNSET, UnsetType

from wework_message.domain.content.files import WithFile, is_given, named_by
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

FILE_HANDLE: Final = ("file_id", "file_size", "aes_key", "md5")
_PIXELS: Final = ("image_width", "image_height")
_IN_CDN: Final = ("fileId", "fileSize", "aesKey")


class ImageContent(WithFile, frozen=True, kw_only=True, tag="IMAGE"):
    """A picture in the provider's CDN."""

    file_id: Key | UnsetType = UNSET
    file_size: Size | UnsetType = UNSET
    aes_key: Key | UnsetType = UNSET
    md5: Digest | UnsetType = UNSET
    image_width: Pixels | UnsetType = UNSET
    image_height: Pixels | UnsetType = UNSET
    is_hd: bool = False

    HANDLE: ClassVar = FILE_HANDLE
    READ: ClassVar = _PIXELS

    EXAMPLE: ClassVar[Mapping[str, Any]] = {**FILE_EXAMPLE, "imageWidth": 600, "imageHeight": 800, "isHd": True}


class VideoContent(WithFile, frozen=True, kw_only=True, tag="VIDEO"):
    """A video of at most 20 MB."""

    file_id: Key | UnsetType = UNSET
    file_size: Size | UnsetType = UNSET
    file_name: Key | UnsetType = UNSET
    aes_key: Key | UnsetType = UNSET
    md5: Digest | UnsetType = UNSET
    video_duration: Number | UnsetType = UNSET
    """Seconds; a clip below one second rounds to 0."""
    video_width: Pixels | UnsetType = UNSET
    video_height: Pixels | UnsetType = UNSET

    HANDLE: ClassVar = FILE_HANDLE
    READ: ClassVar = ("file_name", "video_duration", "video_width", "video_height")

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        **FILE_EXAMPLE,
        "fileName": "clip.mp4",
        "videoDuration": 12,
        "videoWidth": 720,
        "videoHeight": 1280,
    }


class BigVideoContent(WithFile, frozen=True, kw_only=True, tag="BIG_VIDEO"):
    """A video above 20 MB, with its preview picture."""

    file_id: Key | UnsetType = UNSET
    file_size: Size | UnsetType = UNSET
    file_name: Key | UnsetType = UNSET
    md5: Digest | UnsetType = UNSET
    video_duration: Number | UnsetType = UNSET
    preview_image_url: Url | UnsetType = UNSET
    preview_image_width: Pixels | UnsetType = UNSET
    preview_image_height: Pixels | UnsetType = UNSET
    preview_image_size: Size | UnsetType = UNSET
    preview_image_md5: Digest | UnsetType = UNSET

    HANDLE: ClassVar = ("file_id", "file_size", "md5")
    READ: ClassVar = ("file_name", "video_duration")
    PREVIEW: ClassVar = (
        "preview_image_url", "preview_image_width", "preview_image_height", "preview_image_size", "preview_image_md5",
    )  # fmt: skip

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


class FileContent(WithFile, frozen=True, kw_only=True, tag="FILE"):
    """A file of any size; `aes_key` is empty above 20,000,000 bytes and required up to there."""

    file_id: Key | UnsetType = UNSET
    file_size: Size | UnsetType = UNSET
    file_name: Key | UnsetType = UNSET
    md5: Digest | UnsetType = UNSET
    aes_key: Key = ""

    HANDLE: ClassVar = ("file_id", "file_size", "md5")
    KEY: ClassVar = ("aes_key",)
    READ: ClassVar = ("file_name",)

    EXAMPLE: ClassVar[Mapping[str, Any]] = {**FILE_EXAMPLE, "fileName": "价目表.pdf"}

    @classmethod
    def linked_problems(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `LinkedContent.linked_problems`."""
        yield from super().linked_problems(values)
        size = values.get("fileSize")
        if size is None or named_by(values) or not is_given(size):
            return
        if size > BIG_FILE_BYTES and values.get("aesKey"):
            yield "aesKey", f"must be empty above {BIG_FILE_BYTES} bytes"
        elif size <= BIG_FILE_BYTES and not values.get("aesKey"):
            yield "aesKey", f"is required up to {BIG_FILE_BYTES} bytes"


class VoiceContent(WithFile, frozen=True, kw_only=True, tag="VOICE"):
    """A voice note (silk)."""

    file_id: Key | UnsetType = UNSET
    file_size: Size | UnsetType = UNSET
    voice_time: Annotated[int, Between(1, MAX_INT32)] | UnsetType = UNSET
    aes_key: Key | UnsetType = UNSET
    md5: Digest | UnsetType = UNSET

    HANDLE: ClassVar = FILE_HANDLE
    READ: ClassVar = ("voice_time",)

    EXAMPLE: ClassVar[Mapping[str, Any]] = {**FILE_EXAMPLE, "voiceTime": 7}


class GifContent(WithFile, frozen=True, kw_only=True, tag="GIF"):
    """A moving picture by its URL, or, with all three file fields, in the CDN."""

    gif_url: Url | UnsetType = UNSET
    md5: Digest | UnsetType = UNSET
    image_width: Pixels | UnsetType = UNSET
    image_height: Pixels | UnsetType = UNSET
    file_id: Key = ""
    file_size: Size | None = None
    aes_key: Key = ""

    HANDLE: ClassVar = ("gif_url", "md5")
    KEY: ClassVar = ("file_id", "file_size", "aes_key")
    READ: ClassVar = _PIXELS

    EXAMPLE: ClassVar[Mapping[str, Any]] = {
        **FILE_EXAMPLE,
        "gifUrl": "https://wework.qpic.example/1.gif",
        "imageWidth": 240,
        "imageHeight": 240,
    }

    @classmethod
    def linked_problems(cls, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """See `LinkedContent.linked_problems`."""
        yield from super().linked_problems(values)
        missing = [name for name in _IN_CDN if not values.get(name)]
        if len(missing) < len(_IN_CDN) and not named_by(values):
            for name in missing:
                yield name, "is required where one of fileId, fileSize and aesKey is given"


MediaContent: TypeAlias = ImageContent | VideoContent | BigVideoContent | FileContent | VoiceContent | GifContent
