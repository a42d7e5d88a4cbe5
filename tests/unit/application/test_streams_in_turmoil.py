"""No send that was executed is proven absent, whatever the stream, the process and people do meanwhile (ADR 58)."""

import asyncio
from typing import Any, Final

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.apps.stream_app import CLOCKS_MS, INTERVAL_MS, OVER_MS
from tests.support.apps.turmoil import CONVERSATIONS, OTHERS, SHAPES, Fate, Turmoil
from tests.support.builders.messages import HORIZON_MS

WHERE = st.integers(0, len(CONVERSATIONS) - 1)
LOST = st.builds(Fate, st.just(False), st.booleans(), st.integers(0, HORIZON_MS), st.sampled_from(sorted(SHAPES)))
"""No answer; executed until H after the end of the call, or never."""
PAGES = st.tuples(st.sampled_from(["good"] * 5 + ["torn", "lost"]), st.sampled_from([1, 2, 5, 100]))
STEPS: Final = st.one_of(
    st.tuples(st.just("tick"), st.integers(1, OVER_MS)),
    st.tuples(st.just("look"), PAGES),
    st.tuples(st.just("look"), PAGES),
    st.tuples(st.just("submit"), WHERE, LOST),
    st.tuples(st.just("submit"), WHERE, st.just(Fate())),
    st.tuples(st.just("by_hand"), WHERE, st.booleans()),
    st.tuples(st.just("callback"), st.integers(0, 50), st.booleans()),
    st.tuples(st.just("restart")),
    st.tuples(st.just("jump"), st.integers(-10_000, 10_000)),
    st.tuples(st.just("erase"), WHERE),
)


async def do(app: Turmoil, step: tuple[Any, ...]) -> None:
    match step:
        case ("tick", ms):
            await app.tick(ms)
        case ("look", (how, size)):
            await app.look(how, size)
        case ("submit", where, fate):
            await app.submit(where, fate)
        case ("by_hand", where, own):
            await (app.by_hand(where) if own else app.by_hand(where, OTHERS))
        case ("callback", place, projected):
            await app.callback(place, projected=projected)
        case ("restart",):
            await app.begin_anew()
        case ("jump", ms):
            app.clock.jump(ms)
        case ("erase", where):
            await app.erase(where)


async def follow(app: Turmoil, rounds: int) -> None:
    """Nothing else happens: the stream is pulled, and other messages are sent."""
    for number in range(rounds):
        await app.submit(number % len(CONVERSATIONS), Fate())
        for _ in range(3):
            await app.tick(INTERVAL_MS // 2)
            await app.look("good", 100)
            await app.projector.project_pending()


async def lived_through(steps: list[tuple[Any, ...]], late_ms: int, provider_ms: int) -> int:
    async with Turmoil(late_ms, provider_ms) as app:
        await app.submit(0, Fate())
        await follow(app, 1)
        for step in steps:
            await do(app, step)
            assert max(app.executions.values()) == 1
        await follow(app, 6)
        assert max(app.executions.values()) == 1
        return app.absent


def executed_as(shape: str, *then: tuple[Any, ...], after_ms: int = 0) -> list[tuple[Any, ...]]:
    """A send whose answer is lost, which the process knows of before that happens."""
    known = [("tick", 1_000), ("look", ("good", 100))]
    return [("submit", 0, Fate(False, True, after_ms, shape)), *known, ("tick", 4_000), *then]


@settings(deadline=None)
@example(steps=executed_as("text", ("look", ("torn", 100))), late_ms=2_000, provider_ms=0)
@example(
    steps=executed_as("picture", ("look", ("good", 100)), ("callback", 0, True), ("erase", 0)), late_ms=0, provider_ms=0
)
@example(steps=executed_as("recalled later", ("look", ("good", 100))), late_ms=0, provider_ms=0)
@example(steps=executed_as("changed", after_ms=HORIZON_MS), late_ms=2 * HORIZON_MS, provider_ms=0)
@given(
    steps=st.lists(STEPS, max_size=25),
    late_ms=st.integers(0, 2 * HORIZON_MS),
    provider_ms=st.integers(-CLOCKS_MS // 2 + 10_000, CLOCKS_MS // 2 - 10_000),
)
def test_no_message_is_executed_twice(steps: list[tuple[Any, ...]], late_ms: int, provider_ms: int) -> None:
    asyncio.run(lived_through(steps, late_ms, provider_ms))


def test_it_is_not_so_because_nothing_is_ever_sent_again() -> None:
    lost = [("submit", where, Fate(answered=False, executed=False)) for where in range(len(CONVERSATIONS))]
    assert asyncio.run(lived_through([*lost, ("restart",), ("look", ("lost", 1))], 10_000, 0)) == len(lost)
