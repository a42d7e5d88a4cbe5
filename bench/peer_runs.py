"""End to end on MariaDB against the usual stack: FastAPI + SQLAlchemy ORM + Celery or taskiq + Redis.

The same requests from the same generator, the same stub, one MariaDB server with a database for each; a message counts once
its provider's answer is recorded. The peers run from an environment of their own (`.venv-peers`, requirements/peers.lock).
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bench import processes, rounds, servers
from bench.processes import Watched
from bench.queries import MariaDbQueries
from bench.rounds import Contestant
from tests.support.servers.mariadb import Database, MariaDb
from tests.support.servers.redis import Redis

ROOT: Final = Path(__file__).parents[1]
VENV: Final = ROOT / ".venv-peers"
LOCK: Final = ROOT / "requirements" / "peers.lock"
GOALS: Final = {"celery": 10.0, "taskiq": 7.0}
SENT: Final = {"ours": 10_000, "wide": 10_000, "celery": 1_000, "taskiq": 2_000}
"""Messages of one round: rounds take about the same time."""
WIDE: Final = {"APP_MESSAGE_ASYNC_MAX_POOL_SIZE": "200"}
"""Provider calls in flight; the default is 50."""


def compare(turns: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Alternating rounds of ours (as it comes, and with more calls in flight) and of both peers."""
    install()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        database = stack.enter_context(servers.running(MariaDb, folder))
        redis = stack.enter_context(servers.running(Redis, folder))
        provider = stack.enter_context(processes.stub())
        contestants: dict[str, Contestant] = {}
        for name, settings in (("ours", {}), ("wide", WIDE)):
            queries = MariaDbQueries(database.create_database())
            running = stack.enter_context(
                processes.service(folder / name, provider, queries=queries, settings=settings)
            )
            contestants[name] = rounds.contestant(running, SENT[name])
        for number, name in enumerate(GOALS):
            redis_url = f"{redis.url.rpartition('/')[0]}/{number}"
            contestants[name] = stack.enter_context(peer(name, folder, provider, database.create_database(), redis_url))
        backends = {"mariadb": servers.watched(database), "redis": servers.watched(redis)}
        samples = rounds.alternate(contestants, backends, turns, say)
    return _summary(samples)


def _summary(samples: rounds.Samples) -> dict[str, Any]:
    result: dict[str, Any] = {name: rounds.medians(of_contestant) for name, of_contestant in samples.items()}
    for name, goal in GOALS.items():
        for own in ("ours", "wide"):
            result[name][f"{own}_ratio"] = rounds.ratio(samples, "per_second", own, name)
            result[name][f"{own}_cpu_ratio"] = rounds.ratio(samples, "cpu_us", name, own)
            result[name][f"{own}_rss_ratio"] = rounds.ratio(samples, "rss_mb", name, own)
        result[name] |= {"goal": goal, "ok": result[name]["ours_ratio"] >= goal}
    return result | {"rounds": samples}


@contextlib.contextmanager
def peer(name: str, folder: Path, provider: str, database: Database, redis_url: str) -> Iterator[Contestant]:
    """API and worker of a peer, as its documentation starts them; nothing is logged."""
    queries = MariaDbQueries(database)
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
        stack.callback(queries.close)

        def settle() -> None:
            processes.until_none(queries, "SELECT EXISTS(SELECT 1 FROM messages WHERE status = 'ACCEPTED')")

        def statuses() -> dict[str, int]:
            return dict(queries.rows("SELECT status, count(*) FROM messages GROUP BY status"))

        yield Contestant(f"http://127.0.0.1:{port}/messages", Watched("", *pids), SENT[name], settle, statuses)


def install() -> None:
    """Bring the peers' environment up to its lock."""
    stamp = VENV / ".installed"
    if stamp.exists() and stamp.stat().st_mtime >= LOCK.stat().st_mtime:
        return
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], check=True)
    stamp.touch()
