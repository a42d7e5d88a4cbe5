"""Waits of the health board go by the boot clock, whatever happens to the wall clock (ADR 27)."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from tests.contracts.health_board_contract import HOURS_MS, a_report, route
from tests.support.builders.messages import PROVIDER

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.domain.outcomes import OutcomeClass, Reason
from wework_message.domain.routing.breaker import DEFAULT_BREAKER, Passage

FAILS: Final = "fails"
PASSES: Final = "passes"
JUMPS: Final = "jumps"


@given(
    script=st.lists(
        st.one_of(
            st.just((FAILS, 0)),
            st.tuples(st.just(PASSES), st.integers(0, 120_000)),
            st.tuples(st.just(JUMPS), st.integers(-HOURS_MS, HOURS_MS)),
        ),
        max_size=12,
    )
)
def test_whatever_the_clock_does_no_breaker_stays_open_for_longer_than_its_longest_opening(
    script: list[tuple[str, int]],
) -> None:
    clock = SettableClock()
    board = MemoryHealthBoard(clock, FixedRandom())
    for kind, ms in script:
        if kind == FAILS:
            for _ in range(5):
                board.report(a_report(OutcomeClass.NOT_SENT, reason=Reason.CONNECT, at=clock.now()))
        elif kind == PASSES:
            clock.advance(ms)
        else:
            clock.jump(ms)
    clock.advance(DEFAULT_BREAKER.max_open_ms)
    assert board.provider(PROVIDER).breaker != "OPEN"
    board.probed(PROVIDER, True, clock.now())
    assert route(board, clock).provider is not Passage.SHUT
