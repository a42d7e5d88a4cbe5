"""Contestants that send the same messages in turns: what they took, and their ratios round by round."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bench import processes
from bench.processes import Service, Watched

Sample: TypeAlias = dict[str, float]
Samples: TypeAlias = dict[str, list[Sample]]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A service under load."""

    url: str
    processes: Watched
    messages: int
    """Of one round."""
    settle: Callable[[], None]
    """Returns once all that was accepted is recorded."""
    statuses: Callable[[], dict[str, int]]
    """Messages by status, at the end: all SENT."""


def contestant(service: Service, messages: int) -> Contestant:
    """Ours."""
    return Contestant(service.send_url, service, messages, service.settle, service.statuses)


def play(
    contestants: Mapping[str, Contestant],
    backends: Mapping[str, Watched],
    rounds: int,
    say: Callable[[str], None],
) -> Samples:
    """Alternating rounds after a warm-up; at the end no message may be lost or left."""
    samples: Samples = {name: [] for name in contestants}
    sent = {name: one.messages // 4 for name, one in contestants.items()}
    for name, one in contestants.items():
        _round(one, sent[name], backends)
    for turn in range(rounds):
        names = list(contestants)
        for name in names if turn % 2 == 0 else reversed(names):
            sample = _round(contestants[name], contestants[name].messages, backends)
            samples[name].append(sample)
            sent[name] += contestants[name].messages
            say(f"  round {turn + 1}, {name}: {sample['per_second']:.0f}/s, {sample['cpu_us']:.0f} us each")
    for name, one in contestants.items():
        if (found := one.statuses()) != {"SENT": sent[name]}:
            raise RuntimeError(f"{name}: {sent[name]} messages should be SENT, but there are {found}")
    return samples


def _round(one: Contestant, messages: int, backends: Mapping[str, Watched]) -> Sample:
    watched = {"cpu_us": one.processes} | {f"{name}_us": each for name, each in backends.items()}
    before, began = {name: each.cpu_s() for name, each in watched.items()}, time.perf_counter()
    told = processes.load(one.url, "send", count=messages)
    one.settle()
    took = time.perf_counter() - began
    cpu = {name: (each.cpu_s() - before[name]) / messages * 1e6 for name, each in watched.items()}
    return {
        "per_second": messages / took,
        **cpu,
        "generator_us": told["own_cpu_us"],
        "accept_per_second": told["per_second"],
        "accept_p99_ms": told["p99_ms"],
        "rss_mb": one.processes.rss_kb() / 1024,
    }


def medians(its: Sequence[Sample]) -> Sample:
    """Of each number."""
    return {key: statistics.median(one[key] for one in its) for key in its[0]}


def ratio(samples: Samples, key: str, this: str, that: str) -> float:
    """Median of the rounds' `this` by `that`."""
    return statistics.median(one[key] / other[key] for one, other in zip(samples[this], samples[that], strict=True))


def difference(samples: Samples, key: str, this: str, that: str) -> float:
    """Median of the rounds' `this` less `that`."""
    return statistics.median(one[key] - other[key] for one, other in zip(samples[this], samples[that], strict=True))
