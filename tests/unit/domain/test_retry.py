from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.errors import InvalidValueError
from wework_message.domain.lifecycle import HoldReason
from wework_message.domain.outcomes import REFUSALS, FailureReason, OutcomeClass
from wework_message.domain.retry import (
    FAILOVER_DELAY_MS,
    NEVER_RETRIED,
    GiveUp,
    HoldFor,
    RetryAt,
    RetryBudget,
    RetryPolicy,
    Settle,
    Sibling,
    Verdict,
)

POLICY = RetryPolicy(max_attempts=3, first_delay_ms=1_000)
PROVABLY_UNSENT = {
    OutcomeClass.NOT_SENT,
    OutcomeClass.THROTTLED,
    OutcomeClass.REFUSED_BINDING,
    OutcomeClass.REFUSED_CAPABILITY,
}
HOUR = 3_600_000
O = OutcomeClass  # noqa: E741 -- the golden table below is read by column


def after(
    outcome: OutcomeClass,
    *,
    tries: int = 1,
    at_provider: int | None = None,
    cap: int = 3,
    jitter: float = 0.5,
    remaining: int = 24 * HOUR,
    attempts: int | None = None,
    retry_after: int | None = None,
    sibling: Sibling = Sibling.NONE,
    budget: bool = True,
    poison: bool = False,
    old_handles: int = 0,
) -> Verdict:
    return POLICY.after(
        outcome,
        tries=tries,
        provider_tries=tries if at_provider is None else at_provider,
        provider_cap=cap,
        max_attempts=attempts,
        retry_after_ms=retry_after,
        jitter=jitter,
        remaining_ms=remaining,
        sibling=sibling,
        budget_left=budget,
        poison=poison,
        old_handles=old_handles,
    )


any_call = st.fixed_dictionaries(
    {
        "tries": st.integers(1, 200),
        "at_provider": st.integers(1, 200),
        "cap": st.integers(0, 100),
        "jitter": st.floats(0, 1, exclude_max=True),
        "remaining": st.integers(-HOUR, 24 * HOUR),
        "attempts": st.none() | st.integers(0, 10),
        "retry_after": st.none() | st.integers(-5, 10 * HOUR),
        "sibling": st.sampled_from(Sibling),
        "budget": st.booleans(),
    }
)


@given(any_call)
def test_an_uncertain_outcome_is_never_retried(call: dict[str, Any]) -> None:
    assert after(O.UNCERTAIN, **call) == Settle()
    assert after(O.ACCEPTED, **call) == Settle()


@given(st.sampled_from(sorted(O)), any_call, st.integers(1, 5), st.booleans())
def test_a_refused_handle_is_made_anew_once_and_nothing_that_may_be_sent_is_repeated(
    outcome: OutcomeClass, call: dict[str, Any], times: int, poison: bool
) -> None:
    verdict = after(outcome, **call, old_handles=times, poison=poison)
    if outcome in NEVER_RETRIED:
        assert verdict == Settle()
    elif poison:
        assert verdict == GiveUp(FailureReason.POISON)
    elif times == 1:
        assert verdict == RetryAt(1)
    else:
        assert verdict == GiveUp(FailureReason.MEDIA_EXPIRED)


@given(st.sampled_from(sorted(PROVABLY_UNSENT)), any_call)
def test_an_outage_never_fails_a_message(outcome: OutcomeClass, call: dict[str, Any]) -> None:
    verdict = after(outcome, **call)
    if isinstance(verdict, GiveUp):
        assert outcome in REFUSALS
        assert outcome is O.REFUSED_CAPABILITY
        assert call["sibling"] is Sibling.NONE


@given(st.sampled_from(sorted(PROVABLY_UNSENT)), any_call)
def test_quick_tries_are_bounded(outcome: OutcomeClass, call: dict[str, Any]) -> None:
    verdict = after(outcome, **call)
    limit = call["attempts"] if call["attempts"] is not None else 3
    if isinstance(verdict, RetryAt):
        assert call["tries"] < max(1, limit)
        assert call["budget"]
        assert call["sibling"] is Sibling.READY or call["at_provider"] < max(1, call["cap"])


@given(st.sampled_from(sorted(PROVABLY_UNSENT)), any_call)
def test_every_delay_is_positive_and_only_the_provider_can_ask_for_more_than_the_cap(
    outcome: OutcomeClass, call: dict[str, Any]
) -> None:
    verdict = after(outcome, **call)
    if isinstance(verdict, RetryAt | HoldFor):
        elsewhere = verdict == RetryAt(FAILOVER_DELAY_MS) and call["sibling"] is Sibling.READY
        asks = outcome is O.THROTTLED and not elsewhere  # what one provider asks for does not hold for another one
        requested = min(max(call["retry_after"] or 0, 0), HOUR) if asks else 0
        assert max(1, requested) <= verdict.delay_ms <= 60_000 + requested


@given(any_call)
def test_a_retry_comes_before_the_message_expires(call: dict[str, Any]) -> None:
    verdict = after(O.NOT_SENT, **call)
    if call["remaining"] > 1:
        assert isinstance(verdict, RetryAt | HoldFor)
        assert verdict.delay_ms < call["remaining"]


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_first_backoff_is_at_most_the_configured_delay(first: int, jitter: float) -> None:
    assert 1 <= RetryPolicy(first_delay_ms=first).backoff_ms(1, jitter) <= first


@given(st.integers(1, 500), st.floats(0, 1, exclude_max=True))
def test_the_span_of_a_backoff_doubles_up_to_the_cap(tries: int, jitter: float) -> None:
    span = min(60_000, 1_000 * 2 ** (tries - 1))
    assert POLICY.backoff_ms(tries, jitter) == 1 + int(jitter * span)
    assert POLICY.backoff_ms(tries, jitter) <= span


def test_jitter_is_full() -> None:
    assert POLICY.backoff_ms(3, 0.0) == 1
    assert POLICY.backoff_ms(3, 0.999999) == 4_000


GOLDEN: list[tuple[str, Verdict, Verdict]] = [
    ("first loss", after(O.NOT_SENT), RetryAt(501)),
    ("second loss", after(O.NOT_SENT, tries=2), RetryAt(1001)),
    ("quick tries used up", after(O.NOT_SENT, tries=3), HoldFor(HoldReason.PROVIDER_DOWN, 2001)),
    ("still down much later", after(O.NOT_SENT, tries=30), HoldFor(HoldReason.PROVIDER_DOWN, 30_001)),
    ("the client allows one", after(O.NOT_SENT, attempts=1), HoldFor(HoldReason.PROVIDER_DOWN, 501)),
    ("retryCount 0 counts as one", after(O.NOT_SENT, attempts=0), HoldFor(HoldReason.PROVIDER_DOWN, 501)),
    ("the client allows more", after(O.NOT_SENT, tries=3, cap=9, attempts=10), RetryAt(2001)),
    ("the provider allows one", after(O.NOT_SENT, cap=0), HoldFor(HoldReason.PROVIDER_DOWN, 501)),
    ("the provider allows one, a sibling can", after(O.NOT_SENT, cap=0, sibling=Sibling.READY), RetryAt(1)),
    ("retry budget empty", after(O.NOT_SENT, budget=False), HoldFor(HoldReason.PROVIDER_DOWN, 501)),
    ("asked to wait", after(O.THROTTLED, retry_after=5_000), RetryAt(5_501)),
    ("asked for 0", after(O.THROTTLED, retry_after=0), RetryAt(501)),
    ("asked for nothing", after(O.THROTTLED), RetryAt(501)),
    ("asked for long", after(O.THROTTLED, retry_after=120_000), HoldFor(HoldReason.THROTTLED, 120_501)),
    ("asked for absurdly long", after(O.THROTTLED, retry_after=99 * HOUR), HoldFor(HoldReason.THROTTLED, HOUR + 501)),
    (
        "asked for a time past expiry",
        after(O.THROTTLED, retry_after=5_000, remaining=3_000),
        HoldFor(HoldReason.THROTTLED, 5_501),
    ),
    ("throttled to the end", after(O.THROTTLED, tries=3, retry_after=5_000), HoldFor(HoldReason.PROVIDER_DOWN, 7_001)),
    ("logged out, sibling online", after(O.REFUSED_BINDING, sibling=Sibling.READY), RetryAt(1)),
    ("logged out, alone", after(O.REFUSED_BINDING), HoldFor(HoldReason.ALL_OFFLINE, 501)),
    (
        "logged out everywhere",
        after(O.REFUSED_BINDING, tries=3, sibling=Sibling.READY),
        HoldFor(HoldReason.ALL_OFFLINE, 2001),
    ),
    ("cannot here, can there", after(O.REFUSED_CAPABILITY, cap=1, sibling=Sibling.READY), RetryAt(1)),
    (
        "cannot here, sibling away",
        after(O.REFUSED_CAPABILITY, sibling=Sibling.AWAY),
        HoldFor(HoldReason.ALL_OFFLINE, 501),
    ),
    (
        "cannot here, sibling away, quick tries used up",
        after(O.REFUSED_CAPABILITY, tries=3, sibling=Sibling.AWAY),
        HoldFor(HoldReason.ALL_OFFLINE, 2001),
    ),
    (
        "can elsewhere, but quick tries are used up",
        after(O.REFUSED_CAPABILITY, tries=3, sibling=Sibling.READY),
        HoldFor(HoldReason.PROVIDER_DOWN, 2001),
    ),
    ("logged out, sibling away", after(O.REFUSED_BINDING, sibling=Sibling.AWAY), HoldFor(HoldReason.ALL_OFFLINE, 501)),
    ("not sent, sibling away", after(O.NOT_SENT, sibling=Sibling.AWAY), RetryAt(501)),
    ("cannot anywhere", after(O.REFUSED_CAPABILITY), GiveUp(FailureReason.REFUSED_CAPABILITY)),
    (
        "can elsewhere, but the retry budget is empty",
        after(O.REFUSED_CAPABILITY, sibling=Sibling.READY, budget=False),
        HoldFor(HoldReason.PROVIDER_DOWN, 501),
    ),
    ("refused for good", after(O.REFUSED_PERMANENT, sibling=Sibling.READY), GiveUp(FailureReason.REFUSED_PERMANENT)),
    ("poison", after(O.NOT_SENT, poison=True), GiveUp(FailureReason.POISON)),
    ("poison that may be out", after(O.UNCERTAIN, poison=True), Settle()),
    ("about to expire", after(O.NOT_SENT, remaining=100), RetryAt(99)),
    ("expired", after(O.NOT_SENT, remaining=0), RetryAt(1)),
]


@pytest.mark.parametrize(("verdict", "expected"), [row[1:] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_golden_verdicts(verdict: Verdict, expected: Verdict) -> None:
    assert verdict == expected


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ({"max_attempts": 0}, "retry.max-attempts"),
        ({"first_delay_ms": 0}, "retry.delay-ms"),
        ({"first_delay_ms": 60_001}, "retry.delay-ms"),
    ],
)
def test_a_setting_out_of_range_names_itself(setting: dict[str, int], path: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        RetryPolicy(**setting)
    assert refused.value.path == path


@given(st.lists(st.tuples(st.integers(0, 2_000), st.booleans()), max_size=200))
def test_retries_of_any_minute_stay_within_the_budget(steps: list[tuple[int, bool]]) -> None:
    budget, now = RetryBudget(), 0
    sends: list[int] = []
    retries: list[int] = []
    for gap, retry in steps:
        now += gap
        if not retry:
            budget = budget.sent(now)
            sends.append(now)
        elif budget.allows(now):
            budget = budget.retried(now)
            retries.append(now)
        in_minute = sum(1 for at in retries if now - at < 60_000)
        assert in_minute <= 10 + 0.1 * sum(1 for at in sends if now - at < 70_000)


def test_the_floor_is_always_there_and_comes_back() -> None:
    budget = RetryBudget()
    for _ in range(10):
        assert budget.allows(0)
        budget = budget.retried(0)
    assert not budget.allows(0)
    assert not budget.allows(69_999)
    assert budget.allows(70_000)


def test_ten_sends_buy_one_retry() -> None:
    budget = RetryBudget(floor=0)
    for _ in range(9):
        budget = budget.sent(0)
    assert not budget.allows(0)
    budget = budget.sent(0)
    assert budget.allows(0)
    assert not budget.retried(0).allows(0)


@pytest.mark.parametrize("sends", range(4))
def test_a_send_changes_neither_the_share_nor_the_floor(sends: int) -> None:
    budget = RetryBudget(share=0.5, floor=3)
    for _ in range(sends):
        budget = budget.sent(0)
    for _ in range(3 + sends // 2):
        assert budget.allows(0)
        budget = budget.retried(0)
    assert not budget.allows(0)
