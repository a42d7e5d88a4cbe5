import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from wework_message.adapters.observability.process import LAG_SAMPLES, LoopLag, MemoryRatio, memory_limit

GIB = 1 << 30


def a_machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"proc/meminfo": "MemFree: 1 kB\nMemTotal:       8388608 kB\n"}, 8 * GIB),
        ({"proc/meminfo": "MemTotal: 8388608 kB\n", "sys/fs/cgroup/memory.max": f"{GIB}\n"}, GIB),
        ({"proc/meminfo": "MemTotal: 8388608 kB\n", "sys/fs/cgroup/memory.max": "max\n"}, 8 * GIB),
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}\n", "proc/meminfo": "MemTotal: 8388608 kB\n"}, GIB),
        (
            {
                "proc/self/cgroup": "0::/pod/container\n",
                "sys/fs/cgroup/pod/container/memory.max": "max\n",
                "sys/fs/cgroup/pod/memory.max": f"{GIB}\n",
                "proc/meminfo": "MemTotal: 8388608 kB\n",
            },
            GIB,
        ),
        ({}, None),
    ],
    ids=["machine", "group", "group without limit", "group v1", "limit of a parent", "nothing known"],
)
def test_the_lowest_limit_counts(tmp_path: Path, files: dict[str, str], limit: int | None) -> None:
    assert memory_limit(a_machine(tmp_path, files)) == limit


def test_memory_is_shown_against_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", lambda _name: 4096)
    files = {"proc/self/statm": "9999 65536 100 1 0 1 0\n", "sys/fs/cgroup/memory.max": f"{GIB}\n"}
    (family,) = MemoryRatio("m", "t", a_machine(tmp_path, files)).collect()
    assert [sample.value for sample in family.samples] == [0.25]


def test_unknown_memory_has_no_sample(tmp_path: Path) -> None:
    (family,) = MemoryRatio("m", "t", tmp_path).collect()
    assert family.samples == []


async def test_the_largest_of_the_last_samples_is_shown_until_it_is_old() -> None:
    observed: list[float] = []
    enough = asyncio.Event()
    delays = [1.5, *[0.0] * (LAG_SAMPLES + 2)]

    def times() -> Iterator[float]:
        now = 0.0
        for extra in delays:
            yield now
            now += 0.001 + extra
            yield now

    clock = times()

    def observe(value: float) -> None:
        observed.append(value)
        if len(observed) == len(delays):
            enough.set()
            lag.stop()

    lag = LoopLag(observe, interval_s=0.001, clock=lambda: next(clock, 99.0))
    await lag.run()
    assert enough.is_set()
    assert observed[0] == pytest.approx(1.5)
    assert observed[LAG_SAMPLES - 1] == pytest.approx(1.5)
    assert observed[LAG_SAMPLES] == pytest.approx(0.0)


async def test_stopping_does_not_wait_for_the_interval() -> None:
    lag = LoopLag(lambda _value: None, interval_s=3_600)
    running = asyncio.create_task(lag.run())
    await asyncio.sleep(0)
    lag.stop()
    await running
