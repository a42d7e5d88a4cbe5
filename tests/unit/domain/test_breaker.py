import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.routing.breaker import Breaker, BreakerPolicy, BreakerState, Passage, Weights, weigh

SECOND = 1_000
O = OutcomeClass  # noqa: E741 -- the table below is read by column


def record(breaker: Breaker, *weights: float | None, now: int = 0, jitter: float = 0.0) -> Breaker:
    for weight in weights:
        breaker = breaker.record(weight, now, jitter)
    return breaker


def opened(now: int = 0) -> Breaker:
    return record(Breaker(), 1, 1, 1, 1, 1, now=now)


def trying(now: int = 30 * SECOND) -> Breaker:
    return opened().probe(answered=True, now=now, jitter=0)


def recovered(now: int = 30 * SECOND) -> Breaker:
    breaker = trying(now)
    for _ in range(3):
        breaker = record(breaker.admit(now), 0, now=now)
    return breaker


@pytest.mark.parametrize(
    ("outcome", "reason", "weights"),
    [
        (O.ACCEPTED, None, Weights(0, 0, 0)),
        (O.NOT_SENT, Reason.CONNECT, Weights(1, None, None)),
        (O.NOT_SENT, Reason.DNS, Weights(1, None, None)),
        (O.NOT_SENT, Reason.TLS, Weights(1, None, None)),
        (O.NOT_SENT, Reason.CLOSED, Weights(1, None, None)),
        (O.NOT_SENT, Reason.POOL, Weights()),
        (O.NOT_SENT, Reason.TOO_LATE, Weights()),
        (O.NOT_SENT, Reason.UNBUILDABLE, Weights()),
        (O.NOT_SENT, None, Weights()),
        (O.THROTTLED, Reason.CODE, Weights()),
        (O.REFUSED_BINDING, Reason.CODE, Weights(None, 1, None)),
        (O.REFUSED_CAPABILITY, Reason.CODE, Weights(None, None, 1)),
        (O.REFUSED_PERMANENT, Reason.CODE, Weights()),
        (O.UNCERTAIN, Reason.READ, Weights(0.5, 0.5, 0.5)),
        (O.UNCERTAIN, None, Weights(0.5, 0.5, 0.5)),
        (O.UNCERTAIN, Reason.DEADLINE, Weights(1, 1, 1)),
        (O.UNCERTAIN, Reason.LEASE_EXPIRED, Weights()),
        (O.UNCERTAIN, Reason.SHUTDOWN, Weights()),
    ],
)
def test_what_an_outcome_says_about_health(outcome: OutcomeClass, reason: Reason | None, weights: Weights) -> None:
    assert weigh(outcome, reason) == weights


@pytest.mark.parametrize(
    ("weights", "state"),
    [
        ([1] * 4, BreakerState.CLOSED),
        ([1] * 5, BreakerState.OPEN),
        ([1, 1, 1, 1, 0, 1, 1, 1, 1], BreakerState.CLOSED),
        ([1, 1, None, 1, 1, 1], BreakerState.OPEN),
        ([0.5] * 9, BreakerState.CLOSED),
        ([0.5] * 10, BreakerState.OPEN),
        ([None] * 100, BreakerState.CLOSED),
        ([0, 1] * 9 + [0], BreakerState.CLOSED),
        ([0, 1] * 10, BreakerState.OPEN),
        ([0] * 11 + [0, 1] * 10, BreakerState.CLOSED),
    ],
)
def test_when_it_opens(weights: list[float | None], state: BreakerState) -> None:
    assert record(Breaker(), *weights).state(0) is state


def test_a_success_alone_never_opens_it() -> None:
    failures = record(Breaker(), *[1, 1, 0] * 6, 1)
    assert failures.state(0) is BreakerState.CLOSED
    assert record(failures, 0).state(0) is BreakerState.CLOSED


def test_failures_outside_the_window_are_forgotten() -> None:
    breaker = record(Breaker(), *[0, 1] * 9, now=0)
    assert record(breaker, 0, 1, now=29 * SECOND).state(29 * SECOND) is BreakerState.OPEN
    assert record(breaker, 0, 1, now=30 * SECOND).state(30 * SECOND) is BreakerState.CLOSED


def test_half_open_takes_a_status_call_then_one_message_at_a_time_until_three_succeed() -> None:
    now = 30 * SECOND
    breaker = opened()
    assert breaker.passage(now - 1) is Passage.SHUT
    assert not breaker.wants_probe(now - 1)
    assert breaker.wants_probe(now)
    assert breaker.passage(now) is Passage.SHUT
    breaker = breaker.probe(answered=True, now=now, jitter=0)
    for done in range(3):
        assert breaker.state(now) is BreakerState.HALF_OPEN, done
        assert breaker.passage(now) is Passage.TRIAL
        breaker = breaker.admit(now)
        assert breaker.passage(now) is Passage.SHUT
        breaker = record(breaker, 0, now=now)
    assert breaker.state(now) is BreakerState.CLOSED
    assert breaker.passage(now) is Passage.FREE


def test_a_failed_status_call_or_trial_opens_it_again_for_longer() -> None:
    now = 30 * SECOND
    for breaker in (
        opened().probe(answered=False, now=now, jitter=0),
        record(trying().admit(now), 0.5, now=now),
    ):
        assert breaker.state(now + 60 * SECOND - 1) is BreakerState.OPEN
        assert breaker.state(now + 60 * SECOND) is BreakerState.HALF_OPEN
        assert breaker.wants_probe(now + 60 * SECOND)


def test_a_trial_that_says_nothing_lets_the_next_one_pass() -> None:
    now = 30 * SECOND
    breaker = record(trying().admit(now), None, now=now)
    assert breaker.passage(now) is Passage.TRIAL
    assert breaker.passed == 0


def test_a_lost_trial_does_not_block_for_ever() -> None:
    now = 30 * SECOND
    breaker = trying().admit(now)
    assert breaker.passage(now + 60 * SECOND - 1) is Passage.SHUT
    assert breaker.passage(now + 60 * SECOND) is Passage.TRIAL


def test_calls_that_were_open_when_it_opened_say_nothing_new() -> None:
    breaker = record(opened(), 1, 0, None, now=SECOND)
    assert breaker == opened()
    assert record(trying(), 1, now=30 * SECOND) == trying()


def test_a_status_call_means_nothing_unless_it_waits_for_one() -> None:
    assert Breaker().probe(answered=False, now=0, jitter=0) == Breaker()
    assert opened().probe(answered=True, now=0, jitter=0) == opened()
    assert Breaker().admit(0) == Breaker()


def test_where_no_status_call_can_tell_trials_begin_at_once() -> None:
    breaker = record(Breaker.of(BreakerPolicy(probe_first=False)), 1, 1, 1, 1, 1)
    assert breaker.passage(30 * SECOND) is Passage.TRIAL


def test_the_weight_returns_in_steps() -> None:
    breaker, now = recovered(), 30 * SECOND
    assert [breaker.share(now + at * SECOND) for at in (0, 9, 10, 20, 30, 999)] == [0.25, 0.25, 0.5, 0.75, 1.0, 1.0]
    assert opened().share(0) == 0.0
    assert Breaker().share(0) == 1.0


def test_it_is_forgiven_after_five_minutes() -> None:
    now = 30 * SECOND
    again = record(recovered(), 1, 1, 1, 1, 1, now=now + 299 * SECOND)
    assert again.open_until == now + (299 + 60) * SECOND
    later = record(recovered(), 1, 1, 1, 1, 1, now=now + 300 * SECOND)
    assert later.open_until == now + (300 + 30) * SECOND


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=30))
def test_it_opens_longer_each_time_up_to_five_minutes(jitters: list[float]) -> None:
    breaker, now = opened(), 0
    for opens, jitter in enumerate(jitters, start=2):
        assert breaker.open_until is not None
        now = breaker.open_until
        breaker = breaker.probe(answered=False, now=now, jitter=jitter)
        span = min(300, 30 * opens) * SECOND
        assert breaker.open_until is not None
        assert 0.8 * span <= breaker.open_until - now <= span


STEPS = st.lists(
    st.tuples(
        st.integers(-2_000, 40_000),
        st.sampled_from(["record", "admit", "probe"]),
        st.sampled_from([0.0, 0.5, 1.0, None]),
    ),
    max_size=80,
)


@given(STEPS)
def test_whatever_happens_it_can_be_passed_again(steps: list[tuple[int, str, float | None]]) -> None:
    breaker, now = Breaker(), 0
    for gap, step, weight in steps:
        now += gap
        if step == "record":
            breaker = breaker.record(weight, now, 0.5)
        elif step == "admit":
            breaker = breaker.admit(now)
        else:
            breaker = breaker.probe(answered=weight != 1.0, now=now, jitter=0.5)
        assert (breaker.passage(now) is Passage.FREE) == (breaker.state(now) is BreakerState.CLOSED)
        assert len(breaker.window.sums) <= 6
    now = max(now, breaker.open_until or 0) + 400 * SECOND
    breaker = breaker.probe(answered=True, now=now, jitter=0)
    for _ in range(3):
        assert breaker.passage(now) is not Passage.SHUT
        breaker = breaker.admit(now).record(0, now, 0)
    assert breaker.state(now) is BreakerState.CLOSED


@given(st.integers(0, 9), st.lists(st.floats(0.1, 0.9), max_size=8), st.integers(1, 30))
def test_successes_of_one_slot_count_the_same_together(slot: int, failures: list[float], times: int) -> None:
    breaker = record(Breaker(), *failures)
    if breaker.state(0) is not BreakerState.CLOSED:
        return
    now = slot * breaker.window.slot_ms
    counted = breaker
    for place in range(times):
        counted = counted.record(0.0, now + place, 0)
    assert breaker.succeeded(times, now) == counted
