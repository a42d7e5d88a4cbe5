"""Contestants of benches take turns."""

from bench.rounds import Sample, in_turns, medians_of


def test_rounds_alternate_after_one_that_warms_up_and_counts_for_nothing() -> None:
    order: list[str] = []
    told: list[str] = []

    def measure(name: str) -> Sample:
        order.append(name)
        return {"number": float(len(order))}

    samples = in_turns(("a", "b"), 2, measure, told.append, lambda sample: f"{sample['number']:.0f}")
    assert order == ["b", "a", "a", "b", "b", "a"]
    assert samples == {"a": [{"number": 3.0}, {"number": 6.0}], "b": [{"number": 4.0}, {"number": 5.0}]}
    assert told == ["  round 1, a: 3", "  round 1, b: 4", "  round 2, b: 5", "  round 2, a: 6"]
    assert medians_of(samples) == {"a": {"number": 4.5}, "b": {"number": 4.5}}
