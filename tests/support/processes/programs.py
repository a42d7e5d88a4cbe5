"""The service and the simulator as processes; each is ended by its own id, and its output is kept in a file."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import psutil
from tests.support.servers.ports import free_port

READY_S: Final = 60.0
"""No process needs so long until it answers, even on a slow machine."""
EXIT_S: Final = 25.0
"""The longest time from SIGTERM to the end of a process (D-39)."""

_INHERITED: Final = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "COVERAGE_PROCESS_START",
)
"""No setting of the shell that runs the tests may reach the service."""
_ROOT: Final = Path(__file__).parents[3]
_TAIL_LINES: Final = 60
_DEFAULTS: Final = {
    "LOGGING_FILE_NAME": "",
    "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_TIMEOUT_MS": "2500",
    "APP_MESSAGE_UNKNOWN_HORIZON_SECONDS": "3",
}
"""Short times: an uncertain message blocks its lane for 6 s, a killed call is found after 14.5 s."""


class Program:
    """``python -m wework_message`` with some arguments, started and ended any number of times."""

    def __init__(
        self,
        name: str,
        folder: Path,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        module: str = "wework_message",
    ) -> None:
        self.name = name
        self._folder = folder
        self._arguments = [sys.executable, "-m", module, *arguments]
        self._settings = dict(settings) | ({"PYTHONPATH": str(_ROOT)} if module.startswith("tests.") else {})
        self._output = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def children(self) -> list[psutil.Process]:
        """The workers of a supervisor, the oldest first."""
        assert self._process is not None
        return psutil.Process(self._process.pid).children()

    @property
    def peak_bytes(self) -> int:
        """The most memory that it has had at once (Linux)."""
        assert self._process is not None
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

    def spawn(self) -> None:
        assert not self.running, f"{self.name} runs already"
        environ = {key: os.environ[key] for key in _INHERITED if key in os.environ} | self._settings
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                self._arguments, cwd=self._folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip

    def until(self, ready: Callable[[], bool]) -> None:
        """Return once `ready` returns True; AssertionError, with the output, where the process ends first or takes too long."""
        ends = time.monotonic() + READY_S
        while not ready():
            assert self.running, f"{self.name} ended at once:\n{self.tail()}"
            assert time.monotonic() < ends, f"{self.name} does not answer:\n{self.tail()}"
            time.sleep(0.01)

    def kill(self) -> None:
        """``kill -9``, and wait for the end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def terminate(self) -> None:
        """SIGTERM; `exit_code` waits for the end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP: the process does not notice how long it is stopped."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def is_stopped(self) -> bool:
        """Whether a SIGSTOP has stopped it."""
        assert self._process is not None
        return psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED

    def exit_code(self, limit_s: float = EXIT_S) -> int:
        """Wait for the end after a signal; AssertionError where the process does not end."""
        assert self._process is not None
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {limit_s} s:\n{self.tail()}") from None

    def stop(self) -> int:
        """SIGTERM, and wait for the end; the exit code."""
        if self.running:
            self.terminate()
        return self.exit_code()

    def tail(self) -> str:
        """The last lines of its output."""
        lines = self._output.read_text("utf-8", "replace").splitlines() if self._output.exists() else []
        return "\n".join(lines[-_TAIL_LINES:])

    def lines(self) -> list[str]:
        """Its whole output."""
        return self._output.read_text("utf-8", "replace").splitlines()

    def has_written(self, words: str) -> bool:
        """Whether `words` are in its output."""
        return words in self._output.read_text("utf-8", "replace")

    def close(self) -> None:
        """End it, and print its output: pytest shows it where the test failed."""
        if self.running:
            self.terminate()
            self.resume()
            with contextlib.suppress(AssertionError):
                self.exit_code()
        print(f"--- {self._output}\n{self.tail()}")  # noqa: T201 - pytest shows it where a test failed, only then


class HttpProgram(Program):
    """A program that answers HTTP on a port of its own."""

    path = ""

    def __init__(
        self,
        name: str,
        folder: Path,
        port: int,
        arguments: Sequence[str],
        settings: Mapping[str, str],
        module: str = "wework_message",
    ) -> None:
        super().__init__(name, folder, arguments, settings, module)
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"

    def ready(self) -> bool:
        try:
            # Without certificates: to load them for each request would slow the process down.
            with httpx.Client(trust_env=False, verify=False, timeout=5) as client:  # noqa: S501 - plain HTTP, of our own
                return client.get(self.origin + self.path).is_success
        except httpx.TransportError:
            return False

    def start(self) -> None:
        self.spawn()
        self.until(self.ready)


class ServiceProgram(HttpProgram):
    """``wework-message serve``, or `command`. The database is a SQLite file in the folder, unless the settings name another."""

    path = "/actuator/health/readiness"

    def __init__(
        self,
        folder: Path,
        provider_url: str,
        *,
        name: str = "service",
        port: int | None = None,
        command: Sequence[str] = ("serve",),
        module: str = "wework_message",
        **settings: str,
    ) -> None:
        port = port or free_port()
        own = {
            "MANAGEMENT_SERVER_PORT" if command[0] == "consume" else "SERVER_PORT": str(port),
            "DATASOURCE_URL": f"sqlite:///{folder}/wework-message.db",
            "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": provider_url,
        }
        if "SPRING_DATASOURCE_URL" in settings:
            del own["DATASOURCE_URL"]
        super().__init__(name, folder, port, command, _DEFAULTS | own | settings, module)
        self.url = f"{self.origin}/message"


class SimulatorProgram(HttpProgram):
    """``wework-message simulate`` with a ledger in the folder, continued at each start."""

    path = "/_sim/state"

    def __init__(self, folder: Path, callback_url: str, *options: str) -> None:
        port = free_port()
        arguments = [
            "simulate", "--port", str(port), "--callback-url", callback_url, "--ledger", str(folder / "ledger.jsonl"),
        ]  # fmt: skip
        super().__init__("simulator", folder, port, [*arguments, *options], {})


@contextmanager
def service_processes(
    folder: Path, *options: str, provider_url: str | None = None, **settings: str
) -> Iterator["ServiceProcesses"]:
    """A simulator and a service that answer. `options` are the simulator's, `settings` the service's.

    `provider_url` is the address of a proxy in front of the simulator.
    """
    port = free_port()
    simulator = SimulatorProgram(folder, f"http://127.0.0.1:{port}/message/api/callbacks/webhook", *options)
    service = ServiceProgram(folder, provider_url or simulator.origin, port=port, **settings)
    programs = ServiceProcesses(simulator, service)
    try:
        simulator.spawn()
        service.spawn()
        simulator.until(simulator.ready)
        service.until(service.ready)
        yield programs
    finally:
        service.close()
        simulator.close()


class ServiceProcesses:
    """The two programs of a test."""

    def __init__(self, simulator: SimulatorProgram, service: ServiceProgram) -> None:
        self.simulator = simulator
        self.service = service
