"""The service and the simulator as processes of their own, ended by their own id, with their output kept in files."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import httpx
import psutil
from tests.support.servers.ports import free_port

READY_S: Final = 60.0
"""No process takes so long to answer, on however slow a machine."""
EXIT_S: Final = 25.0
"""A process that was told to end has ended by then (D-39)."""

_KEPT: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")
"""No setting of the shell that runs the tests may reach the service."""
_ROOT: Final = Path(__file__).parents[2]
_TAIL: Final = 60
_FIRST: Final = {
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

    def spawn(self) -> None:
        assert not self.running, f"{self.name} runs already"
        environ = {key: os.environ[key] for key in _KEPT if key in os.environ} | self._settings
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                self._arguments, cwd=self._folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip

    def until(self, ready: Callable[[], bool]) -> None:
        """Return once `ready` says so; AssertionError, with the output, where it ends first or takes for ever."""
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
        """SIGSTOP: it has no idea how long it stands still."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stands_still(self) -> bool:
        """Whether something has stopped it."""
        assert self._process is not None
        return psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED

    def exit_code(self, limit_s: float = EXIT_S) -> int:
        """Wait for the end of a process that was told to end; AssertionError where it does not."""
        assert self._process is not None
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {limit_s} s:\n{self.tail()}") from None

    def stop(self) -> int:
        """SIGTERM, and wait; the exit code."""
        if self.running:
            self.terminate()
        return self.exit_code()

    def tail(self) -> str:
        """The end of what it has written."""
        lines = self._output.read_text("utf-8", "replace").splitlines() if self._output.exists() else []
        return "\n".join(lines[-_TAIL:])

    def has_written(self, words: str) -> bool:
        """Whether it ever wrote this."""
        return words in self._output.read_text("utf-8", "replace")

    def close(self) -> None:
        """End it somehow, and leave its output where pytest shows it if the test failed."""
        if self.running:
            self.terminate()
            self.resume()
            with contextlib.suppress(AssertionError):
                self.exit_code()
        print(f"--- {self._output}\n{self.tail()}")  # noqa: T201 - pytest shows it where a test failed, only then


class Served(Program):
    """A program that answers on a port of its own."""

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
            # Without certificates: to load them at each look would slow down what is looked at.
            with httpx.Client(trust_env=False, verify=False, timeout=5) as client:  # noqa: S501 - plain HTTP, of our own
                return client.get(self.origin + self.path).is_success
        except httpx.TransportError:
            return False

    def start(self) -> None:
        self.spawn()
        self.until(self.ready)


class ServiceProgram(Served):
    """``wework-message serve``, or `command`, on a SQLite file of the folder, unless its settings name a database."""

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
        super().__init__(name, folder, port, command, _FIRST | own | settings, module)
        self.url = f"{self.origin}/message"


class SimulatorProgram(Served):
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
    """Simulator and service, both answering; `options` are the simulator's, `settings` the service's.

    `provider_url` leads to the simulator by a detour.
    """
    port = free_port()
    simulator = SimulatorProgram(folder, f"http://127.0.0.1:{port}/message/api/callbacks/webhook", *options)
    service = ServiceProgram(folder, provider_url or simulator.origin, port=port, **settings)
    stage = ServiceProcesses(simulator, service)
    try:
        simulator.spawn()
        service.spawn()
        simulator.until(simulator.ready)
        service.until(service.ready)
        yield stage
    finally:
        service.close()
        simulator.close()


class ServiceProcesses:
    """The two programs of a test."""

    def __init__(self, simulator: SimulatorProgram, service: ServiceProgram) -> None:
        self.simulator = simulator
        self.service = service


@asynccontextmanager
async def door(leads_to: Callable[[], int]) -> AsyncIterator["Door"]:
    """A port that refuses connections until it is opened, and then leads to the port that `leads_to` tells."""
    one = Door(leads_to)
    try:
        yield one
    finally:
        await one.close()


class Door:
    """A bound socket: connections are refused while it does not listen, wait while it holds, and are passed on else."""

    def __init__(self, leads_to: Callable[[], int]) -> None:
        self._leads_to = leads_to
        self._let_in = asyncio.Event()
        self._let_in.set()
        self._pipes: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def hold(self) -> None:
        """Connections are taken, and nothing is answered."""
        self._let_in.clear()

    def release(self) -> None:
        """What is held goes on."""
        self._let_in.set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Refuse again; what is under way is cut."""
        if self._server is not None:
            self._server.close()
            for pipe in self._pipes:
                pipe.cancel()
            await asyncio.gather(*self._pipes, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def close(self) -> None:
        await self.shut()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pipe = asyncio.current_task()
        assert pipe is not None
        self._pipes.add(pipe)
        try:
            await self._let_in.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._leads_to())
            try:
                await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
            finally:
                far_writer.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._pipes.discard(pipe)
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()
