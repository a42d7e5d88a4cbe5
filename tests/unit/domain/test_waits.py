from hypothesis import given
from hypothesis import strategies as st

from wework_message.domain.waits import bounded, is_running

INSTANTS = st.integers(-(10**13), 10**13)
LENGTHS = st.integers(0, 10**9)


@given(until=INSTANTS, length_ms=LENGTHS, now=INSTANTS)
def test_a_wait_ends_when_it_should_and_never_later_than_it_is_long(until: int, length_ms: int, now: int) -> None:
    end = bounded(until, length_ms=length_ms, now=now)
    assert end <= until
    assert end <= now + length_ms
    assert end in (until, now + length_ms)


@given(began=INSTANTS, length_ms=LENGTHS, passed_ms=LENGTHS)
def test_a_wait_runs_from_its_beginning_to_its_end(began: int, length_ms: int, passed_ms: int) -> None:
    assert is_running(began + length_ms, length_ms=length_ms, now=began + passed_ms) == (passed_ms < length_ms)


@given(began=INSTANTS, length_ms=LENGTHS, set_back_ms=st.integers(1, 10**10))
def test_a_wait_that_began_in_the_future_is_over(began: int, length_ms: int, set_back_ms: int) -> None:
    assert not is_running(began + length_ms, length_ms=length_ms, now=began - set_back_ms)
