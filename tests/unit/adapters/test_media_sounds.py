import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.media.sounds import MAX_FRAMES, sound
from wework_message.domain.media.asset import Seen
from wework_message.domain.ports.media_inspector import MediaDefectError

AMR_SIZES = {0: 12, 1: 13, 2: 15, 3: 17, 4: 19, 5: 20, 6: 26, 7: 31, 8: 5, 15: 0}
"""3GPP TS 26.101, table 2: bytes of a frame of AMR after the first one."""
AMR_WB_SIZES = {0: 17, 1: 23, 2: 32, 3: 36, 4: 40, 5: 46, 6: 50, 7: 58, 8: 60, 9: 5, 14: 0, 15: 0}
"""3GPP TS 26.201, table 2: the same of AMR-WB."""


def duration_of(content: bytes, mime_type: str) -> int | None:
    seen = sound(io.BytesIO(content), mime_type)
    assert seen == Seen(mime_type, duration_ms=seen.duration_ms)
    return seen.duration_ms


def amr(kinds: list[int], sizes: dict[int, int], magic: bytes) -> bytes:
    return magic + b"".join(bytes([kind << 3 | 4]) + bytes(sizes[kind]) for kind in kinds)


@given(st.lists(st.sampled_from(sorted(AMR_SIZES)), min_size=1, max_size=60))
def test_a_frame_of_amr_is_20_ms_whatever_its_type(kinds: list[int]) -> None:
    assert duration_of(amr(kinds, AMR_SIZES, b"#!AMR\n"), "audio/amr") == 20 * len(kinds)


@given(st.lists(st.sampled_from(sorted(AMR_WB_SIZES)), min_size=1, max_size=60))
def test_a_frame_of_amr_wb_is_20_ms_whatever_its_type(kinds: list[int]) -> None:
    assert duration_of(amr(kinds, AMR_WB_SIZES, b"#!AMR-WB\n"), "audio/amr-wb") == 20 * len(kinds)


@pytest.mark.parametrize("kind", [9, 10, 11, 12, 13, 14])
def test_a_frame_of_a_type_that_does_not_exist_is_a_defect(kind: int) -> None:
    with pytest.raises(MediaDefectError):
        duration_of(amr([7], AMR_SIZES, b"#!AMR\n") + bytes([kind << 3 | 4]), "audio/amr")


def test_what_a_recorder_left_at_the_end_is_no_frame() -> None:
    assert duration_of(amr([7, 7], AMR_SIZES, b"#!AMR\n")[:-1], "audio/amr") == 20
    assert duration_of(b"#!SILK_V3" + b"\x02\0ab" * 3 + b"\x02\0a", "audio/silk") == 60
    assert duration_of(b"#!SILK_V3" + b"\x02\0ab" * 3 + b"\x02", "audio/silk") == 60


@pytest.mark.parametrize("prefix", [b"", b"\x02"])
@pytest.mark.parametrize("end", [b"", b"\xff\xff", b"\xff\xff whatever follows"])
@given(sizes=st.lists(st.integers(0, 1_250), min_size=1, max_size=20))
def test_a_packet_of_silk_is_20_ms(prefix: bytes, end: bytes, sizes: list[int]) -> None:
    packets = b"".join(size.to_bytes(2, "little") + bytes(size) for size in sizes)
    assert duration_of(prefix + b"#!SILK_V3" + packets + end, "audio/silk") == 20 * len(sizes)


def test_a_packet_that_is_too_long_is_a_defect() -> None:
    with pytest.raises(MediaDefectError):
        duration_of(b"#!SILK_V3" + (1_251).to_bytes(2, "little") + bytes(1_251), "audio/silk")


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (b"#!AMR\n", "audio/amr"),
        (b"#!AMR\n\x3c", "audio/amr"),
        (b"#!SILK_V3", "audio/silk"),
        (b"\x02#!SILK_V3\xff\xff", "audio/silk"),
    ],
)
def test_a_sound_without_a_whole_frame_is_a_defect(content: bytes, mime_type: str) -> None:
    with pytest.raises(MediaDefectError):
        duration_of(content, mime_type)


def test_a_sound_of_many_hours_is_not_counted_to_its_end() -> None:
    frame = bytes([15 << 3 | 4])
    assert duration_of(b"#!AMR\n" + frame * MAX_FRAMES, "audio/amr") == 3 * 3_600_000
    endless = io.BytesIO(b"#!AMR\n" + frame * (MAX_FRAMES + 1_000))
    assert sound(endless, "audio/amr").duration_ms is None
    assert endless.tell() <= len(b"#!AMR\n") + MAX_FRAMES + 1
