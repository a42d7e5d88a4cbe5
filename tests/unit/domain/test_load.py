"""The limit in flight follows latency, and what is refused first (ADR 71)."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.ids import TenantId
from wework_message.domain.load.adaptive import (
    FLOORS_MS,
    LEAST,
    STANDING_MS,
    TOLERANCE,
    WINDOW_MS,
    AdaptiveLimit,
    Times,
    Window,
)
from wework_message.domain.load.gate import LoadGate
from wework_message.domain.load.priorities import CALLBACK_ROOM, Priority, fair_share
from wework_message.domain.load.refusals import MAX_WAIT_MS, PACE, TOGETHER_MS, RefusalPace

SEND, READ, BATCH, CALLBACK = Priority.SEND, Priority.READ, Priority.BATCH, Priority.CALLBACK
A, B, C = TenantId("a"), TenantId("b"), TenantId("c")
LARGEST: Final = 1_000
NEW: Final = AdaptiveLimit(float(LARGEST), LARGEST)


def window(ms: float, *, at: float = 0.0, peak: int = 200, refused: int = 0, kind: Priority = SEND) -> Window:
    return Window(at, {kind: Times(10, ms * 10)}, peak, refused)


def after(limit: AdaptiveLimit, windows: int, ms: float, *, peak: int = 200, refused: int = 0) -> AdaptiveLimit:
    for number in range(windows):
        limit = limit.after(window(ms, at=number * WINDOW_MS, peak=peak, refused=refused))
    return limit


def test_a_burst_shrinks_nothing() -> None:
    assert after(NEW, STANDING_MS // WINDOW_MS, 400).limit == LARGEST


def test_what_goes_on_taking_too_long_shrinks_the_limit_from_what_was_in_flight() -> None:
    shrunk = after(NEW, STANDING_MS // WINDOW_MS + 1, FLOORS_MS[SEND] * 1.25)
    assert shrunk.limit == pytest.approx(200 / 1.25)
    assert after(NEW, STANDING_MS // WINDOW_MS + 1, 4_000).limit == 160, "by a fifth at most"
    assert after(NEW, 50, 4_000).limit == LEAST


def test_where_requests_are_refused_already_it_shrinks_at_once() -> None:
    assert NEW.after(window(FLOORS_MS[SEND] * 1.1, refused=1)).limit == pytest.approx(200 / 1.1)


def test_it_grows_while_all_is_well_and_the_less_the_nearer_requests_are_to_what_they_may_take() -> None:
    small = AdaptiveLimit(100.0, LARGEST)
    assert small.after(window(5)).limit == pytest.approx(110)
    assert small.after(window(FLOORS_MS[SEND] / 2, refused=3)).limit == pytest.approx(105)
    assert small.after(window(FLOORS_MS[SEND], refused=3)).limit == pytest.approx(100)
    assert after(small, 100, 5).limit == LARGEST


def test_a_short_time_of_long_requests_is_forgotten_once_they_are_short() -> None:
    limit = after(NEW, STANDING_MS // WINDOW_MS, 400)
    limit = limit.after(window(5, at=STANDING_MS))
    assert limit.over_since is None
    assert limit.after(window(400, at=STANDING_MS + WINDOW_MS)).limit == LARGEST


def test_with_little_in_flight_nobody_waits_for_others_so_nothing_shrinks_and_what_it_takes_is_learned() -> None:
    slow = after(NEW, 60, 300, peak=LEAST)
    assert slow.limit == LARGEST
    assert slow.target_ms(SEND) > 300 * 3
    assert after(slow, 20, 800, peak=500).limit == LARGEST, "so a slow database is no overload"
    assert slow.after(window(5)).usual_ms[SEND] == 5, "less is believed at once"


def test_a_quiet_window_shrinks_nothing_whatever_was_refused() -> None:
    known = AdaptiveLimit(500.0, LARGEST, {SEND: 5.0})
    assert known.after(window(600, peak=LEAST, refused=3)).limit == 500
    assert known.after(window(600, peak=LEAST + 1, refused=3)).limit < 500


def test_a_start_under_load_takes_no_queue_for_usual_and_finds_out_at_the_least_limit() -> None:
    busy = NEW.after(window(400))
    assert busy.target_ms(SEND) == FLOORS_MS[SEND]
    slow = after(after(NEW, 20, 300, peak=300), 20, 300, peak=120, refused=5)
    assert slow.limit == LEAST
    learned = after(slow, 40, 300, peak=LEAST, refused=5)
    assert learned.excess(window(300)) < 1
    assert learned.limit > LEAST


def test_each_kind_has_its_own_time() -> None:
    mixed = {SEND: Times(1, FLOORS_MS[SEND]), BATCH: Times(1, FLOORS_MS[BATCH])}
    assert NEW.excess(Window(0, mixed, 100, 0)) == pytest.approx(1)
    assert NEW.excess(Window(0, {}, 100, 0)) == 0
    learned = NEW.after(window(200, peak=1, kind=BATCH))
    assert learned.target_ms(BATCH) == 200 * TOLERANCE
    assert learned.target_ms(READ) == FLOORS_MS[READ]


WINDOWS: Final = st.lists(
    st.builds(
        lambda ms, peak, refused, kind: (ms, peak, refused, kind),
        st.floats(0.01, 60_000), st.integers(1, 2_000), st.integers(0, 500), st.sampled_from([READ, SEND, BATCH]),
    ),
    max_size=60,
)  # fmt: skip


@given(st.integers(32, 5_000), WINDOWS)
def test_the_limit_stays_between_the_least_and_the_largest_and_recovers(
    largest: int, windows: list[tuple[float, int, int, Priority]]
) -> None:
    limit = AdaptiveLimit(float(largest), largest)
    for number, (ms, peak, refused, kind) in enumerate(windows):
        limit = limit.after(window(ms, at=number * WINDOW_MS, peak=peak, refused=refused, kind=kind))
        assert min(LEAST, largest) <= limit.limit <= largest
    assert after(limit, 80, 1).limit == largest


@given(st.floats(40.0, 4_000.0), st.integers(50, 4_000))
def test_of_a_server_with_a_capacity_it_finds_the_number_in_flight_that_takes_as_long_as_it_may(
    per_s: float, offered: int
) -> None:
    """A closed system: what is in flight is the smaller of limit and offer, and takes as long as the capacity makes it."""
    limit = AdaptiveLimit(2_000.0, 2_000, {SEND: 5.0})
    for number in range(300):
        in_flight = min(offered, int(limit.limit))
        refused = max(0, offered - in_flight)
        limit = limit.after(window(in_flight / per_s * 1_000, at=number * WINDOW_MS, peak=in_flight, refused=refused))
    in_flight = min(offered, int(limit.limit))
    assert in_flight / per_s * 1_000 <= limit.target_ms(SEND) * 1.1 or in_flight <= LEAST * 1.1
    assert in_flight == offered or in_flight >= LEAST


def gate(largest: int = 100) -> LoadGate:
    return LoadGate(largest, 0.0)


def enter(load_gate: LoadGate, kind: Priority, tenant_id: TenantId = A) -> bool:
    admitted = load_gate.admits(kind, tenant_id)
    if admitted:
        load_gate.begin(kind, tenant_id)
    return admitted


def fill(load_gate: LoadGate, kind: Priority, tenant_id: TenantId = A, limit: int = 10_000) -> int:
    """Enter until one is refused; how many were taken in."""
    return next((number for number in range(limit) if not enter(load_gate, kind, tenant_id)), limit)


def test_batches_are_refused_first_then_sends_then_reads_and_callbacks_last() -> None:
    load_gate = gate()
    assert fill(load_gate, BATCH) == 70
    assert fill(load_gate, SEND) == 20
    assert not enter(load_gate, BATCH)
    assert fill(load_gate, READ) == 10
    assert not enter(load_gate, SEND)
    assert load_gate.in_flight == load_gate.limit == 100
    assert fill(load_gate, CALLBACK) == CALLBACK_ROOM * 100
    load_gate.suspend(CALLBACK, A)
    assert enter(load_gate, CALLBACK)
    load_gate.suspend(READ, A)
    assert not enter(load_gate, SEND)
    assert enter(load_gate, READ)


def test_a_tenant_that_fills_all_leaves_the_others_their_share() -> None:
    load_gate = gate()
    assert fill(load_gate, SEND, A) == 90
    assert fill(load_gate, SEND, B) == 45
    assert not enter(load_gate, SEND)
    assert fill(load_gate, SEND, C) == 30
    for _ in range(90):
        load_gate.suspend(SEND, A)
    assert load_gate.in_flight == 75
    assert fill(load_gate, SEND, B) == 15


def test_what_waits_does_not_count_and_comes_back_whatever_the_limit_is() -> None:
    load_gate = gate()
    fill(load_gate, SEND)
    load_gate.suspend(SEND, A)
    assert enter(load_gate, SEND)
    load_gate.begin(SEND, A)
    assert load_gate.in_flight == 91


def test_the_gate_learns_once_in_a_window() -> None:
    load_gate = gate(200)
    for number in range(1, 200):
        fill(load_gate, SEND)
        load_gate.took(CALLBACK, 9_000, number * 10.0)
        load_gate.took(SEND, 400, number * 10.0)
    assert load_gate.limit < 200
    shrunk = load_gate.limit
    for _ in range(load_gate.in_flight):
        load_gate.suspend(SEND, A)
    for number in range(200, 600):
        enter(load_gate, SEND)
        load_gate.took(SEND, 2, number * 10.0)
        load_gate.suspend(SEND, A)
    assert load_gate.limit == 200 > shrunk


def test_callbacks_teach_the_gate_nothing() -> None:
    load_gate = gate(200)
    for number in range(1, 20):
        fill(load_gate, SEND)
        load_gate.took(CALLBACK, 9_000, number * WINDOW_MS)
        load_gate.took(SEND, 1, number * WINDOW_MS)
    assert load_gate.limit == 200


def test_what_was_refused_makes_the_gate_shrink_at_once() -> None:
    refusing, full = gate(1_000), gate(1_000)
    for load_gate in (refusing, full):
        fill(load_gate, SEND, limit=900)
    assert not enter(refusing, SEND)
    for load_gate in (refusing, full):
        load_gate.took(SEND, 400, WINDOW_MS)
    assert (refusing.limit, full.limit) == (720, 1_000)


def test_a_tenant_that_left_has_no_share() -> None:
    load_gate = gate()
    assert enter(load_gate, SEND, A)
    load_gate.suspend(SEND, A)
    assert fill(load_gate, SEND, B) == 90
    assert fill(load_gate, SEND, C) == 45


def test_a_fair_share_is_one_at_least() -> None:
    assert [fair_share(100, tenants) for tenants in (0, 1, 3, 500)] == [100, 100, 33, 1]


def test_a_largest_limit_below_the_least_one_is_kept() -> None:
    small = gate(40)
    assert small.limit == 40
    assert fill(small, READ) == 40
    assert after(AdaptiveLimit(40.0, 40), 50, 4_000).limit == 40


def test_a_few_refusals_are_answered_at_once_and_many_at_a_pace_in_lots_and_none_late() -> None:
    pace = RefusalPace()
    now = 10_000.0
    assert {pace.wait_ms(now) for _ in range(PACE.burst)} == {0.0}
    waits = [pace.wait_ms(now) for _ in range(1_000)]
    assert waits == sorted(waits)
    assert all((now + wait_ms) % TOGETHER_MS == 0 for wait_ms in waits)
    assert waits[int(PACE.per_s / 2) - 1] == pytest.approx(500, abs=TOGETHER_MS)
    assert max(waits) <= MAX_WAIT_MS + TOGETHER_MS
    assert pace.wait_ms(now + 10_000) == 0


@given(st.lists(st.tuples(st.floats(0, 2_000), st.integers(0, 200)), max_size=20))
def test_over_any_span_no_more_refusals_are_answered_early_than_the_pace_has(steps: list[tuple[float, int]]) -> None:
    pace, now, at_once = RefusalPace(), 0.0, 0
    for passed_ms, count in steps:
        now += passed_ms
        at_once += sum(pace.wait_ms(now) == 0 for _ in range(count))
    assert at_once <= PACE.burst + now * PACE.per_s / 1_000 + 1
