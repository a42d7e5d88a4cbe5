"""The boxes of MP4 and QuickTime files, as far as a reader of videos does not tell: truncation, and rotation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from wework_message.domain.ports.media_inspector import MediaDefectError

MAX_BOXES: Final = 10_000
"""Of one level; a file of a camera has some dozens."""

_HEAD: Final = 8
_LONG_HEAD: Final = 16
_MAX_TRACK_HEAD: Final = 104
_TOP: Final = frozenset(
    {b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"free", b"skip", b"wide", b"uuid", b"meta"}
)


@dataclass(frozen=True, slots=True)
class Box:
    """One box; positions are bytes of the file."""

    kind: bytes
    start: int
    """Of what it contains."""
    end: int
    """As it announces; may be beyond the file."""


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Those from `start` to `end`, in their order; ends at what can be none."""
    for _ in range(MAX_BOXES):
        file.seek(start)
        head = file.read(_LONG_HEAD)
        if start + _HEAD > end or len(head) < _HEAD:
            return
        size, kind, inside = int.from_bytes(head[:4], "big"), head[4:8], _HEAD
        if size == 1:
            size, inside = int.from_bytes(head[8:16], "big"), _LONG_HEAD
        elif size == 0:
            size = end - start
        if size < inside:
            return
        yield Box(kind, start + inside, start + size)
        start += size


def check_whole(file: BinaryIO, size: int) -> None:
    """Raises `MediaDefectError` where a file of `size` bytes ends within a box."""
    if any(box.end > size for box in boxes(file, 0, size) if box.kind in _TOP):
        raise MediaDefectError("the video is cut off")


def turned_tracks(file: BinaryIO, size: int) -> frozenset[int]:
    """The ids of the tracks that are shown turned by a quarter."""
    return frozenset(
        track_id
        for movie in boxes(file, 0, size)
        if movie.kind == b"moov"
        for track in list(boxes(file, movie.start, movie.end))
        if track.kind == b"trak"
        for head in list(boxes(file, track.start, track.end))
        if head.kind == b"tkhd"
        for track_id in _turned(file, head)
    )


def _turned(file: BinaryIO, head: Box) -> Iterator[int]:
    """The id of the track of this head, if its matrix exchanges width and height."""
    file.seek(head.start)
    fields = file.read(_MAX_TRACK_HEAD)
    is_long = fields[:1] == b"\x01"  # instants and duration have 8 bytes then, not 4
    matrix_at, id_at = (52, 20) if is_long else (40, 12)
    matrix = [
        int.from_bytes(fields[matrix_at + place : matrix_at + place + 4], "big", signed=True)
        for place in (0, 4, 12, 16)
    ]
    if matrix[0] == matrix[3] == 0 and matrix[1] and matrix[2]:
        yield int.from_bytes(fields[id_at : id_at + 4], "big")
