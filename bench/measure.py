"""Measurements of the service: accepting, sending end to end, and memory over many messages."""

import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bench import processes
from bench.processes import Service, Watched

WARM_S: Final = 1.5
ACCEPT_S: Final = 2.5
ACCEPT_GOAL: Final = 0.5
MEMORY_GOAL: Final = 0.02
CHUNK: Final = 10_000
"""Messages between two readings of the memory; each chunk is delivered before the next one begins."""

Sample = dict[str, float]


def accept(rounds: int) -> dict[str, Any]:
    """Accepting with a durable insert against the bare handler, alternating."""
    samples: dict[str, list[Sample]] = {"ours": [], "bare": []}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        anchor = stack.enter_context(processes.bare())
        ours = stack.enter_context(processes.service(folder / "accept", stack.enter_context(processes.stub())))
        targets: list[tuple[str, Watched, str]] = [("bare", anchor, anchor.url), ("ours", ours, ours.send_url)]
        for _, _, url in targets:
            processes.load(url, "scheduled", seconds=WARM_S)
        for turn in range(rounds):
            for name, watched, url in targets if turn % 2 == 0 else reversed(targets):
                samples[name].append(_accepting(watched, url))
    ratios = [own["per_second"] / other["per_second"] for own, other in _pairs(samples)]
    return {
        **{name: _medians(of_target) for name, of_target in samples.items()},
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "cpu_ratio": statistics.median(own["cpu_us"] / other["cpu_us"] for own, other in _pairs(samples)),
        "goal": ACCEPT_GOAL,
        "ok": statistics.median(ratios) >= ACCEPT_GOAL,
    }


def _accepting(watched: Watched, url: str) -> Sample:
    before = watched.cpu_s()
    result = processes.load(url, "scheduled", seconds=ACCEPT_S)
    result["cpu_us"] = (watched.cpu_s() - before) / result["answers"] * 1e6
    return {name: result[name] for name in ("per_second", "cpu_us", "p50_ms", "p99_ms")}


def _pairs(samples: dict[str, list[Sample]]) -> Iterator[tuple[Sample, Sample]]:
    return zip(samples["ours"], samples["bare"], strict=True)


def end_to_end(rounds: int, messages: int) -> dict[str, Any]:
    """From the first request to the last recorded answer (`stub`), or to the last DELIVERED (`simulator`), alternating."""
    samples: dict[str, list[Sample]] = {"stub": [], "simulator": []}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        quiet = stack.enter_context(processes.service(folder / "stub", stack.enter_context(processes.stub())))
        port = processes.free_port()
        url = stack.enter_context(processes.simulator(f"http://127.0.0.1:{port}/message/api/callbacks/webhook"))
        echoed = stack.enter_context(processes.service(folder / "simulator", url, port=port))
        targets = [("stub", quiet), ("simulator", echoed)]
        for name, running in targets:
            _sending(running, messages // 5, echoed=name == "simulator")
        for turn in range(rounds):
            for name, running in targets if turn % 2 == 0 else reversed(targets):
                samples[name].append(_sending(running, messages, echoed=name == "simulator"))
        for name, running in targets:
            _check(running, (rounds * messages) + messages // 5, "DELIVERED" if name == "simulator" else "SENT")
    return {name: _medians(of_target) for name, of_target in samples.items()}


def _sending(running: Service, messages: int, *, echoed: bool) -> Sample:
    before, began = running.cpu_s(), time.perf_counter()
    accepting = processes.load(running.send_url, "send", count=messages)
    running.settle(echoed=echoed)
    took = time.perf_counter() - began
    return {
        "per_second": messages / took,
        "cpu_us": (running.cpu_s() - before) / messages * 1e6,
        "accept_per_second": accepting["per_second"],
        "accept_p50_ms": accepting["p50_ms"],
        "accept_p99_ms": accepting["p99_ms"],
    }


def memory(first: int, last: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Resident memory of the service after `first` and after `last` messages, each accepted, sent, echoed and DELIVERED."""
    rss: dict[int, int] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        port = processes.free_port()
        url = stack.enter_context(processes.stub(f"http://127.0.0.1:{port}/message/api/callbacks/webhook"))
        running = stack.enter_context(processes.service(folder / "memory", url, port=port))
        began = time.perf_counter()
        for done in range(CHUNK, last + 1, CHUNK):
            processes.load(running.send_url, "send", count=CHUNK)
            running.settle(echoed=True)
            rss[done] = running.rss_kb()
            progress(f"{done} of {last} messages, {done / (time.perf_counter() - began):.0f}/s, {rss[done]} kB")
        _check(running, last, "DELIVERED")
    growth = rss[last] / rss[first] - 1
    return {
        "first": first,
        "last": last,
        "rss_kb": {str(done): kb for done, kb in rss.items()},
        "growth": growth,
        "goal": MEMORY_GOAL,
        "ok": growth <= MEMORY_GOAL,
    }


def _check(running: Service, messages: int, status: str) -> None:
    statuses = running.statuses()
    if statuses != {status: messages}:
        raise RuntimeError(f"{messages} messages should be {status}, but there are {statuses}")


def _medians(samples: list[Sample]) -> Sample:
    return {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}
