"""Metrics of this process: what Python's client knows, its memory relative to the limit, and the delay of its event loop."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from wework_message.adapters.observability.gc_pauses import GcPauses
from wework_message.adapters.observability.metric_names import TEXTS
from wework_message.application.waiting import set_within

LAG_INTERVAL_S: Final = 0.5
LAG_SAMPLES: Final = 30
"""The gauge shows the largest delay of the last 15 s, so that a scrape sees a delay between two scrapes."""


def memory_limit(root: Path = Path("/")) -> int | None:
    """The lowest memory limit of this process, bytes: control groups (v2, v1), else the memory of the machine."""
    limits = [_number(path) for path in _limit_files(root)]
    limits.append(_machine_memory(root))
    return min((limit for limit in limits if limit), default=None)


def _limit_files(root: Path) -> Iterator[Path]:
    groups = root / "sys/fs/cgroup"
    yield groups / "memory/memory.limit_in_bytes"
    group = next((line[3:] for line in _lines(root / "proc/self/cgroup") if line.startswith("0::")), "/")
    leaf = groups / group.strip("/")
    yield leaf / "memory.max"
    for parent in leaf.parents:
        if parent.is_relative_to(groups):
            yield parent / "memory.max"


def _machine_memory(root: Path) -> int | None:
    for line in _lines(root / "proc/meminfo"):
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    text = next(iter(_lines(path)), "")
    return int(text) if text.isdecimal() else None  # "max" is no limit


def resident_memory(root: Path = Path("/")) -> int | None:
    """Resident memory of this process, bytes; None where the system does not show it."""
    fields = next(iter(_lines(root / "proc/self/statm")), "").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else None


class MemoryRatio(Collector):
    """Read at each scrape; without a sample where either number is unknown."""

    def __init__(self, name: str, text: str, root: Path = Path("/")) -> None:
        """`root` is that of the file system; tests have their own."""
        self._name = name
        self._text = text
        self._root = root

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(self._name, self._text)
        used, limit = resident_memory(self._root), memory_limit(self._root)
        if used is not None and limit is not None:
            family.add_metric((), used / limit)
        yield family


def register_process(registry: CollectorRegistry) -> GcPauses:
    """Register everything that is read of the process at each scrape; the pauses of its collector count once they are watched."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    pauses = GcPauses("wm_gc_pause_seconds", TEXTS["wm_gc_pause_seconds"])
    registry.register(pauses)
    registry.register(MemoryRatio("wm_process_memory_ratio", TEXTS["wm_process_memory_ratio"]))
    return pauses


class LoopLag:
    """Sleeps for a known time and measures how much later it wakes up."""

    def __init__(
        self,
        observe: Callable[[float], None],
        *,
        interval_s: float = LAG_INTERVAL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`observe` gets the largest of the last samples, seconds, after each sample."""
        self._observe = observe
        self._interval_s = interval_s
        self._clock = clock
        self._stopping = asyncio.Event()
        self._samples: deque[float] = deque(maxlen=LAG_SAMPLES)

    async def run(self) -> None:
        """Sample until `stop`."""
        while not self._stopping.is_set():
            began = self._clock()
            if await set_within(self._stopping, self._interval_s):
                return
            self._samples.append(max(0.0, self._clock() - began - self._interval_s))
            self._observe(max(self._samples))

    def stop(self) -> None:
        """`run` returns at once."""
        self._stopping.set()
