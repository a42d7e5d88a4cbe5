"""The collector's runs are counted by generation and length, without a lock."""

import gc

import pytest
from prometheus_client import CollectorRegistry

from wework_message.adapters.observability.gc_pauses import GcPauses

NAME = "wm_gc_pause_seconds"


def shown(pauses: GcPauses) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(pauses)
    return registry


def runs(registry: CollectorRegistry, generation: int, **bucket: str) -> float:
    sample = f"{NAME}_bucket" if bucket else f"{NAME}_count"
    return registry.get_sample_value(sample, {"generation": str(generation), **bucket}) or 0.0


def test_a_run_is_counted_by_its_generation_and_length() -> None:
    instants = iter([0.0, 0.002, 10.0, 13.0, 20.0, 20.001])
    pauses = GcPauses(NAME, "text", lambda: next(instants))
    registry = shown(pauses)
    for generation in (0, 2, 0):
        pauses.on_run("start", {"generation": generation})
        pauses.on_run("stop", {"generation": generation})
    assert [runs(registry, generation) for generation in range(3)] == [2.0, 0.0, 1.0]
    assert [runs(registry, 0, le=end) for end in ("0.0005", "0.001", "0.0025", "+Inf")] == [0.0, 0.0, 2.0, 2.0]
    assert [runs(registry, 2, le=end) for end in ("1.0", "+Inf")] == [0.0, 1.0]
    assert registry.get_sample_value(f"{NAME}_sum", {"generation": "2"}) == pytest.approx(3.0)


def test_a_run_that_began_before_anybody_watched_has_no_length() -> None:
    pauses = GcPauses(NAME, "text")
    pauses.on_run("stop", {"generation": 1})
    assert runs(shown(pauses), 1) == 0.0


def test_runs_are_watched_for_a_time_only() -> None:
    pauses = GcPauses(NAME, "text")
    registry, before = shown(pauses), gc.callbacks[:]
    with pauses.watching():
        gc.collect(1)
    gc.collect(1)
    assert runs(registry, 1) == 1.0
    assert gc.callbacks == before
