from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.window import SlidingCounts

EVENTS = st.lists(st.tuples(st.integers(0, 40_000), st.integers(1, 3)), max_size=60)


def counted(events: Sequence[tuple[int, int]], *, slots: int = 4, slot_ms: int = 5_000) -> SlidingCounts:
    counts = SlidingCounts(slot_ms, slots)
    for at, amount in events:
        counts = counts.add(amount, 1, at)
    return counts


@given(EVENTS, st.integers(0, 60_000))
def test_counts_exactly_what_a_list_of_events_would_count(events: list[tuple[int, int]], later: int) -> None:
    events.sort()
    now = max([later, *(at for at, _ in events)])
    recent = [amount for at, amount in events if now // 5_000 - at // 5_000 < 4]
    assert counted(events).at(now).totals == (sum(recent), len(recent))


@given(EVENTS)
def test_memory_does_not_grow_with_events(events: list[tuple[int, int]]) -> None:
    assert len(counted(events).sums) <= 4


def test_a_clock_that_went_backwards_forgets_and_invents_nothing() -> None:
    counts = counted([(20_000, 1), (3_000, 1)])
    totals = [counts.at(now).totals for now in (20_000, 0, 39_999, 40_000)]
    assert totals == [(2, 2), (2, 2), (2, 2), (0, 0)]


def test_reading_does_not_change_what_is_counted() -> None:
    counts = counted([(0, 1)])
    totals = [counts.at(now).totals for now in (19_999, 20_000, 0)]
    assert totals == [(1, 1), (0, 0), (1, 1)]
