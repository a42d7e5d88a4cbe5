"""What a tenant that makes ten times as many requests as it may costs another one: the p99 of accepting at a steady rate.

The flood also takes cores for whoever makes it, so a third state makes the same flood at a bare handler, on the service's core. A machine that stands still for
more than a second lets the quiet tenant catch up beyond its own limit: then `quiet_refused` is above 0, and the run says nothing. One service with `security.mode: keys`,
all states in turn. Messages are scheduled: they are accepted durably, and not sent.
"""

import concurrent.futures
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import processes, rounds
from bench.cores import on_core
from bench.load import GUIDS
from bench.processes import Service
from bench.rounds import Sample

STATES: Final = ("alone", "load", "flood")
COMPARED: Final = (("flood", "alone"), ("load", "alone"), ("flood", "load"))
JUDGED: Final = "flood / load"
LIMIT: Final = 100
"""Requests per second that a tenant may make."""
TIMES: Final = 10
QUIET_PER_SECOND: Final = 60
SECONDS: Final = 10
EARLIER_S: Final = 1
LATER_S: Final = 2
GOAL: Final = 1.2
PROVIDER: Final = "GUANGZHOU_GUXING"
KNOWN_S: Final = 6
"""A new key is known everywhere within five seconds."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs through all rounds."""

    running: Service
    bare_url: str
    quiet_key: str
    noisy_key: str


def run(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    """By state the medians in ms, and the medians of the rounds' ratios of p99 by pair of states."""
    with _stage() as stage:
        samples = rounds.in_turns(STATES, turns, lambda state: _round(stage, state), say)
    ratios = {f"{state} / {other}": rounds.ratio(samples, "p99_ms", state, other) for state, other in COMPARED}
    return {
        "states": rounds.medians_of(samples),
        "ratios": ratios,
        "judged": JUDGED,
        "goal": GOAL,
        "ok": ratios[JUDGED] <= GOAL,
    }


def _round(stage: Stage, state: str) -> Sample:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        flood = None if state == "alone" else pool.submit(_flood, stage, state)
        time.sleep(EARLIER_S)
        quiet = processes.load(
            stage.running.send_url, "scheduled", count=QUIET_PER_SECOND * SECONDS, per_second=QUIET_PER_SECOND,
            key=stage.quiet_key, refusals=True,
        )  # fmt: skip
        noisy = {"taken": 0, "bad": 0} if flood is None else flood.result()
    return {
        "p50_ms": round(quiet["p50_ms"], 2), "p99_ms": round(quiet["taken_p99_ms"], 2), "noisy_taken": noisy["taken"],
        "noisy_refused": noisy["bad"], "quiet_refused": quiet["bad"],
    }  # fmt: skip


def _flood(stage: Stage, state: str) -> dict[str, Any]:
    per_second = LIMIT * TIMES
    return processes.load(
        stage.running.send_url if state == "flood" else stage.bare_url, "others", refusals=True, key=stage.noisy_key,
        count=per_second * (EARLIER_S + SECONDS + LATER_S), per_second=per_second,
    )  # fmt: skip


@contextlib.contextmanager
def _stage() -> Iterator[Stage]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        with on_core(1):
            provider = stack.enter_context(processes.stub())
        stack.enter_context(on_core(0))
        bare = stack.enter_context(processes.bare())
        settings = {
            "SECURITY_MODE": "keys",
            "SECURITY_LIMITS_TENANT_REQUESTS_PER_SECOND": str(LIMIT),
            "SECURITY_LIMITS_TENANT_BURST": str(LIMIT),
        }
        running = stack.enter_context(processes.service(folder / "tenants", provider, settings=settings))
        command(running, "tenants", "create", "noisy", "--name", "noisy")
        noisy, quiet = (
            command(running, "keys", "create", "--tenant", tenant, "--name", tenant, "--all-scopes")
            for tenant in ("noisy", "default")
        )
        time.sleep(KNOWN_S)
        for number in range(GUIDS):
            body = {"accountId": f"noisy-{number}", "bindings": [{"providerCode": PROVIDER, "guid": f"other-{number}"}]}
            processes.post(f"{running.url}/api/accounts", body, key=noisy)
        with on_core(1):
            yield Stage(running, bare.url, quiet, noisy)


def command(running: Service, *arguments: str) -> str:
    """What a command on the database of the service prints."""
    environment = os.environ | {"DATASOURCE_URL": running.queries.url, "SECURITY_MODE": "keys"}
    command = [sys.executable, "-m", "wework_message", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True).stdout.strip()
