"""Pictures, decoded as a whole: what a client's program cannot show is a defect here already."""

import warnings
from typing import BinaryIO, Final

from PIL import ExifTags, Image

from wework_message.domain.media.asset import Seen
from wework_message.domain.ports.media_inspector import MediaDefectError

MAX_PIXELS: Final = 64_000_000
"""Of one picture; cameras of phones make up to 50 million. More is a decompression bomb."""

MAX_ALL_PIXELS: Final = 512_000_000
"""Of all pictures of an animation together."""

_DECODERS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
}
"""Pillow's names. Its other decoders, of which some run programs, are never tried."""

_TURNED: Final = frozenset({5, 6, 7, 8})
"""Orientations of EXIF that exchange width and height."""


def picture(file: BinaryIO, mime_type: str) -> Seen:
    """Raises `MediaDefectError` for what cannot be decoded whole, or has too many pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height = _decoded(file, mime_type)
    except MediaDefectError:
        raise
    except Exception as error:  # decoders raise whatever a broken file makes of them
        raise MediaDefectError("the picture is broken") from error
    return Seen(mime_type, width, height)


def _decoded(file: BinaryIO, mime_type: str) -> tuple[int, int]:
    with _opened(file, mime_type) as image:
        image.verify()  # checksums, which decoding ignores; the image cannot be used afterwards
    with _opened(file, mime_type) as image:
        width, height = image.size
        turned = _orientation(image) in _TURNED
        image.draft("RGB", (max(1, width // 8), max(1, height // 8)))  # JPEG: all bytes are read, an eighth is drawn
        image.load()
        if image.format != "MPO":  # several JPEGs in one file, as phones write them: the first one is shown
            _load_animation(image, width * height)
    return (height, width) if turned else (width, height)


def _opened(file: BinaryIO, mime_type: str) -> Image.Image:
    file.seek(0)
    image = Image.open(file, formats=[_DECODERS[mime_type]])
    if image.width * image.height > MAX_PIXELS:
        raise MediaDefectError("the picture has too many pixels")
    return image


def _orientation(image: Image.Image) -> int | None:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 -- a broken EXIF is no broken picture: programs show it as it lies
        return None
    return orientation if isinstance(orientation, int) else None


def _load_animation(image: Image.Image, pixels: int) -> None:
    shown = pixels
    while True:
        try:
            image.seek(image.tell() + 1)
        except EOFError:
            return
        shown += pixels
        if shown > MAX_ALL_PIXELS:
            raise MediaDefectError("the animation has too many pixels")
        image.load()
