"""Videos in MP4 and QuickTime files, and a picture of one.

Only this demuxer is used, and only on a file that is open already: a file that names other files or URLs is not followed.
"""

import io
import os
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO, Final, Literal

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image, ImageStat

from wework_message.adapters.media.boxes import check_whole, turned_tracks
from wework_message.adapters.media.pictures import MAX_PIXELS
from wework_message.domain.media.asset import Seen
from wework_message.domain.ports.media_inspector import MediaDefectError

PREVIEW_SIDE: Final = 480
"""Pixels of the longer side of a preview at most."""

_QUALITY: Final = 80
_KEY_FRAMES: Final = 10
_FRAMES: Final = 300
"""A preview is one of the first key frames, or where all of them are black, of the first frames."""
_PASSES: Final[Sequence[tuple[Literal["NONKEY", "DEFAULT"], int]]] = (("NONKEY", _KEY_FRAMES), ("DEFAULT", _FRAMES))
_BLACK: Final = 24
"""Mean brightness, of 255, up to which a picture is taken for black."""


def video(file: BinaryIO, mime_type: str) -> Seen:
    """A file without a video is audio/mp4. Raises `MediaDefectError` for what is cut off, or cannot be read."""
    size = os.fstat(file.fileno()).st_size
    check_whole(file, size)
    turned = turned_tracks(file, size)
    try:
        with _opened(file) as container:
            return _seen(container, mime_type, turned)
    except MediaDefectError:
        raise
    except Exception as error:  # libraries raise whatever a broken file makes of them
        raise MediaDefectError("the video is broken") from error


def _seen(container: InputContainer, mime_type: str, turned: Collection[int]) -> Seen:
    stream = _stream(container)
    duration_ms = _duration_ms(container, stream)
    if stream is None and not container.streams.audio:
        raise MediaDefectError("the video has no track")
    if stream is None:
        return Seen("audio/mp4", duration_ms=duration_ms)
    width, height = stream.codec_context.width or None, stream.codec_context.height or None
    if stream.id in turned:
        width, height = height, width
    return Seen(mime_type, width, height, duration_ms)


def preview(file: BinaryIO) -> bytes | None:
    """A JPEG of an early picture that is not black, at most `PREVIEW_SIDE` long; None where none can be decoded."""
    brightest: tuple[float, Image.Image] | None = None
    for skipped, frames in _PASSES:
        try:
            for picture in _pictures(file, skipped, frames):
                brightness = ImageStat.Stat(picture.convert("L")).mean[0]
                if brightness > _BLACK:
                    return _jpeg(picture)
                if brightest is None or brightness > brightest[0]:
                    brightest = brightness, picture
        except Exception:  # noqa: BLE001, S112 -- a broken video has the pictures before its defect, or none
            continue
    return _jpeg(brightest[1]) if brightest is not None else None


def _opened(file: BinaryIO) -> InputContainer:
    file.seek(0)
    return av.open(file, mode="r", format="mov", metadata_errors="replace")


def _stream(container: InputContainer) -> VideoStream | None:
    """The first one that moves: the cover of a song is a video to the library."""
    cover = av.stream.Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & cover), None)


def _duration_ms(container: InputContainer, stream: VideoStream | None) -> int | None:
    """None where the file says nothing, or nothing that can be."""
    if container.duration is not None and container.duration > 0:
        return max(1, container.duration // 1000)
    if stream is not None and stream.duration is not None and stream.duration > 0 and stream.time_base is not None:
        return max(1, int(stream.duration * stream.time_base * 1000))
    return None


def _pictures(file: BinaryIO, skipped: Literal["NONKEY", "DEFAULT"], frames: int) -> Iterator[Image.Image]:
    with _opened(file) as container:
        stream = _stream(container)
        if stream is None or stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
            return
        stream.thread_type = "NONE"
        stream.codec_context.skip_frame = skipped
        for number, frame in enumerate(container.decode(stream), 1):
            yield _shown(frame)
            if number >= frames:
                return


def _shown(frame: VideoFrame) -> Image.Image:
    shrink = max(1.0, max(frame.width, frame.height) / PREVIEW_SIDE)
    width, height = max(1, round(frame.width / shrink)), max(1, round(frame.height / shrink))
    picture: Image.Image = frame.to_image(width=width, height=height)  # type: ignore[no-untyped-call]  # of a typed library
    return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


def _jpeg(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.convert("RGB").save(written, "JPEG", quality=_QUALITY)
    return written.getvalue()
