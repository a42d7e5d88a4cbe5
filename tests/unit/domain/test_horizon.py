import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.horizon import WRITE_WITHIN_MS, check_timing, horizon_ms, lane_block_ms, lease_ms

DAY = 24 * 3_600_000


@pytest.mark.parametrize(("deadline", "expected"), [(30_000, 42_000), (1, 12_001)])
def test_a_lease_is_w_plus_deadline_plus_ten_seconds(deadline: int, expected: int) -> None:
    assert lease_ms(deadline) == expected


@pytest.mark.parametrize(
    ("configured", "sync", "expected"), [(90_000, None, 90_000), (90_000, 30_000, 90_000), (90_000, 60_000, 180_000)]
)
def test_the_horizon_covers_three_pulls(configured: int, sync: int | None, expected: int) -> None:
    assert horizon_ms(configured, sync) == expected
    assert lane_block_ms(expected) == 2 * expected


@given(st.integers(1, 600_000), st.integers(0, 600_000), st.none() | st.integers(1, 600_000))
def test_a_horizon_made_here_passes_whenever_it_covers_the_call(deadline: int, extra: int, sync: int | None) -> None:
    check_timing(
        deadline_ms=deadline,
        horizon=horizon_ms(deadline + extra, sync),
        expire_after_ms=DAY,
        sync_interval_ms=sync,
        lease=lease_ms(deadline),
    )


@pytest.mark.parametrize(
    ("times", "path"),
    [
        ({"horizon": 29_999}, "unknown.horizon-seconds"),
        ({"sync_interval_ms": 30_001}, "unknown.horizon-seconds"),
        ({"lease": 41_999}, "timeout-ms"),
        ({"lease": 30_000 + WRITE_WITHIN_MS}, "timeout-ms"),
        ({"expire_after_ms": 42_000}, "timeout-ms"),
    ],
)
def test_times_that_could_send_twice_stop_the_start(times: dict[str, int], path: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        check_timing(**{"deadline_ms": 30_000, "horizon": 90_000, "expire_after_ms": DAY, **times})
    assert refused.value.path == path
