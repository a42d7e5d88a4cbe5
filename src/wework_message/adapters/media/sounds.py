"""Durations of voice messages, by counting their frames; no library is needed for it."""

from typing import BinaryIO, Final

from wework_message.adapters.media.signatures import AMR, AMR_MAGIC, AMR_WB, AMR_WB_MAGIC, SILK, SILK_MAGIC, TENCENT
from wework_message.domain.media.asset import Seen
from wework_message.domain.ports.media_inspector import MediaDefectError

FRAME_MS: Final = 20
"""Of AMR by its standard (RFC 4867); of SILK as WeCom's clients write it, a packet is one such frame."""

MAX_FRAMES: Final = 3 * 60 * 60 * 1000 // FRAME_MS
"""Three hours: of a longer sound the duration is not read."""

# Bytes of a frame after its first one, by its type; a type that is not there is reserved.
_AMR_SIZES: Final = {0: 12, 1: 13, 2: 15, 3: 17, 4: 19, 5: 20, 6: 26, 7: 31, 8: 5, 15: 0}
_AMR_WB_SIZES: Final = {0: 17, 1: 23, 2: 32, 3: 36, 4: 40, 5: 46, 6: 50, 7: 58, 8: 60, 9: 5, 14: 0, 15: 0}

_MAX_PACKET: Final = 1_250
"""Bytes of a SILK packet: 5 frames of 250."""
_SILK_END: Final = 0xFFFF
_SIZE_BYTES: Final = 2


def sound(file: BinaryIO, mime_type: str) -> Seen:
    """Raises `MediaDefectError` for a sound without a whole frame, and where a frame cannot be one."""
    frames = {AMR: _amr_frames, AMR_WB: _amr_wb_frames, SILK: _silk_packets}[mime_type](file)
    if frames == 0:
        raise MediaDefectError("the sound is empty")
    return Seen(mime_type, duration_ms=frames * FRAME_MS if frames <= MAX_FRAMES else None)


def _amr_frames(file: BinaryIO) -> int:
    return _frames(file, len(AMR_MAGIC), _AMR_SIZES)


def _amr_wb_frames(file: BinaryIO) -> int:
    return _frames(file, len(AMR_WB_MAGIC), _AMR_WB_SIZES)


def _frames(file: BinaryIO, start: int, sizes: dict[int, int]) -> int:
    """Whole frames, at most one more than `MAX_FRAMES`; what a recorder that was cut off left at the end is none."""
    file.seek(start)
    frames = 0
    while frames <= MAX_FRAMES and (first := file.read(1)):
        size = sizes.get(first[0] >> 3 & 0xF)
        if size is None:
            raise MediaDefectError("the sound has a frame of no known type")
        if len(file.read(size)) < size:
            break
        frames += 1
    return frames


def _silk_packets(file: BinaryIO) -> int:
    """As `_frames`; the end is the end of the file, or its mark."""
    file.seek(0)
    file.seek(len(SILK_MAGIC) + (file.read(1) == TENCENT))
    packets = 0
    while packets <= MAX_FRAMES and len(prefix := file.read(_SIZE_BYTES)) == _SIZE_BYTES:
        size = int.from_bytes(prefix, "little")
        if size == _SILK_END:
            break
        if size > _MAX_PACKET:
            raise MediaDefectError("the sound has a packet that is too long")
        if len(file.read(size)) < size:
            break
        packets += 1
    return packets
