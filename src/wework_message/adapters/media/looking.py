"""Looks at one file, with the libraries that are installed."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import BinaryIO, Final, TypeAlias

from wework_message.adapters.media.signatures import AMR, AMR_WB, HEAD_BYTES, PICTURES, SILK, VIDEOS, mime_type_of
from wework_message.adapters.media.sounds import sound
from wework_message.domain.media.asset import Seen

Reader: TypeAlias = Callable[[BinaryIO, str], Seen]

SOUND_READERS: Final[Mapping[str, Reader]] = dict.fromkeys((AMR, AMR_WB, SILK), sound)
"""Those that need no library."""


def libraries_installed() -> bool:
    """Whether there is one that decodes: pictures need one, videos two."""
    return find_spec("PIL") is not None


def all_readers() -> Mapping[str, Reader]:
    """By the type that a file is by its beginning. A library is imported for the first file that needs it: that of videos takes 20 MB."""
    picture = partial(_read, "pictures", "picture")
    video = partial(_read, "videos", "video")
    return {**SOUND_READERS, **dict.fromkeys(PICTURES, picture), **dict.fromkeys((*VIDEOS, "audio/mp4"), video)}


def _read(module: str, reader: str, file: BinaryIO, mime_type: str) -> Seen:
    """Where the library is not installed, or does not work, nothing is known but the type."""
    try:
        read: Reader = getattr(import_module(f"{__package__}.{module}"), reader)
    except ImportError:
        return Seen(mime_type)
    return read(file, mime_type)


def look(file: BinaryIO, readers: Mapping[str, Reader]) -> Seen:
    """What the file is; more than its type only where a reader is for it. Raises `MediaDefectError`."""
    mime_type = mime_type_of(file.read(HEAD_BYTES))
    reader = readers.get(mime_type)
    return Seen(mime_type) if reader is None else reader(file, mime_type)
