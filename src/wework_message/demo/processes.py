"""The processes of the demo: started in sessions of their own, awaited until they answer, ended by their own id."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, Self

import httpx
import msgspec

from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

READY_S: Final = 40.0
"""How long a process may take until it answers, on a slow machine."""
DRAIN_S: Final = 25.0
"""How long a process may take to end after SIGTERM."""

_INHERITED: Final = frozenset(
    {
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TMPDIR",
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "SYSTEMROOT",
    }
)
"""Variables that children inherit: no setting of the caller's shell may change the demo."""
_TAIL_LINES: Final = 15


class Child:
    """One process, with its output in files of the folder."""

    def __init__(self, name: str, arguments: list[str], folder: Path, settings: Mapping[str, str]) -> None:
        """Start ``python -m wework_message`` with `arguments`."""
        self.name = name
        self.stdout = folder / f"{name}.out"
        self.stderr = folder / f"{name}.err"
        environ = {key: value for key, value in os.environ.items() if key in _INHERITED} | dict(settings)
        with _created(self.stdout) as out, _created(self.stderr) as err:
            # A session of its own: Ctrl-C reaches the demo alone, which then ends it in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
                [sys.executable, "-m", "wework_message", *arguments],
                cwd=folder, env=environ, stdout=out, stderr=err, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def until(self, ready: Callable[[], bool]) -> None:
        """Return once `ready` returns True; raises `CommandFailedError` where the process ends first or takes too long."""
        deadline = time.monotonic() + READY_S
        while not ready():
            if self._process.poll() is not None:
                raise self._failure(f"ended at once with code {self._process.returncode}")
            if time.monotonic() > deadline:
                raise self._failure(f"did not answer within {READY_S:.0f} s")
            time.sleep(0.05)

    def stop(self) -> int:
        """Terminate it, wait, and kill it if it does not end; returns its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                return self._process.wait(DRAIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()

    def _failure(self, what: str) -> CommandFailedError:
        lines = (self.stderr.read_text("utf-8", "replace") + self.stdout.read_text("utf-8", "replace")).splitlines()
        return CommandFailedError(ExitCode.DIFFERENT, f"the {self.name} {what}", *lines[-_TAIL_LINES:])


class ServiceProcesses:
    """Simulator and service, running; use it as a context manager."""

    def __init__(self, folder: Path, guid: str) -> None:
        """Files go to `folder`; `guid` is the one instance that exists at the provider."""
        self.folder = folder
        self.guid = guid
        self.simulator_url = ""
        self.service_url = f"http://127.0.0.1:{_free_port()}/message"
        self.exit_codes: dict[str, int] = {}
        self._service: Child | None = None
        self._children = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start_simulator()
            self._start_service()
        except BaseException:
            self._children.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop_service(self) -> None:
        """End the service and leave the simulator, whose ledger does not grow any more."""
        if self._service is not None:
            self.exit_codes[self._service.name] = self._service.stop()

    def stop(self) -> None:
        """End the service, then the simulator; a second call does nothing."""
        self._children.close()

    def _start_simulator(self) -> None:
        arguments = [
            "simulate", "--strict-guids", "--guid", self.guid, "--port", "0", "--json", "--ledger", "ledger.jsonl",
            "--callback-url", f"{self.service_url}/api/callbacks/webhook",
        ]  # fmt: skip
        child = self._start("simulator", arguments, {})
        child.until(lambda: b"\n" in child.stdout.read_bytes())
        self.simulator_url = msgspec.json.decode(child.stdout.read_bytes().splitlines()[0])["url"]

    def _start_service(self) -> None:
        settings = {
            "SERVER_PORT": str(httpx.URL(self.service_url).port),
            "DATASOURCE_URL": f"sqlite:///{self.folder.absolute()}/wework-message.db",
            "APP_WEWORK_PROVIDERS_GUANGZHOU_GUXING_API_BASE_URL": self.simulator_url,
        }
        child = self._service = self._start("service", ["serve"], settings)
        with httpx.Client(base_url=self.service_url, trust_env=False, timeout=5) as client:
            child.until(lambda: _is_ready(client))

    def _start(self, name: str, arguments: list[str], settings: Mapping[str, str]) -> Child:
        child = Child(name, arguments, self.folder, settings)

        def stop() -> None:
            self.exit_codes[name] = child.stop()

        self._children.callback(stop)
        return child


def _created(path: Path) -> BinaryIO:
    """A new file for this user only: a failed demo keeps it."""
    path.touch(0o600)
    path.chmod(0o600)
    return path.open("wb")


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/actuator/health/readiness").is_success
    except httpx.TransportError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
