import io
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from PIL import Image
from tests.support.media import files

from wework_message.adapters.media import inspector as inspectors
from wework_message.adapters.media import pictures, videos
from wework_message.adapters.media.children import Children
from wework_message.adapters.media.inspector import PlainInspector, ProcessInspector, media_inspector
from wework_message.adapters.media.looking import all_readers, look
from wework_message.adapters.media.protocol import MEMORY_BYTES, WALL_S
from wework_message.domain.media.asset import Seen
from wework_message.domain.ports.media_inspector import MediaDefectError

READERS: Final = all_readers()
Look = Callable[[bytes], Seen]


@pytest.fixture
def look_at(tmp_path: Path) -> Look:
    def look_at(content: bytes) -> Seen:
        path = tmp_path / "file"
        path.write_bytes(content)
        with path.open("rb") as file:
            return look(file, READERS)

    return look_at


def preview_of(content: bytes, folder: Path) -> Image.Image | None:
    path = folder / "video"
    path.write_bytes(content)
    with path.open("rb") as file:
        drawn = videos.preview(file)
    return None if drawn is None else Image.open(io.BytesIO(drawn), formats=["JPEG"])


# --- pictures


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_a_picture_is_decoded_whole(look_at: Look, format_name: str) -> None:
    content = files.picture(format_name, (60, 40))
    assert look_at(content) == Seen(f"image/{format_name.lower()}", 60, 40)
    for end in (len(content) // 2, len(content) * 9 // 10):
        with pytest.raises(MediaDefectError):
            look_at(content[:end])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_has_the_size_in_which_it_is_shown(look_at: Look, orientation: int) -> None:
    seen = look_at(files.picture("JPEG", (60, 40), orientation=orientation))
    assert (seen.width, seen.height) == ((60, 40) if orientation < 5 else (40, 60))


def test_a_broken_exif_is_no_broken_picture(look_at: Look) -> None:
    content = files.picture("JPEG", (60, 40), orientation=6)
    at = content.index(b"Exif\0\0") + 6
    assert look_at(content[:at] + b"XXXX" + content[at + 4 :]) == Seen("image/jpeg", 60, 40)


@pytest.mark.parametrize("format_name", ["PNG", "WEBP"])
@pytest.mark.parametrize("exif", [b"garbage", b"MM\0*"])
def test_an_exif_that_is_none_is_no_broken_picture(look_at: Look, format_name: str, exif: bytes) -> None:
    written = io.BytesIO()
    Image.new("RGB", (60, 40)).save(written, format_name, exif=exif)
    assert look_at(written.getvalue()) == Seen(f"image/{format_name.lower()}", 60, 40)


def test_a_checksum_that_is_wrong_is_a_defect(look_at: Look) -> None:
    content = bytearray(files.picture("PNG"))
    content[-13] ^= 1  # of the last piece of the pixels
    with pytest.raises(MediaDefectError):
        look_at(bytes(content))


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_other_colours_are_pictures_too(look_at: Look, mode: str) -> None:
    assert look_at(files.picture("JPEG", (60, 40), mode=mode)) == Seen("image/jpeg", 60, 40)


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_a_picture(look_at: Look, format_name: str) -> None:
    assert look_at(files.animation(format_name)) == Seen(f"image/{format_name.lower()}", 32, 20)


def test_several_pictures_in_a_jpeg_are_the_first(look_at: Look) -> None:
    assert look_at(files.animation("MPO")) == Seen("image/jpeg", 32, 20)


def test_a_picture_with_too_many_pixels_is_not_decoded(look_at: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 100 * 100)
    assert look_at(files.png_of(100, 100, bytes(101 * 100))) == Seen("image/png", 100, 100)
    for content in (files.png_of(100, 101, bytes(101 * 101)), files.gif_announcing(101)):
        with pytest.raises(MediaDefectError, match="too many pixels"):
            look_at(content)


def test_an_animation_with_too_many_pixels_is_not_decoded_to_its_end(
    look_at: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MAX_ALL_PIXELS", 100 * 100 * 10)
    assert look_at(files.gif_of(100, 10)) == Seen("image/gif", 100, 100)
    with pytest.raises(MediaDefectError, match="too many pixels"):
        look_at(files.gif_of(100, 11))


def test_a_bomb_is_a_defect(look_at: Look) -> None:
    for content in (files.png_of(60_000, 60_000), files.gif_announcing(65_000), files.gif_announcing(100)):
        with pytest.raises(MediaDefectError):
            look_at(content)


@pytest.mark.parametrize("format_name", ["TIFF", "EPS", "ICO", "PPM", "TGA", "JPEG2000"])
def test_formats_that_nobody_needs_are_plain_files(look_at: Look, format_name: str) -> None:
    seen = look_at(files.picture(format_name, (32, 32)))
    assert (seen.width, seen.mime_type.startswith("image/")) == (None, False)


def test_bytes_that_only_begin_as_a_picture_are_a_defect(look_at: Look) -> None:
    for beginning in (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x10\0\0\0WEBP"):
        with pytest.raises(MediaDefectError):
            look_at(beginning + b"<script>alert(1)</script>")


# --- videos


@pytest.mark.parametrize(
    "flags", ["faststart", "frag_keyframe+empty_moov", "empty_moov+default_base_moof+frag_keyframe"]
)
def test_the_order_of_the_boxes_does_not_matter(look_at: Look, flags: str) -> None:
    assert look_at(files.video(options={"movflags": flags})) == Seen("video/mp4", 96, 48, 1_000)


@pytest.mark.parametrize(("turned", "size"), [(90, (48, 96)), (-90, (48, 96)), (180, (96, 48)), (270, (48, 96))])
@pytest.mark.parametrize("format_name", ["mp4", "mov"])
def test_a_turned_video_has_the_size_in_which_it_is_shown(
    look_at: Look, tmp_path: Path, turned: int, size: tuple[int, int], format_name: str
) -> None:
    content = files.video(turned=turned, format_name=format_name)
    seen = look_at(content)
    assert (seen.width, seen.height) == size
    preview = preview_of(content, tmp_path)
    assert preview is not None
    assert preview.size == size


@pytest.mark.parametrize("flags", ["", "faststart"])
@pytest.mark.parametrize("cut", [1, 100, 600])
def test_a_video_that_is_cut_off_is_a_defect(look_at: Look, flags: str, cut: int) -> None:
    with pytest.raises(MediaDefectError):
        look_at(files.video(options={"movflags": flags} if flags else None)[:-cut])


def test_sound_in_a_video_file_is_no_video(look_at: Look) -> None:
    assert look_at(files.song()) == Seen("audio/mp4", duration_ms=1_000)


def test_a_duration_of_nothing_is_none(look_at: Look) -> None:
    content = files.video(frames=1)
    for box in (b"mvhd", b"tkhd", b"mdhd", b"stts", b"elst"):
        content = without_numbers(content, box)
    seen = look_at(content)
    assert (seen.mime_type, seen.duration_ms) == ("video/mp4", None)


def without_numbers(content: bytes, box: bytes) -> bytes:
    """The durations of this box are 0."""
    at = content.index(box)
    places = {b"mvhd": (20, 4), b"tkhd": (24, 4), b"mdhd": (20, 4), b"stts": (16, 4), b"elst": (12, 4)}
    start, size = places[box]
    return content[: at + start] + bytes(size) + content[at + start + size :]


def test_bytes_that_only_begin_as_a_video_are_a_defect(look_at: Look) -> None:
    for content in (b"\0\0\0\x18ftypisom" + bytes(12), b"\0\0\0\x08moov", b"\0\0\0\x10ftypqt  \0\0\0\0" + b"x" * 99):
        with pytest.raises(MediaDefectError):
            look_at(content)


def test_a_list_of_other_files_is_not_opened(look_at: Look) -> None:
    for content in (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", b"ffconcat version 1.0\nfile /etc/passwd\n"):
        assert look_at(content) == Seen("text/plain")


def test_what_calls_itself_a_video_is_read_as_nothing_else(tmp_path: Path) -> None:
    """Other formats of the library name further files, or have had more defects."""
    assert preview_of(files.animation("GIF"), tmp_path) is None


# --- previews


@pytest.mark.parametrize(("black", "gop"), [(0, 5), (3, 5), (9, 12)])
def test_a_preview_is_not_black_if_it_can_be(tmp_path: Path, black: int, gop: int) -> None:
    preview = preview_of(files.video(black=black, gop=gop), tmp_path)
    assert preview is not None
    assert preview.getpixel((10, 10)) == pytest.approx((200, 200, 200), abs=6)


def test_only_the_first_pictures_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videos, "_PASSES", (("NONKEY", 1), ("DEFAULT", 3)))
    for black, brightness in ((2, 200), (3, 0)):
        preview = preview_of(files.video(black=black), tmp_path)
        assert preview is not None
        assert preview.getpixel((10, 10)) == pytest.approx((brightness,) * 3, abs=6)


def test_a_black_video_has_a_black_preview(tmp_path: Path) -> None:
    preview = preview_of(files.video(black=10), tmp_path)
    assert preview is not None
    assert preview.getpixel((10, 10)) == pytest.approx((0, 0, 0), abs=6)


@pytest.mark.parametrize(
    ("size", "shown"), [((960, 480), (480, 240)), ((480, 1920), (120, 480)), ((480, 480), (480, 480))]
)
def test_a_preview_is_at_most_480_pixels_long(tmp_path: Path, size: tuple[int, int], shown: tuple[int, int]) -> None:
    preview = preview_of(files.video(size=size, frames=1), tmp_path)
    assert preview is not None
    assert preview.size == shown


def test_a_video_without_pictures_has_no_preview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert preview_of(files.song(), tmp_path) is None
    assert preview_of(b"no video", tmp_path) is None
    monkeypatch.setattr(videos, "MAX_PIXELS", 96 * 48 - 1)
    assert preview_of(files.video(), tmp_path) is None


# --- the process, and what is installed


def of_process(pid: int, name: str) -> str:
    return Path("/proc", str(pid), name).read_text()


async def test_a_child_has_its_limits(tmp_path: Path) -> None:
    inspector = ProcessInspector()
    path = tmp_path / "file"
    path.write_bytes(files.picture("PNG"))
    try:
        await inspector.inspect(path)
        (process,) = [child._process for child in inspector._children._children if child._process is not None]
        limits = {
            name: resource.prlimit(process.pid, limit)[0]
            for name, limit in (
                ("memory", resource.RLIMIT_AS),
                ("core", resource.RLIMIT_CORE),
                ("written", resource.RLIMIT_FSIZE),
                ("cpu", resource.RLIMIT_CPU),
                ("files", resource.RLIMIT_NOFILE),
            )
        }
        assert (limits["core"], limits["written"], limits["files"]) == (0, 0, 64)
        assert MEMORY_BYTES < limits["memory"] < 4 * 1024**3
        assert 20 <= limits["cpu"] <= 40
        assert os.getpgid(process.pid) != os.getpgid(0)
        assert of_process(process.pid, "oom_score_adj") == "1000\n"
        assert "libav" not in of_process(process.pid, "maps")
    finally:
        await inspector.aclose()


async def test_a_child_whose_parent_is_gone_ends_with_the_time_of_its_file(tmp_path: Path) -> None:
    """The time runs from the beginning of each file, and not between two of them."""
    (tmp_path / "file").write_bytes(b"text")
    code = (
        "import signal, wework_message.adapters.media.child as child\n"
        "from wework_message.domain.media.asset import Seen\n"
        "limit, between = child._limit_request, []\n"
        "def limited():\n"
        "    between.append(signal.alarm(0))\n"
        "    limit()\n"
        "child._limit_request = limited\n"
        "child.look = lambda *_: Seen('text/plain', signal.alarm(100) + 1, max(between) + 1)\n"
        "child.main()\n"
    )
    inspector = ProcessInspector(Children(1, program=(sys.executable, "-c", code)))
    try:
        for _ in range(2):
            seen = await inspector.inspect(tmp_path / "file")
            assert seen.width is not None
            assert WALL_S < seen.width <= WALL_S + 6
            assert seen.height == 1
    finally:
        await inspector.aclose()


async def test_a_library_that_prints_does_not_answer_and_an_interrupt_of_the_terminal_ends_no_child(
    tmp_path: Path,
) -> None:
    (tmp_path / "picture").write_bytes(files.picture("PNG", (60, 40)))
    code = (
        "import os, signal, wework_message.adapters.media.child as child\n"
        "look = child.look\n"
        "def noisy(*arguments):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.write(1, b'noise\\n')\n"
        "    return look(*arguments)\n"
        "child.look = noisy\n"
        "child.main()\n"
    )
    inspector = ProcessInspector(Children(1, program=(sys.executable, "-c", code)))
    try:
        assert (await inspector.inspect(tmp_path / "picture")).width == 60
    finally:
        await inspector.aclose()


def without(*modules: str) -> str:
    """A program that makes them unimportable."""
    return f"import sys\nfor name in {modules}: sys.modules[name] = None\n"


@pytest.mark.parametrize(("missing", "known"), [((), "60 96"), (("av",), "60 None"), (("av", "PIL"), "None None")])
def test_what_no_library_reads_is_known_by_its_type(tmp_path: Path, missing: tuple[str, ...], known: str) -> None:
    (tmp_path / "picture").write_bytes(files.picture("PNG", (60, 40)))
    (tmp_path / "video").write_bytes(files.video())
    code = without(*missing) + (
        "from wework_message.adapters.media.looking import all_readers, look\n"
        f"seen = [look(open({str(tmp_path)!r} + name, 'rb'), all_readers()) for name in ('/picture', '/video')]\n"
        "assert [one.mime_type for one in seen] == ['image/png', 'video/mp4']\n"
        "print(*(one.width for one in seen))\n"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert output.strip() == known


async def test_without_a_decoder_of_videos_there_is_no_preview(tmp_path: Path) -> None:
    (tmp_path / "video").write_bytes(files.video())
    code = without("av") + "import wework_message.adapters.media.child as child\nchild.main()\n"
    children = Children(1, program=(sys.executable, "-c", code))
    try:
        assert (await children.ask("preview", tmp_path / "video")).preview is None
    finally:
        await children.aclose()


def test_a_child_ends_with_its_parent() -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "wework_message.adapters.media.child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.stdin.close()
        assert child.wait() == 0


async def test_the_inspector_is_the_best_one_for_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(media_inspector(), ProcessInspector)
    monkeypatch.setattr(inspectors, "libraries_installed", lambda: False)
    assert isinstance(media_inspector(), PlainInspector)


def test_the_service_imports_no_decoder() -> None:
    code = "import sys, wework_message.adapters.media.inspector as i; sys.exit(bool({'PIL', 'av'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_broken_picture_is_tried_by_its_own_decoder_only() -> None:
    code = (
        "import io, sys\n"
        "from wework_message.adapters.media.pictures import picture\n"
        "try: picture(io.BytesIO(b'\\xff\\xd8\\xff broken'), 'image/jpeg')\n"
        "except Exception: pass\n"
        "sys.exit(bool({'PIL.EpsImagePlugin', 'PIL.TiffImagePlugin', 'PIL.PsdImagePlugin'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
