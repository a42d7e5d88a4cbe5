"""Files that people and attackers send, made when they are needed."""

import io
import tempfile
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream
from PIL import ExifTags, Image

SVG = b'<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><body>404</body></html>"
PDF = b"%PDF-1.7\n1 0 obj\n"


def picture(format_name: str, size: tuple[int, int] = (32, 20), *, mode: str = "RGB", orientation: int = 1) -> bytes:
    written = io.BytesIO()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    noise = Image.effect_noise(size, 80).convert(mode)
    noise.save(written, format_name, **({"exif": exif} if orientation != 1 else {}))
    return written.getvalue()


def animation(format_name: str, frames: int = 3, size: tuple[int, int] = (32, 20)) -> bytes:
    written = io.BytesIO()
    pictures = [Image.new("L", size, number % 256) for number in range(frames)]
    pictures[0].save(written, format_name, save_all=True, append_images=pictures[1:])
    return written.getvalue()


def png_of(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG that announces this size; its pixels are those of `rows`."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big") for kind, data in chunks
    )


def gif_of(side: int, frames: int) -> bytes:
    """An animation whose frames are all the same."""
    written = io.BytesIO()
    Image.new("P", (side, side)).save(written, "GIF")
    content = written.getvalue()
    frame = content[content.index(b"\x2c" + bytes(4)) : -1]
    return content[:-1] + frame * (frames - 1) + b"\x3b"


def gif_announcing(side: int) -> bytes:
    """It says that it has `side` x `side` pixels, in some bytes."""
    size = side.to_bytes(2, "little") * 2
    return b"GIF89a" + size + b"\x80\0\0" + bytes(6) + b"\x2c" + bytes(4) + size + b"\0\x02\x02\x44\x01\0\x3b"


def video(
    *,
    size: tuple[int, int] = (96, 48),
    frames: int = 10,
    black: int = 0,
    format_name: str = "mp4",
    gop: int = 5,
    turned: int = 0,
    options: dict[str, str] | None = None,
) -> bytes:
    """A video of 10 pictures a second, the first `black` of them black; the moov box is at its end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video"
        _write_video(path, size, frames, black, format_name, gop, turned, options or {})
        return path.read_bytes()


def _write_video(
    path: Path,
    size: tuple[int, int],
    frames: int,
    black: int,
    format_name: str,
    gop: int,
    turned: int,
    options: dict[str, str],
) -> None:
    with av.open(path, "w", format=format_name, options=options) as container:
        stream = container.add_stream("mpeg4", rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.gop_size = gop
        if turned:
            stream.set_display_rotation(turned)
        for number in range(frames):
            brightness = 0 if number < black else 200
            picture = Image.new("RGB", size, (brightness, brightness, brightness))
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # of a typed library
            frame.pts = number
            frame.time_base = Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def song(seconds: int = 1) -> bytes:
    """An MP4 that has sound only."""
    written = io.BytesIO()
    with av.open(written, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8_000, layout="mono")
        for number in range(seconds * 8):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1_000)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.rate, frame.pts = 8_000, number * 1_000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return written.getvalue()


def amr(frames: int, kind: int = 7, size: int = 31) -> bytes:
    return b"#!AMR\n" + (bytes([kind << 3 | 4]) + bytes(size)) * frames


def silk(packets: int, *, tencent: bool = True, end: bool = False) -> bytes:
    packet = b"\x05\x00hello"
    return b"\x02" * tencent + b"#!SILK_V3" + packet * packets + b"\xff\xff" * end


def zip_bomb(size: int = 50_000_000) -> bytes:
    """A ZIP whose only file has `size` zeros."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("zeros", bytes(size))
    return written.getvalue()
