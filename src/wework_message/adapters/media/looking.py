"""Looks at one file, with the libraries that are installed."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import BinaryIO, Final, TypeAlias

from wework_message.adapters.media.signatures import AMR, AMR_WB, HEAD_BYTES, PICTURES, SILK, VIDEOS, mime_type_of
from wework_message.adapters.media.sounds import sound
from wework_message.domain.media.asset import Seen

Reader: TypeAlias = Callable[[BinaryIO, str], Seen]

SOUND_READERS: Final[Mapping[str, Reader]] = dict.fromkeys((AMR, AMR_WB, SILK), sound)
"""Those that need no library."""


def libraries_installed() -> bool:
    """Whether the extra ``media`` is there."""
    return find_spec("PIL") is not None and find_spec("av") is not None


def all_readers() -> Mapping[str, Reader]:
    """By the type that a file is by its beginning. Imports the libraries, which takes a fraction of a second."""
    from wework_message.adapters.media.pictures import picture  # noqa: PLC0415 -- the extra may not be installed
    from wework_message.adapters.media.videos import video  # noqa: PLC0415 -- the same

    return {**SOUND_READERS, **dict.fromkeys(PICTURES, picture), **dict.fromkeys((*VIDEOS, "audio/mp4"), video)}


def look(file: BinaryIO, readers: Mapping[str, Reader]) -> Seen:
    """What the file is; more than its type only where a reader is for it. Raises `MediaDefectError`."""
    mime_type = mime_type_of(file.read(HEAD_BYTES))
    reader = readers.get(mime_type)
    return Seen(mime_type) if reader is None else reader(file, mime_type)
