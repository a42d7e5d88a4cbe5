"""Which files each content carries: one row per type (ADR 66)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from wework_message.domain.content import (
    BigVideoContent,
    FileContent,
    GifContent,
    ImageContent,
    MiniProgramContent,
    VideoContent,
    VoiceContent,
    WithFile,
)
from wework_message.domain.content.mass import MassImage
from wework_message.domain.content.rules import BIG_FILE_BYTES
from wework_message.domain.media.handles import UploadKind

PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp")
VIDEOS: Final = ("video/mp4", "video/quicktime")
VOICES: Final = ("audio/amr", "audio/silk")


@dataclass(frozen=True, slots=True)
class FileKind:
    """What the file of a content can be, and as what providers take it. Sizes are bytes."""

    upload: UploadKind
    mime_types: tuple[str, ...] = ()
    """By the bytes; empty: any."""
    min_bytes: int = 1
    max_bytes: int | None = None
    """None: as many as an asset can have."""
    big: UploadKind | None = None
    """Instead of `upload` above `BIG_FILE_BYTES`."""

    def upload_of(self, size: int) -> UploadKind:
        """As what a provider takes so many bytes."""
        return self.upload if self.big is None or size <= BIG_FILE_BYTES else self.big


_PICTURE: Final = FileKind(UploadKind.IMAGE, PICTURES, max_bytes=BIG_FILE_BYTES)

KINDS: Final[Mapping[type[WithFile] | type[MassImage], FileKind]] = MappingProxyType(
    {
        ImageContent: _PICTURE,
        VideoContent: FileKind(UploadKind.VIDEO, VIDEOS, max_bytes=BIG_FILE_BYTES),
        BigVideoContent: FileKind(UploadKind.BIG, VIDEOS, min_bytes=BIG_FILE_BYTES + 1),
        FileContent: FileKind(UploadKind.FILE, big=UploadKind.BIG),
        VoiceContent: FileKind(UploadKind.VOICE, VOICES, max_bytes=BIG_FILE_BYTES),
        GifContent: FileKind(UploadKind.PICTURE_URL, ("image/gif",), max_bytes=BIG_FILE_BYTES),
        MiniProgramContent: FileKind(UploadKind.COVER, PICTURES, max_bytes=BIG_FILE_BYTES),
        MassImage: FileKind(UploadKind.PICTURE_URL, PICTURES, max_bytes=BIG_FILE_BYTES),
    }
)
"""An item of a record is a content of its type, and so is what a quote or a mass send carries."""


def kind_of(content: WithFile | MassImage) -> FileKind:
    """The row of this content. Raises `KeyError` for one without a file."""
    return _row(type(content))


@cache
def _row(kind: type[object]) -> FileKind:
    rows = (row for listed, row in KINDS.items() if issubclass(kind, listed))
    row = next(rows, None)
    if row is None:
        raise KeyError(kind.__name__)
    return row
