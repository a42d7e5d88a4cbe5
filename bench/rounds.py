"""Contestants that send the same messages in turns: their samples, and their ratios round by round."""

import json
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    """Number of messages of one round."""
    settle: Callable[[], None]
    """Returns once all that was accepted is recorded."""
    statuses: Callable[[], dict[str, int]]
    """Messages by status, at the end: all SENT."""


def contestant(service: Service, messages: int) -> Contestant:
    """Our service as a contestant."""
    return Contestant(service.send_url, service, messages, service.settle, service.statuses)


def alternate(
    contestants: Mapping[str, Contestant],
    backends: Mapping[str, Watched],
    rounds: int,
    say: Callable[[str], None],
) -> Samples:
    """Alternating rounds after a warm-up; at the end no message may be lost or left."""
    samples: Samples = {name: [] for name in contestants}
    sent = {name: entrant.messages // 4 for name, entrant in contestants.items()}
    for name, entrant in contestants.items():
        _round(entrant, sent[name], backends)
    for turn in range(rounds):
        names = list(contestants)
        for name in names if turn % 2 == 0 else reversed(names):
            sample = _round(contestants[name], contestants[name].messages, backends)
            samples[name].append(sample)
            sent[name] += contestants[name].messages
            say(f"  round {turn + 1}, {name}: {sample['per_second']:.0f}/s, {sample['cpu_us']:.0f} us each")
    for name, entrant in contestants.items():
        if (statuses := entrant.statuses()) != {"SENT": sent[name]}:
            raise RuntimeError(f"{name}: {sent[name]} messages should be SENT, but there are {statuses}")
    return samples


def _round(entrant: Contestant, messages: int, backends: Mapping[str, Watched]) -> Sample:
    watched = {"cpu_us": entrant.processes} | {f"{name}_us": backend for name, backend in backends.items()}
    before, began = {name: group.cpu_s() for name, group in watched.items()}, time.perf_counter()
    result = processes.load(entrant.url, "send", count=messages)
    entrant.settle()
    took = time.perf_counter() - began
    cpu = {name: (group.cpu_s() - before[name]) / messages * 1e6 for name, group in watched.items()}
    return {
        "per_second": messages / took,
        **cpu,
        "generator_us": result["own_cpu_us"],
        "accept_per_second": result["per_second"],
        "accept_p99_ms": result["p99_ms"],
        "rss_mb": entrant.processes.rss_kb() / 1024,
    }


def in_turns(
    names: Iterable[str],
    rounds: int,
    measure: Callable[[str], Sample],
    say: Callable[[str], None],
    shown: Callable[[Sample], str] = json.dumps,
) -> Samples:
    """`rounds` samples of each, in turns and every other time backwards, after a round that warms up. Each is told as `shown`."""
    samples: Samples = {name: [] for name in names}
    for turn in range(-1, rounds):  # the first warms up
        for name in samples if turn % 2 == 0 else reversed(samples):
            sample = measure(name)
            if turn >= 0:
                samples[name].append(sample)
                say(f"  round {turn + 1}, {name}: {shown(sample)}")
    return samples


def medians(samples: Sequence[Sample]) -> Sample:
    """The median of each number."""
    return {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}


def medians_of(samples: Samples) -> dict[str, Sample]:
    """The same of each contestant."""
    return {name: medians(taken) for name, taken in samples.items()}


def ratio(samples: Samples, key: str, this: str, that: str) -> float:
    """Median of the rounds' `this` by `that`."""
    return statistics.median(own[key] / other[key] for own, other in zip(samples[this], samples[that], strict=True))


def difference(samples: Samples, key: str, this: str, that: str) -> float:
    """Median of the rounds' `this` less `that`."""
    return statistics.median(own[key] - other[key] for own, other in zip(samples[this], samples[that], strict=True))
