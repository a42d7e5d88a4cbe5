import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.routing.latency import BUCKETS, SPAN_MS, LatencyHistogram, bucket_of

DURATIONS = st.lists(st.floats(1, 120_000), min_size=1, max_size=60)


def counted(durations: list[float]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for elapsed_ms in durations:
        histogram.add(elapsed_ms, 0)
    return histogram


def test_nothing_is_known_without_a_call() -> None:
    assert LatencyHistogram().percentile(0.5, 0) is None


@given(DURATIONS, st.sampled_from([0.5, 0.95, 1.0]))
def test_a_percentile_is_a_duration_that_was_counted_to_one_per_cent(durations: list[float], share: float) -> None:
    ordered = sorted(durations)
    rank = next(place for place in range(len(ordered)) if place + 1 >= share * len(ordered) - 1e-9)
    assert counted(durations).percentile(share, 0) == pytest.approx(ordered[rank], rel=0.0101, abs=0.011)


@given(DURATIONS, DURATIONS)
def test_the_sum_of_two_is_that_of_all_calls(first: list[float], second: list[float]) -> None:
    together = counted(first)
    together.add_buckets([(bucket_of(elapsed_ms), 1) for elapsed_ms in second], 0)
    assert [together.percentile(share, 0) for share in (0.5, 0.95)] == [
        counted(first + second).percentile(share, 0) for share in (0.5, 0.95)
    ]


@pytest.mark.parametrize(("elapsed_ms", "bucket"), [(-1.0, 0), (0.0, 0), (1.0, 0), (1.03, 1), (1e12, BUCKETS - 1)])
def test_every_duration_has_a_bucket(elapsed_ms: float, bucket: int) -> None:
    assert bucket_of(elapsed_ms) == bucket


@pytest.mark.parametrize(
    ("later_ms", "known"), [(SPAN_MS - 1, True), (2 * SPAN_MS - 1, True), (2 * SPAN_MS, False), (9 * SPAN_MS, False)]
)
def test_calls_are_forgotten_after_two_spans_at_the_latest(later_ms: int, known: bool) -> None:
    assert (counted([40.0]).percentile(0.5, later_ms) is not None) is known


def test_buckets_that_do_not_exist_are_ignored() -> None:
    histogram = LatencyHistogram()
    histogram.add_buckets([(-1, 5), (BUCKETS, 5), (3, -5), (3, 0)], 0)
    assert histogram.percentile(0.5, 0) is None
