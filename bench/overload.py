"""What a process still accepts at three times the load of its peak, and how long that takes.

Closed loops in turns: the peak of a service that refuses nothing, and three times as many connections at one with settings as they come. Each of
these repeats at once what was refused: nobody heeds `Retry-After`. The first two seconds count for nothing, as a burst is no overload.

The service has a core of its own where there are two. Where other programs use it too, `per_cpu_s`, what is accepted per second of the service's own CPU
time, still says what refusing costs, but not whether too much was refused.
"""

import contextlib
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench import processes
from bench.processes import Service

CONNECTIONS: Final = 128
"""As many as the peak needs: with twice as many the service accepts hardly more."""
TIMES: Final = 3
SECONDS: Final = 4
SKIP_S: Final = 2
SETTINGS: Final = {"peak": {"SECURITY_LIMITS_SHEDDING": "false"}, "overload": {}}
GOODPUT_GOAL: Final = 0.9
P99_GOAL: Final = 2.0


def run(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Medians of both states, and the medians of the rounds' ratios."""
    samples: dict[str, list[dict[str, float]]] = {"peak": [], "overload": []}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        with processes.on_core(1):
            provider = stack.enter_context(processes.stub())
        with processes.on_core(0):
            services = {
                state: stack.enter_context(processes.service(folder / state, provider, settings=settings))
                for state, settings in SETTINGS.items()
            }
        stack.enter_context(processes.on_core(1))
        for turn in range(-1, rounds):  # the first warms up
            for state in samples if turn % 2 == 0 else reversed(samples):
                sample = _accepting(services[state], CONNECTIONS * (TIMES if state == "overload" else 1))
                if turn >= 0:
                    samples[state].append(sample)
                    say(f"  round {turn + 1}, {state}: {sample}")
    pairs = list(zip(samples["peak"], samples["overload"], strict=True))
    goodput = statistics.median(overload["per_second"] / peak["per_second"] for peak, overload in pairs)
    per_cpu = statistics.median(overload["per_cpu_s"] / peak["per_cpu_s"] for peak, overload in pairs)
    p99 = statistics.median(overload["p99_ms"] / peak["p99_ms"] for peak, overload in pairs)
    return {
        **{state: {key: statistics.median(sample[key] for sample in taken) for key in taken[0]} for state, taken in samples.items()},
        "goodput": goodput,
        "goodput_goal": GOODPUT_GOAL,
        "goodput_per_cpu": per_cpu,
        "p99": p99,
        "p99_goal": P99_GOAL,
        "ok": goodput >= GOODPUT_GOAL and p99 <= P99_GOAL,
    }  # fmt: skip


def _accepting(running: Service, connections: int) -> dict[str, float]:
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
