import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.quota import DAY_MS, AccountLimits, Bucket, Budget, Period, reserve_all

MINUTE = 60_000
TIMES = st.lists(st.integers(-5_000, 20_000), max_size=80)
SIZES = st.tuples(st.integers(1, 5_000), st.sampled_from([MINUTE, 60 * MINUTE, DAY_MS]), st.integers(1, 5_000))


@given(SIZES, TIMES)
def test_a_clock_that_goes_backwards_mints_nothing(size: tuple[int, int, int], gaps: list[int]) -> None:
    tokens, per_ms, capacity = size
    bucket, _ = Bucket.full(tokens, per_ms, now=0, capacity=capacity).reserve(capacity, 0)
    now = 0
    for gap in gaps:
        now += gap
        bucket = bucket.refilled(now)
    assert bucket.level == min(capacity * per_ms, tokens * max(0, bucket.at))


@given(st.integers(1, 60_000), st.integers(2, 60), st.integers(0, 10_000_000))
def test_messages_over_budget_wait_strictly_longer_one_after_the_other(rate: int, messages: int, now: int) -> None:
    bucket = Bucket.full(rate, MINUTE, now=now, capacity=1)
    waits = []
    for _ in range(messages):
        bucket, wait = bucket.reserve(1, now)
        waits.append(wait)
    assert waits[0] == 0
    assert all(later > earlier for earlier, later in itertools.pairwise(waits))


@given(SIZES, st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 4)), min_size=1, max_size=60))
def test_waiting_as_long_as_reserved_keeps_the_rate(
    size: tuple[int, int, int], requests: list[tuple[int, int]]
) -> None:
    tokens, per_ms, capacity = size
    bucket, now, taken = Bucket.full(tokens, per_ms, now=0, capacity=capacity), 0, 0
    for gap, n in requests:
        now += gap
        bucket, wait = bucket.reserve(n, now)
        taken += n
        start = now + wait
        assert taken * per_ms <= capacity * per_ms + start * tokens
        assert bucket.refilled(start).level >= 0


@given(SIZES, st.integers(0, 5_000), st.integers(0, 10_000))
def test_a_wait_is_exactly_long_enough(size: tuple[int, int, int], taken: int, now: int) -> None:
    tokens, per_ms, capacity = size
    bucket, _ = Bucket.full(tokens, per_ms, now=0, capacity=capacity).reserve(taken, 0)
    _, wait = bucket.reserve(1, now)
    assert bucket.refilled(now + wait).level >= per_ms
    if wait:
        assert bucket.refilled(now + wait - 1).level < per_ms


def test_a_reservation_after_the_clock_went_back_waits_for_the_clock_too() -> None:
    bucket, _ = Bucket.full(60, MINUTE, now=10_000, capacity=1).reserve(1, 10_000)
    assert bucket.reserve(1, 10_000)[1] == 1_000
    assert bucket.reserve(1, 4_000)[1] == 7_000


def test_nothing_negative_is_reserved() -> None:
    with pytest.raises(InvalidValueError):
        Bucket.full(10, MINUTE, now=0).reserve(-1, 0)


@pytest.mark.parametrize(("tokens", "per_ms", "capacity"), [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_an_empty_budget_is_refused(tokens: int, per_ms: int, capacity: int) -> None:
    with pytest.raises(InvalidValueError):
        Bucket.full(tokens, per_ms, now=0, capacity=capacity)


def test_the_tightest_of_several_budgets_decides() -> None:
    buckets = [Budget(Period.MINUTE, 60).bucket(0), Budget(Period.HOUR, 60).bucket(0), Budget(Period.DAY, 61).bucket(0)]
    reserved, wait, tightest = reserve_all(buckets, 60, 0)
    assert (wait, tightest) == (0, 0)
    assert reserve_all(reserved, 1, 0)[1:] == (MINUTE, 1)


def test_bulk_may_use_a_share_and_always_at_least_one() -> None:
    budget = Budget(Period.HOUR, 1_000)
    assert budget.bulk(0.3) == Budget(Period.HOUR, 300)
    assert budget.bulk(1.0) == budget
    assert Budget(Period.DAY, 2).bulk(0.1).limit == 1
    for share in (0.0, 1.1, -1.0):
        with pytest.raises(InvalidValueError):
            budget.bulk(share)


def test_an_account_has_a_budget_for_each_period_and_its_other_limits() -> None:
    budgets = (Budget(Period.MINUTE, 1), Budget(Period.HOUR, 10_000_000), Budget(Period.DAY, 5))
    for interval in (None, 1, DAY_MS):
        assert AccountLimits(budgets, interval, None, 1.0).min_interval_ms == interval


@pytest.mark.parametrize(
    ("limits", "path"),
    [
        ({"budgets": (Budget(Period.MINUTE, 0),)}, "budgets[0].limit"),
        ({"budgets": (Budget(Period.MINUTE, 1), Budget(Period.DAY, 10_000_001))}, "budgets[1].limit"),
        ({"budgets": (Budget(Period.DAY, 1), Budget(Period.HOUR, 1), Budget(Period.DAY, 2))}, "budgets[2].per"),
        ({"min_interval_ms": 0}, "minIntervalMs"),
        ({"min_interval_ms": DAY_MS + 1}, "minIntervalMs"),
        ({"bulk_share": 0.0}, "bulkShare"),
        ({"bulk_share": 1.01}, "bulkShare"),
        ({"bulk_share": float("nan")}, "bulkShare"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_by_its_name_in_the_api(limits: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        AccountLimits(**limits)
    assert refused.value.path == path


def test_a_bucket_is_full_until_a_token_is_taken_and_a_negative_number_is_refused() -> None:
    bucket = Bucket.full(1, MINUTE, now=0)
    assert bucket.is_full
    assert not bucket.reserve(1, 0)[0].is_full
    with pytest.raises(InvalidValueError, match=r"budgets\.limit"):
        bucket.reserve(-1, 0)


@pytest.mark.parametrize(("tokens", "wait_ms"), [(1, 0), (100, 0), (200, DAY_MS), (150, DAY_MS // 2)])
def test_more_tokens_than_a_budget_holds_take_their_time(tokens: int, wait_ms: int) -> None:
    assert Budget(Period.DAY, 100).least_wait_ms(tokens) == wait_ms
