"""The processes under test: started with a user's settings, watched from outside, ended by their own id."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

START_S: Final = 30
STOP_S: Final = 40


class Watched:
    """A process whose CPU and memory count."""

    def __init__(self, pid: int, url: str) -> None:
        self.url = url
        self._process = psutil.Process(pid)

    def cpu_s(self) -> float:
        """User and system seconds so far, of all its threads."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def rss_kb(self) -> int:
        """Resident memory."""
        return int(self._process.memory_info().rss) // 1024


class Service(Watched):
    """Our service. `settle` waits until nothing is left to do."""

    def __init__(self, pid: int, url: str, database: Path) -> None:
        super().__init__(pid, url)
        self.send_url = f"{url}/api/messages/send/async"
        self._database = sqlite3.connect(f"file:{database}?mode=ro", uri=True)

    def settle(self, *, echoed: bool, limit_s: float = 600) -> None:
        """Return once every due message is called and recorded, and with `echoed` is DELIVERED."""
        questions = ["SELECT EXISTS(SELECT 1 FROM wm_due)"]
        if echoed:
            questions += [
                f"SELECT EXISTS(SELECT 1 FROM wm_message WHERE status = '{one}')" for one in ("SENT", "SENDING")
            ]
        until = time.monotonic() + limit_s
        for question in questions:
            while self._database.execute(question).fetchone()[0]:
                if time.monotonic() > until:
                    raise TimeoutError(f"still not done: {self.statuses()}")
                time.sleep(0.01)

    def statuses(self) -> dict[str, int]:
        """Messages by status."""
        return dict(self._database.execute("SELECT status, count(*) FROM wm_message GROUP BY status"))

    def close(self) -> None:
        self._database.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def service(folder: Path, provider_url: str, *, port: int | None = None) -> Iterator[Service]:
    """The real service on SQLite below `folder`: default logging (stdout to nowhere, the file below `folder`), metrics on."""
    folder.mkdir(parents=True)
    port = port or free_port()
    database = folder / "service.db"
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("APP_", "SERVER_", "SPRING_", "DATASOURCE_", "LOGGING_", "REDIS_", "ROCKETMQ_"))
    } | {
        "SERVER_PORT": str(port),
        "DATASOURCE_URL": f"sqlite:///{database.absolute()}",
        "LOGGING_FILE_NAME": str(folder / "service.log"),
        "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": provider_url,
        "APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "1000000",
    }
    command = [*profiled(), "-m", "wework_message", "serve"]
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        url = f"http://127.0.0.1:{port}/message"
        _wait_for(f"{url}/api/health", process, folder / "stderr")
        running = Service(process.pid, url, database)
        try:
            yield running
        finally:
            running.close()
    finally:
        _end(process)


def profiled() -> Sequence[str]:
    """The interpreter; `BENCH_PYTHON` may name another command, such as a profiler's."""
    return os.environ.get("BENCH_PYTHON", sys.executable).split()


@contextlib.contextmanager
def bare() -> Iterator[Watched]:
    """The anchor."""
    with _printing_port([sys.executable, "-m", "bench.bare"]) as (pid, port):
        yield Watched(pid, f"http://127.0.0.1:{port}/send")


@contextlib.contextmanager
def stub(echo_to: str | None = None) -> Iterator[str]:
    """URL of a fast provider."""
    command = [sys.executable, "-m", "bench.stub", *(["--echo-to", echo_to] if echo_to else [])]
    with _printing_port(command) as (_, port):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def simulator(callback_url: str) -> Iterator[str]:
    """URL of the project's simulator, without fsync, echoing 50 ms later as 11010."""
    command = [
        sys.executable, "-m", "wework_message", "simulate", "--port", "0", "--json", "--no-fsync",
        "--callback-url", callback_url,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            _end(process)


def load(url: str, body: str, *, seconds: float | None = None, count: int | None = None) -> dict[str, Any]:
    """Run the load generator; raises `RuntimeError` where an answer was not 202."""
    limit = ["--seconds", str(seconds)] if seconds is not None else ["--count", str(count)]
    command = [sys.executable, "-m", "bench.load", url, body, *limit]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if told["bad"]:
        raise RuntimeError(f"{told['bad']} of {told['answers']} answers were not 202")
    return told


@contextlib.contextmanager
def _printing_port(command: Sequence[str]) -> Iterator[tuple[int, int]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process.pid, int(process.stdout.readline())
        finally:
            _end(process)


def _wait_for(url: str, process: "subprocess.Popen[bytes]", errors: Path) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the service did not start: {errors.read_text()}") from error
            time.sleep(0.05)
        else:
            return


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
