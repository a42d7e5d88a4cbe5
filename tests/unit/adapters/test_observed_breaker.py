"""A breaker that counts successes together decides as one that counts each at once."""

from hypothesis import given
from hypothesis import strategies as st

from wework_message.adapters.local.observed import ObservedBreaker
from wework_message.adapters.memory.system import FixedRandom
from wework_message.domain.routing.breaker import Breaker

CALLS = st.lists(
    st.tuples(st.integers(0, 9_000), st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0, None]), st.booleans()), max_size=80
)


@given(CALLS)
def test_it_opens_and_closes_when_the_other_does(calls: list[tuple[int, float | None, bool]]) -> None:
    observed, plain, now = ObservedBreaker(), Breaker(), 0
    for gap_ms, weight, is_probed in calls:
        now += gap_ms
        if is_probed:
            observed.probe(answered=True, boot_ms=now, random_source=FixedRandom(0.5))
            observed.admit(now)
            plain = plain.probe(answered=True, now=now, jitter=0.5).admit(now)
        observed.record(weight, now, FixedRandom(0.5))
        plain = plain.record(weight, now, 0.5)
        counted = observed.counted
        assert (counted.passage(now), counted.share(now), counted.wants_probe(now), counted.state(now)) == (
            plain.passage(now), plain.share(now), plain.wants_probe(now), plain.state(now),
        )  # fmt: skip
        assert counted.is_calm(now) == (plain.open_until is None and plain.share(now) == 1.0)
