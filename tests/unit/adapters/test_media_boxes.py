import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.media import boxes as boxes_module
from wework_message.adapters.media.boxes import boxes, check_whole, turned_tracks
from wework_message.domain.ports.media_inspector import MediaDefectError

UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0)
CLOCKWISE = (0, 0x10000, 0, -0x10000, 0, 0)
COUNTER_CLOCKWISE = (0, -0x10000, 0, 0x10000, 0, 0)
UPSIDE_DOWN = (-0x10000, 0, 0, 0, -0x10000, 0)


def box(kind: bytes, inside: bytes = b"") -> bytes:
    return (8 + len(inside)).to_bytes(4, "big") + kind + inside


def track(track_id: int, matrix: tuple[int, ...], *, is_long: bool = False) -> bytes:
    times = bytes(16 if is_long else 8) + track_id.to_bytes(4, "big") + bytes(12 if is_long else 8)
    numbers = b"".join(number.to_bytes(4, "big", signed=True) for number in matrix)
    return box(b"trak", box(b"tkhd", bytes([is_long]) + bytes(3) + times + bytes(16) + numbers + bytes(20)))


def test_tracks_that_are_turned_by_a_quarter() -> None:
    movie = box(
        b"moov",
        box(b"mvhd", bytes(100))
        + track(1, UPRIGHT)
        + track(2, CLOCKWISE)
        + track(3, COUNTER_CLOCKWISE, is_long=True)
        + track(4, UPSIDE_DOWN)
        + track(5, (0,) * 6),
    )
    content = box(b"ftyp", b"isom") + box(b"mdat", b"x" * 10) + movie
    assert turned_tracks(io.BytesIO(content), len(content)) == {2, 3}


@pytest.mark.parametrize("kind", [b"mdat", b"moov", b"free"])
def test_a_file_that_ends_within_a_box_is_a_defect(kind: bytes) -> None:
    content = box(b"ftyp", b"isom") + box(kind, b"x" * 10)
    check_whole(io.BytesIO(content), len(content))
    with pytest.raises(MediaDefectError):
        check_whole(io.BytesIO(content[:-1]), len(content) - 1)


def test_sizes_of_64_bits_and_sizes_to_the_end() -> None:
    large = (1).to_bytes(4, "big") + b"mdat" + (20).to_bytes(8, "big") + b"abcd"
    content = large + box(b"free") + bytes(4) + b"mdat" + b"to the end"
    insides = [(box.kind, content[box.start : box.end]) for box in boxes(io.BytesIO(content), 0, len(content))]
    assert insides == [(b"mdat", b"abcd"), (b"free", b""), (b"mdat", b"to the end")]
    with pytest.raises(MediaDefectError):
        check_whole(io.BytesIO(large[:-1]), len(large) - 1)


def test_what_follows_the_last_box_is_no_box() -> None:
    content = box(b"ftyp", b"isom") + box(b"moov")
    for rest in (b"\0", bytes(4) + b"1", b"\0\0\0\x07moov", b"\0\0\0\x01moov\0\0\0\0\0\0\0\x0f", b"xxxxyyyyzzzz"):
        check_whole(io.BytesIO(content + rest), len(content + rest))


def test_a_level_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes_module, "MAX_BOXES", 3)
    content = box(b"free") * 5
    assert len(list(boxes(io.BytesIO(content), 0, len(content)))) == 3


@given(st.binary(max_size=200))
def test_any_bytes_have_an_end(content: bytes) -> None:
    movie = box(b"moov", box(b"trak", content) + content) + content
    turned_tracks(io.BytesIO(movie), len(movie))
