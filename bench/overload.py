"""What a process still accepts at three times the load of its peak, and how long that takes.

Closed loops in turns: the peak of a service that refuses nothing, and three times as many connections at one with settings as they come. Each of
these repeats at once what was refused: nobody heeds `Retry-After`. The first two seconds count for nothing, as a burst is no overload.

The service has a core of its own where there are two. Where other programs use it too, `per_cpu_s`, what is accepted per second of the service's own CPU
time, still says what refusing costs, but not whether too much was refused.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench import processes, rounds
from bench.cores import services_on_a_core
from bench.processes import Service
from bench.rounds import Sample

CONNECTIONS: Final = 128
"""As many as the peak needs: with twice as many the service accepts hardly more."""
TIMES: Final = 3
SECONDS: Final = 4
SKIP_S: Final = 2
SETTINGS: Final = {"peak": {"SECURITY_LIMITS_SHEDDING": "false"}, "overload": {}}
GOODPUT_GOAL: Final = 0.9
P99_GOAL: Final = 2.0


def run(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Medians of both states, and the medians of the rounds' ratios."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, services_on_a_core(Path(folder), SETTINGS) as services:

        def accepting(state: str) -> Sample:
            return _accepting(services[state], CONNECTIONS * (TIMES if state == "overload" else 1))

        samples = rounds.in_turns(SETTINGS, turns, accepting, say, str)
    goodput, per_cpu, p99 = (
        rounds.ratio(samples, key, "overload", "peak") for key in ("per_second", "per_cpu_s", "p99_ms")
    )
    return {
        **rounds.medians_of(samples),
        "goodput": goodput,
        "goodput_goal": GOODPUT_GOAL,
        "goodput_per_cpu": per_cpu,
        "p99": p99,
        "p99_goal": P99_GOAL,
        "ok": goodput >= GOODPUT_GOAL and p99 <= P99_GOAL,
    }


def _accepting(running: Service, connections: int) -> Sample:
    before = running.cpu_s()
    result = processes.load(
        running.send_url, "scheduled", seconds=SKIP_S + SECONDS, skip=SKIP_S, connections=connections, refusals=True
    )
    cpu_s = running.cpu_s() - before
    return {
        "per_second": round(result["taken_per_second"]),
        "p99_ms": round(result["taken_p99_ms"], 1),
        "refused_per_second": round(result["bad"] / result["seconds"]),
        "cpu": round(cpu_s / (SKIP_S + result["seconds"]), 2),
        "per_cpu_s": round(result["taken_in_all"] / cpu_s),
    }
