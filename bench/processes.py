"""The processes under test: started with a user's settings, watched from outside, ended by their own id."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil
from bench.load import KEY
from bench.queries import Queries, SqliteQueries

START_S: Final = 60
_DIRECTLY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # not by the environment's proxy
STOP_S: Final = 40
POLL_S: Final = 0.1
"""Between two questions to the database: each one costs it some 80 us, which counts as ours."""


class Watched:
    """Processes whose CPU and memory count, their children included."""

    def __init__(self, url: str, *pids: int) -> None:
        self.url = url
        self._roots = [psutil.Process(pid) for pid in pids]

    def cpu_s(self) -> float:
        """User and system seconds so far, of all threads."""
        times = [process.cpu_times() for process in self._all()]
        return sum(float(spent.user + spent.system) for spent in times)

    def rss_kb(self) -> int:
        """Resident memory."""
        return sum(int(process.memory_info().rss) for process in self._all()) // 1024

    def pss_kb(self) -> int:
        """Resident memory, what several processes share counted once."""
        return sum(int(process.memory_full_info().pss) for process in self._all()) // 1024

    def _all(self) -> list[psutil.Process]:
        return [process for root in self._roots for process in (root, *root.children(recursive=True))]


class Service(Watched):
    """Our service, in one process or more. `settle` waits until nothing is left to do."""

    def __init__(self, url: str, queries: Queries, *pids: int) -> None:
        super().__init__(url, *pids)
        self.send_url = f"{url}/api/messages/send/async"
        self.batch_url = f"{url}/api/messages/send/batch"
        self.queries = queries

    def settle(self, *, echoed: bool = False, limit_s: float = 600) -> None:
        """Return once every due message is called and recorded, and with `echoed` is DELIVERED."""
        questions = ["SELECT EXISTS(SELECT 1 FROM wm_due)"]
        if echoed:
            questions += [
                f"SELECT EXISTS(SELECT 1 FROM wm_message WHERE status = '{status}')" for status in ("SENT", "SENDING")
            ]
        for question in questions:
            until_none(self.queries, question, limit_s)

    def statuses(self) -> dict[str, int]:
        """Messages by status."""
        return dict(self.queries.rows("SELECT status, count(*) FROM wm_message GROUP BY status"))


def until_none(queries: Queries, question: str, limit_s: float = 600) -> None:
    """Ask until the answer is 0."""
    until = time.monotonic() + limit_s
    while queries.rows(question)[0][0]:
        if time.monotonic() > until:
            raise TimeoutError(f"still not done: {question}")
        time.sleep(POLL_S)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def service(
    folder: Path,
    provider_url: str,
    *,
    port: int | None = None,
    queries: Queries | None = None,
    settings: Mapping[str, str] | None = None,
    consumers: int = 0,
) -> Iterator[Service]:
    """The real service, on SQLite below `folder` or on the database of `queries`; logging on (stdout to nowhere), metrics on.

    `settings` are environment variables. With `consumers` it only accepts, and so many further processes dispatch.
    """
    folder.mkdir(parents=True)
    port = port or free_port()
    queries = queries or SqliteQueries(folder / "service.db")
    environment = own_environment() | {
        "SERVER_PORT": str(port),
        "DATASOURCE_URL": queries.url,
        "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": provider_url,
        "APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "1000000",
        **(settings or {}),
    }
    roles = [("serve", *(["--no-dispatch"] if consumers else [])), *[("consume", "--port", "0")] * consumers]
    with contextlib.ExitStack() as stack:
        pids: list[int] = []
        url = f"http://127.0.0.1:{port}/message"
        for number, role in enumerate(roles):
            name = f"{number}-{role[0]}"
            environment["LOGGING_FILE_NAME"] = str(folder / f"{name}.log")
            command = [*profiled(), "-m", "wework_message", *role]
            process = stack.enter_context(started(command, environment, folder / f"{name}.stderr"))
            pids.append(process.pid)
            if not number:  # it migrates the schema
                wait_for(f"{url}/api/health", process, folder / f"{name}.stderr")
        running = Service(url, queries, *pids)
        stack.callback(queries.close)
        yield running


def own_environment() -> dict[str, str]:
    """The environment of this process without settings of the service."""
    ours = ("APP_", "SECURITY_", "SERVER_", "SPRING_", "DATASOURCE_", "LOGGING_", "REDIS_", "ROCKETMQ_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextlib.contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str], errors: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in the folder of `errors`, where it writes its standard error; SIGTERM at the end."""
    with errors.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=errors.parent, env=environment, stdout=subprocess.DEVNULL, stderr=stream
        )
    try:
        yield process
    finally:
        _end(process)


def profiled() -> Sequence[str]:
    """The interpreter; `BENCH_PYTHON` may name another command, such as a profiler's."""
    return os.environ.get("BENCH_PYTHON", sys.executable).split()


@contextlib.contextmanager
def bare() -> Iterator[Watched]:
    """The anchor."""
    with _printing_port([sys.executable, "-m", "bench.bare"]) as (pid, port):
        yield Watched(f"http://127.0.0.1:{port}/send", pid)


@contextlib.contextmanager
def composite(database_url: str, provider_url: str) -> Iterator[str]:
    """URL where the least service takes messages."""
    with _printing_port([sys.executable, "-m", "bench.composite", database_url, provider_url]) as (_, port):
        yield f"http://127.0.0.1:{port}/send"


@contextlib.contextmanager
def durable(database_url: str) -> Iterator[Watched]:
    """The least service that keeps callbacks; its paths are `/litestar` and `/asgi`."""
    with _printing_port([sys.executable, "-m", "bench.durable", database_url]) as (pid, port):
        yield Watched(f"http://127.0.0.1:{port}", pid)


@contextlib.contextmanager
def stub(echo_to: str | None = None, *, hanging: str | None = None, answer_after_ms: int = 0) -> Iterator[str]:
    """URL of a fast provider; its calls of the instance `hanging` hang, and all others take `answer_after_ms`."""
    command = [sys.executable, "-m", "bench.stub", *(["--echo-to", echo_to] if echo_to else [])]
    command += ["--hang", hanging] if hanging else []
    command += ["--answer-after-ms", str(answer_after_ms)] if answer_after_ms else []
    with _printing_port(command) as (_, port):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def bare_files(folder: Path) -> Iterator[str]:
    """URL of the least service for files, which keeps them below `folder`."""
    folder.mkdir()
    with _printing_port([sys.executable, "-m", "bench.bare_files", str(folder)]) as (_, port):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def receiver(*, answer_after_ms: int = 0, keep: Path | None = None) -> Iterator[str]:
    """URL of a client's server of webhooks, which may keep what came in a file."""
    command = [sys.executable, "-m", "bench.receiver", "--answer-after-ms", str(answer_after_ms)]
    with _printing_port([*command, *(["--keep", str(keep)] if keep else [])]) as (_, port):
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


def load(
    url: str,
    body: str,
    *,
    seconds: float | None = None,
    count: int | None = None,
    per_second: float | None = None,
    connections: int | None = None,
    skip: float | None = None,
    refusals: bool = False,
    key: str | None = None,
) -> dict[str, Any]:
    """Run the load generator; raises `RuntimeError` where an answer was neither 200 nor 202, unless `refusals` are expected. Requests show `key`."""
    limits = {
        "--seconds": seconds, "--count": count, "--per-second": per_second, "--connections": connections,
        "--skip": skip,
    }  # fmt: skip
    named = [text for name, value in limits.items() if value is not None for text in (name, str(value))]
    command = [sys.executable, "-m", "bench.load", url, body, *named]
    result: dict[str, Any] = json.loads(
        subprocess.run(
            command, check=True, stdout=subprocess.PIPE, env=os.environ | ({} if key is None else {KEY: key})
        ).stdout
    )
    if result["bad"] and not refusals:
        raise RuntimeError(f"{result['bad']} of {result['answers']} answers were neither 200 nor 202")
    return result


@contextlib.contextmanager
def _printing_port(command: Sequence[str]) -> Iterator[tuple[int, int]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process.pid, int(process.stdout.readline())
        finally:
            _end(process)


def post(url: str, body: Mapping[str, Any], *, key: str | None = None) -> Any:
    """Post a JSON object, and return the JSON of the answer; raises `OSError` where it is none of success."""
    headers = {"content-type": "application/json"} | ({} if key is None else {"x-api-key": key})
    return _json(urllib.request.Request(url, json.dumps(body).encode(), headers))


def get(url: str) -> Any:
    """The JSON of the answer; raises `OSError` where it is none of success."""
    return _json(urllib.request.Request(url))


def _json(request: urllib.request.Request) -> Any:
    with _DIRECTLY.open(request, timeout=30) as answer:
        return json.load(answer)


def wait_for(url: str, process: "subprocess.Popen[bytes]", errors: Path) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            _DIRECTLY.open(url, timeout=5).close()
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
