"""What a start costs: CPU of short commands, CPU of `serve` until its first 202, and its memory, on MariaDB.

Every process runs from compiled bytecode, as an installed package does, whatever PYTHONDONTWRITEBYTECODE says here.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bench import processes, servers
from bench.queries import MariaDbQueries, Queries
from tests.support.servers.mariadb import MariaDb

LOADED: Final = 4_000
"""Messages sent before the memory under load is read."""
GOALS: Final = {"status_s": 0.25, "serve_s": 1.0, "loaded_mb": 95.0}
_ANCHOR: Final = "import litestar, sqlalchemy.ext.asyncio, uvicorn"
_DIRECTLY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def run(rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Medians: CPU seconds, user and system, and resident MB."""
    samples: dict[str, list[float]] = {}

    def keep(name: str, value: float) -> None:
        samples.setdefault(name, []).append(value)

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        stack.enter_context(_compiled(folder / "bytecode"))
        database = stack.enter_context(servers.running(MariaDb, folder)).create_database()
        provider = stack.enter_context(processes.stub())
        for number in range(rounds + 1):
            queries = MariaDbQueries(database)
            measured = _round(folder / str(number), provider, queries)
            say(f"round {number}: " + ", ".join(f"{name} {value:.2f}" for name, value in measured.items()))
            for name, value in measured.items() if number else ():  # the first compiles, and migrates the schema
                keep(name, value)
    medians = {name: statistics.median(values) for name, values in samples.items()}
    return {"samples": samples, "medians": medians, "goals": GOALS}


def _round(folder: Path, provider: str, queries: Queries) -> dict[str, float]:
    measured = {"anchor_s": _cpu_s("-c", _ANCHOR), "version_s": _cpu_s("-m", "wework_message", "--version")}
    with processes.service(folder, provider, queries=queries) as service:
        message_id = _accept(service.send_url)
        measured |= {"serve_s": service.cpu_s(), "first_mb": service.rss_kb() / 1024}
        measured["status_s"] = _cpu_s("-m", "wework_message", "status", message_id, "--url", service.url)
        processes.load(service.send_url, "send", count=LOADED)
        service.settle()
        measured["loaded_mb"] = service.rss_kb() / 1024
    return measured


def _accept(url: str) -> str:
    body = {"guid": "guid-1", "conversationId": "S:1", "messageType": "TEXT", "content": "hello"}
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with _DIRECTLY.open(request, timeout=30) as answer:
        if answer.status != 202:
            raise RuntimeError(f"{answer.status} is not 202")
        return str(json.load(answer)["data"]["messageId"])


def _cpu_s(*arguments: str) -> float:
    """CPU of one process, to its end. Raises `RuntimeError` where it failed."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, env=processes.own_environment())
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def _compiled(folder: Path) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
