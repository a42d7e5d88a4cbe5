"""Which budgets a message has, and what they grant together over any span of time (ADR 49)."""

import itertools
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.budgets import Budgets, Owner, budgets_of
from wework_message.domain.ids import AccountId, ProviderCode
from wework_message.domain.quota import NO_LIMITS, AccountLimits, Bucket, Budget, Period, reserve_all

A, B = AccountId("a"), AccountId("b")
P: Final = ProviderCode("P")
MINUTE: Final = 60_000


def names(budgets: Budgets) -> list[tuple[str, int]]:
    return [(part.name, part.budget.limit) for part in budgets.parts]


def test_an_account_without_limits_has_the_configured_one() -> None:
    assert names(budgets_of(A, NO_LIMITS, 7, P)) == [("a:MINUTE", 7)]
    assert names(budgets_of(A, AccountLimits((Budget(Period.DAY, 3),)), 7, P)) == [("a:MINUTE", 7), ("a:DAY", 3)]
    own = AccountLimits((Budget(Period.DAY, 3), Budget(Period.MINUTE, 5)))
    assert names(budgets_of(A, own, 7, P)) == [("a:DAY", 3), ("a:MINUTE", 5)]


def test_bulk_has_its_share_and_the_whole() -> None:
    shared = AccountLimits((Budget(Period.HOUR, 9),), bulk_share=0.5)
    assert names(budgets_of(A, shared, 4, P, bulk=True)) == [
        ("a:MINUTE", 4), ("a:HOUR", 9), ("a:MINUTE:bulk", 2), ("a:HOUR:bulk", 4),
    ]  # fmt: skip
    assert names(budgets_of(A, shared, 4, P)) == [("a:MINUTE", 4), ("a:HOUR", 9)]
    assert names(budgets_of(A, NO_LIMITS, 4, P, bulk=True)) == [("a:MINUTE", 4)]


def test_a_provider_has_budgets_that_accounts_share() -> None:
    first, second = [budgets_of(account_id, NO_LIMITS, 4, P, (Budget(Period.DAY, 9),)) for account_id in (A, B)]
    assert names(first)[1:] == names(second)[1:] == [("provider P:DAY", 9)]
    assert [part.owner for part in first.parts] == [Owner.ACCOUNT, Owner.PROVIDER]
    assert first.parts[1].label == "DAY PROVIDER"


def test_equal_budgets_have_one_key_and_others_another() -> None:
    first = budgets_of(A, NO_LIMITS, 4, P)
    again = budgets_of(A, AccountLimits((Budget(Period.MINUTE, 4),)), 9, P)
    others = [
        budgets_of(B, NO_LIMITS, 4, P),
        budgets_of(A, NO_LIMITS, 5, P),
        budgets_of(A, NO_LIMITS, 4, P, (Budget(Period.DAY, 1),)),
    ]
    assert again.key == first.key
    assert len({first.key, *(other.key for other in others)}) == 4


LIMITS: Final = st.integers(1, 12)
MESSAGES: Final = st.lists(
    st.tuples(st.sampled_from([0, 0, 0, 1, 500, 30_000, 60_000, 3_600_000]), st.booleans()), min_size=1, max_size=60
)


@given(LIMITS, LIMITS, LIMITS, MESSAGES)
def test_over_any_span_no_budget_grants_more_than_its_bucket_and_nobody_waits_without_need(
    minute: int, hour: int, at_provider: int, messages: list[tuple[int, bool]]
) -> None:
    """One account whose messages ask when they are due, as the dispatcher does: one place beyond what is left, and then none."""
    limits = AccountLimits((Budget(Period.MINUTE, minute), Budget(Period.HOUR, hour)))
    parts = budgets_of(A, limits, 1, P, (Budget(Period.MINUTE, at_provider),)).parts
    buckets = [part.budget.bucket(0) for part in parts]
    now, starts = 0, list[int]()
    for gap, waits_for_place in messages:
        now += gap
        before = [bucket.refilled(now) for bucket in buckets]
        reserved = reserve_all(buckets, 1, now)
        buckets = list(reserved.buckets)
        lacking = [bucket.level < bucket.per_ms for bucket in before]
        assert (reserved.wait_ms > 0) == any(lacking)
        assert not any(lacking) or lacking[reserved.tightest]
        starts.append(now + reserved.wait_ms)
        if waits_for_place:
            now += reserved.wait_ms
    for part in parts:
        assert_within(Bucket.full(part.budget.limit, part.budget.per.ms, now=0), sorted(starts))


def assert_within(full: Bucket, starts: list[int]) -> None:
    """In any span T at most `capacity` + `tokens` x T / `per_ms`, and one message at its end."""
    for first, last in itertools.combinations(range(len(starts)), 2):
        span, count = starts[last] - starts[first], last - first + 1
        assert (count - 1) * full.per_ms <= full.capacity * full.per_ms + span * full.tokens


@given(
    st.integers(1, 500), st.integers(1, 9), st.lists(st.tuples(st.integers(0, 8), st.integers(0, 20_000)), max_size=80)
)
def test_the_parts_of_several_processes_grant_no_more_than_the_budget(
    limit: int, processes: int, messages: list[tuple[int, int]]
) -> None:
    parts = [Budget(Period.MINUTE, limit).bucket(0, processes) for _ in range(processes)]
    now, granted = 0, 0
    for process, gap in messages:
        now += gap
        parts[process % processes], wait_ms = parts[process % processes].reserve(1, now)
        granted += wait_ms == 0
    assert granted * MINUTE <= max(limit, processes) * MINUTE + now * limit


@given(st.integers(1, 100), st.integers(0, 100), st.integers(1, 100), st.integers(0, 120_000))
def test_what_was_used_counts_against_a_changed_limit(before: int, used: int, after: int, passed: int) -> None:
    bucket, _ = Bucket.full(before, MINUTE, now=0).reserve(used, 0)
    changed = bucket.refilled(passed).resized(Bucket.full(after, MINUTE, now=passed))
    assert changed.level == after * MINUTE - max(0, used * MINUTE - passed * before)
