from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.routing.scoring import CallStats, score

UNIT = st.floats(0, 1)
LATENCY = st.none() | st.floats(0.1, 60_000)
CALLS = st.lists(st.tuples(st.integers(-1_000, 30_000), st.sampled_from([0.0, 0.5, 1.0]), LATENCY), max_size=50)


def after(calls: list[tuple[int, float, float | None]]) -> tuple[CallStats, int]:
    stats, now = CallStats(), 0
    for gap, weight, latency in calls:
        now += gap
        stats = stats.record(weight, latency, now)
    return stats, now


@given(CALLS, st.integers(0, 10**9))
def test_quality_is_a_share_and_returns_to_the_prior(calls: list[tuple[int, float, float | None]], idle: int) -> None:
    stats, now = after(calls)
    quality = stats.quality(now + idle)
    assert 0 < quality < 1
    assert abs(quality - 0.75) <= abs(stats.quality(stats.at) - 0.75) + 1e-9


@given(CALLS)
def test_a_success_never_lowers_quality_and_a_failure_never_raises_it(
    calls: list[tuple[int, float, float | None]],
) -> None:
    stats, now = after(calls)
    quality = stats.quality(now)
    assert stats.record(0, None, now).quality(now) >= quality
    assert stats.record(1, None, now).quality(now) <= quality
    assert stats.record(1, None, now).quality(now) <= stats.record(0.5, None, now).quality(now)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [((), 3 / 4), ((0,), 4 / 5), ((1,), 3 / 5), ((0.5,), 3 / 4.5), ((0, 0, 1), 5 / 7), ((1,) * 96, 3 / 100)],
)
def test_quality_at_once(weights: tuple[float, ...], expected: float) -> None:
    assert after([(0, weight, None) for weight in weights])[0].quality(0) == pytest.approx(expected)


def test_counts_fade_within_a_minute() -> None:
    stats = CallStats().record(1, None, 0)
    assert stats.quality(60_000) == pytest.approx(3 / (4 + exp(-1)))


@given(CALLS, st.floats(0.1, 60_000))
def test_latency_jumps_up_at_once_and_stays_between_what_was_measured(
    calls: list[tuple[int, float, float | None]], sample: float
) -> None:
    stats, now = after(calls)
    before = stats.peak_ms
    peak = stats.record(0, sample, now).latency_ms(now)
    if peak is None:
        assert stats.measured_at - now > 0
    elif before is None or sample >= before:
        assert peak == sample
    else:
        assert sample - 1e-6 <= peak <= before


def test_latency_comes_down_with_ten_seconds() -> None:
    stats = CallStats().record(0, 1_000, 0).record(0, 100, 10_000)
    assert stats.latency_ms(10_000) == pytest.approx(100 + 900 * exp(-1))


def test_an_old_latency_says_nothing() -> None:
    stats = CallStats().record(0, 1_000, 0)
    assert stats.latency_ms(59_999) == 1_000
    assert stats.latency_ms(60_000) is None


def test_a_call_without_a_latency_keeps_the_last_one() -> None:
    assert CallStats().record(0, 70, 0).record(1, None, 1_000).latency_ms(1_000) == 70


@given(UNIT, LATENCY, LATENCY, UNIT, st.booleans())
def test_a_score_is_within_bounds(
    quality: float, latency: float | None, best: float | None, room: float, affine: bool
) -> None:
    assert 0 <= score(quality, latency, best, room, affine=affine) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("arguments", "affine", "expected"),
    [
        ((1.0, None, None, 1.0), True, 1.0),
        ((0.0, None, None, 0.0), False, 0.25),
        ((1.0, 200.0, 100.0, 1.0), False, 0.775),
        ((1.0, 100.0, 200.0, 1.0), False, 0.9),
        ((0.75, 100.0, 100.0, 0.5), True, 0.7875),
    ],
)
def test_golden_scores(
    arguments: tuple[float, float | None, float | None, float], affine: bool, expected: float
) -> None:
    assert score(*arguments, affine=affine) == pytest.approx(expected)
