"""End to end on MariaDB against what others would build: FastAPI + SQLAlchemy ORM + Celery or taskiq + Redis.

The same requests from the same generator, the same stub, one MariaDB server with a database for each; a message counts once
its provider's answer is recorded. The peers run from an environment of their own (`.venv-peers`, requirements/peers.lock).
"""

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.servers.mariadb import Database, MariaDb
from tests.support.servers.redis import Redis

from bench import processes, servers
from bench.looking import Look, MariaDbLook
from bench.processes import Watched

ROOT: Final = Path(__file__).parents[1]
VENV: Final = ROOT / ".venv-peers"
LOCK: Final = ROOT / "requirements" / "peers.lock"
GOALS: Final = {"celery": 15.0, "taskiq": 7.0}
OURS_SENT: Final = 10_000
"""Messages of one round of ours; a round of a peer is shorter, so that rounds take about the same time."""
PEER_SENT: Final = {"celery": 1_000, "taskiq": 2_000}

Sample = dict[str, float]


@dataclass(frozen=True, slots=True)
class Contestant:
    """A service under load; `settle` returns once all that was accepted is recorded."""

    url: str
    processes: Watched
    messages: int
    settle: Callable[[], None]
    check: Callable[[int], None]


def compare(rounds: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Alternating rounds of ours and both peers."""
    install()
    samples: dict[str, list[Sample]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        database = stack.enter_context(servers.running(MariaDb, folder))
        redis = stack.enter_context(servers.running(Redis, folder))
        provider = stack.enter_context(processes.stub())
        contestants = {"ours": stack.enter_context(ours(folder / "ours", provider, database))}
        for number, name in enumerate(GOALS):
            redis_url = f"{redis.url.rpartition('/')[0]}/{number}"
            contestants[name] = stack.enter_context(peer(name, folder, provider, database.create_database(), redis_url))
        backends = servers.watched(database), servers.watched(redis)
        done = {name: one.messages // 4 for name, one in contestants.items()}
        for name, one in contestants.items():
            _round(one, done[name], backends)  # warm
        for turn in range(rounds):
            names = list(contestants) if turn % 2 == 0 else list(reversed(contestants))
            for name in names:
                sample = _round(contestants[name], contestants[name].messages, backends)
                samples.setdefault(name, []).append(sample)
                done[name] += contestants[name].messages
                progress(f"  round {turn + 1}, {name}: {sample['per_second']:.0f}/s, {sample['cpu_us']:.0f} us each")
        for name, one in contestants.items():
            one.check(done[name])
    return summary(samples)


def summary(samples: dict[str, list[Sample]]) -> dict[str, Any]:
    """Medians, and ratios of the rounds."""
    result: dict[str, Any] = {
        name: {key: statistics.median(one[key] for one in its) for key in its[0]} for name, its in samples.items()
    }
    for name, goal in GOALS.items():
        for key in ("per_second", "cpu_us", "rss_mb"):
            pairs = zip(samples["ours"], samples[name], strict=True)
            ratios = [own[key] / other[key] if key == "per_second" else other[key] / own[key] for own, other in pairs]
            result[name][f"{key}_ratio"] = statistics.median(ratios)
            result[name][f"{key}_ratios"] = ratios
        result[name] |= {"goal": goal, "ok": result[name]["per_second_ratio"] >= goal}
    return result


def _round(one: Contestant, messages: int, backends: tuple[Watched, Watched]) -> Sample:
    watched = (one.processes, *backends)
    before, began = [each.cpu_s() for each in watched], time.perf_counter()
    told = processes.load(one.url, "send", count=messages)
    one.settle()
    took = time.perf_counter() - began
    cpu = [(each.cpu_s() - was) / messages * 1e6 for each, was in zip(watched, before, strict=True)]
    return {
        "per_second": messages / took,
        "cpu_us": cpu[0],
        "mariadb_us": cpu[1],
        "redis_us": cpu[2],
        "client_us": told["own_cpu_us"],
        "accept_per_second": told["per_second"],
        "accept_p99_ms": told["p99_ms"],
        "rss_mb": one.processes.rss_kb() / 1024,
    }


@contextlib.contextmanager
def ours(folder: Path, provider: str, database: MariaDb) -> Iterator[Contestant]:
    """The service in one process: `serve` on MariaDB with the queue in the process."""
    look = MariaDbLook(database.create_database())
    with processes.service(folder, provider, look=look) as running:

        def check(messages: int) -> None:
            expect(running.statuses(), {"SENT": messages})

        yield Contestant(running.send_url, running, OURS_SENT, running.settle, check)


@contextlib.contextmanager
def peer(name: str, folder: Path, provider: str, database: Database, redis_url: str) -> Iterator[Contestant]:
    """API and worker of a peer, as its documentation starts them; nothing is logged."""
    look = MariaDbLook(database)
    environment = processes.own_environment() | {
        "DATABASE": database.url.removeprefix("mysql://"),
        "REDIS_URL": redis_url,
        "PROVIDER_URL": provider,
        "PYTHONPATH": str(ROOT),
    }
    port = processes.free_port()
    python = [str(VENV / "bin" / "python"), "-m"]
    api = ["uvicorn", f"bench.peers.{name}_api:app", "--port", str(port), "--no-access-log", "--log-level", "critical"]
    workers = {
        "celery": ["celery", "--app", "bench.peers.celery_worker", "worker", "--loglevel", "ERROR"],
        "taskiq": ["taskiq", "worker", "bench.peers.taskiq_worker:broker", "--log-level", "ERROR"],
    }
    with contextlib.ExitStack() as stack:
        pids: list[int] = []
        for part, command in (("api", api), ("worker", workers[name])):
            errors = folder / f"{name}-{part}.stderr"
            process = stack.enter_context(processes.started([*python, *command], environment, errors))
            pids.append(process.pid)
            if part == "api":  # it creates the table
                processes.wait_for(f"http://127.0.0.1:{port}/health", process, errors)
        stack.callback(look.close)

        def settle() -> None:
            processes.until_none(look, "SELECT EXISTS(SELECT 1 FROM messages WHERE status = 'ACCEPTED')")

        def check(messages: int) -> None:
            expect(dict(look.rows("SELECT status, count(*) FROM messages GROUP BY status")), {"SENT": messages})

        yield Contestant(f"http://127.0.0.1:{port}/messages", Watched("", *pids), PEER_SENT[name], settle, check)


def expect(found: dict[str, int], wanted: dict[str, int]) -> None:
    """Raise `RuntimeError` where messages are lost or left."""
    if found != wanted:
        raise RuntimeError(f"messages should be {wanted}, but there are {found}")


def install() -> None:
    """Bring the peers' environment up to its lock."""
    stamp = VENV / ".installed"
    if stamp.exists() and stamp.stat().st_mtime >= LOCK.stat().st_mtime:
        return
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True, env=dict(os.environ))
    stamp.touch()
