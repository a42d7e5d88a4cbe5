"""What a key costs: CPU per accepted message of a service with `security.mode: keys`, beside one with `open`.

Real services, each with all that a user has, take the same count of requests at the same time and on the same core: whatever else the machine does concerns all
alike, and only their CPU is compared. A third one refuses nothing for load, which is what the limit in flight costs. Messages are scheduled: accepted durably,
and not sent.
"""

import concurrent.futures
import contextlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bench import processes, rounds
from bench.cores import services_on_a_core
from bench.processes import Service
from bench.rounds import Samples
from bench.tenants import KNOWN_S, command

STATES: Final = {
    "open": {}, "keys": {"SECURITY_MODE": "keys"}, "open without shedding": {"SECURITY_LIMITS_SHEDDING": "false"},
}  # fmt: skip
ANCHOR: Final = "open"
JUDGED: Final = "keys"
REQUESTS: Final = 6_000
"""Of one run. Fewer show the service's timers more than its requests."""
RUNS: Final = 4
"""Of each state, in one round."""
GOAL_US: Final = 8.0


def run(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Medians by state, and the medians of the differences of runs at one time, in us of CPU per accepted message."""
    samples: Samples = {state: [] for state in STATES}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        services = stack.enter_context(services_on_a_core(folder, STATES))
        key = command(services[JUDGED], "keys", "create", "--tenant", "default", "--name", "bench", "--all-scopes")
        time.sleep(KNOWN_S)
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(len(STATES)))
        for turn in range(-1, turns * RUNS):  # the first warms up
            runs = {
                state: pool.submit(_accepting, running, key if state == JUDGED else None)
                for state, running in services.items()
            }
            for state, taken in runs.items():
                sample = taken.result()
                if turn >= 0:
                    samples[state].append(sample)
                    say(f"  run {turn + 1}, {state}: {json.dumps(sample)}")
    more = {state: rounds.difference(samples, "cpu_us", state, ANCHOR) for state in STATES if state != ANCHOR}
    return {
        "states": rounds.medians_of(samples),
        "more_us": more,
        "judged": JUDGED,
        "goal_us": GOAL_US,
        "ok": more[JUDGED] <= GOAL_US,
    }


def _accepting(running: Service, key: str | None) -> dict[str, float]:
    before = running.cpu_s()
    result = processes.load(running.send_url, "scheduled", count=REQUESTS, key=key)
    cpu_us = (running.cpu_s() - before) / result["answers"] * 1e6
    return {"cpu_us": round(cpu_us, 1), "per_second": round(result["per_second"])}
