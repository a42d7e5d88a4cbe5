"""Accepting batches of 100 messages against accepting one message per request: CPU per message, alternating.

Requests of one message come over 64 connections, where up to 64 of them share a transaction, and over one connection, where each has its own.
"""

import contextlib
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bench import processes, rounds
from bench.load import bodies
from bench.processes import Service
from bench.rounds import Sample

ITEMS: Final = 100
"""Messages of one batch."""
BATCHES: Final = 40
SINGLES: Final = ITEMS * BATCHES
ALONE: Final = 1_000
"""Over one connection."""
GOAL: Final = 0.25
"""Of the CPU of a single accept, for each message of a batch."""


def run(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Medians of all ways, and the medians of the rounds' ratios. Messages are scheduled: they are accepted durably, and not sent."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        running = stack.enter_context(processes.service(folder / "batch", stack.enter_context(processes.stub())))
        samples = rounds.in_turns(
            ("single", "alone", "batch"),
            turns,
            lambda way: _accepting(running, way, folder),
            say,
            lambda sample: f"{sample['cpu_us']:.0f} us, {sample['per_second']:.0f} messages/s",
        )
    ratios = {way: rounds.ratio(samples, "cpu_us", "batch", way) for way in ("single", "alone")}
    return {
        **rounds.medians_of(samples),
        "ratios": ratios,
        "goal": GOAL,
        "ok": ratios["single"] <= GOAL,
    }


def _accepting(running: Service, way: str, folder: Path) -> Sample:
    before = running.cpu_s()
    messages = ALONE if way == "alone" else SINGLES
    if way != "batch":
        connections = 1 if way == "alone" else None
        result = processes.load(running.send_url, "scheduled", count=messages, connections=connections)
    else:
        requests = folder / f"batches-{uuid.uuid4().hex}"
        requests.write_bytes(b"\n".join(_batches()))
        result = processes.load(running.batch_url, str(requests), count=BATCHES)
    return {
        "cpu_us": (running.cpu_s() - before) / messages * 1e6,
        "per_second": messages / result["seconds"],
        "p99_ms": result["p99_ms"],
    }


def _batches() -> Iterator[bytes]:
    messages = bodies("scheduled")
    for _ in range(BATCHES):
        yield b'{"messages":[' + b",".join(next(messages) for _ in range(ITEMS)) + b"]}"
