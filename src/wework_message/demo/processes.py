"""The processes of the demo: started in sessions of their own, awaited until they answer, ended by their own id."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import httpx
import msgspec

from wework_message.entrypoints.cli.exit_codes import ExitCode
from wework_message.entrypoints.cli.failure import CommandFailedError

READY_S: Final = 40.0
"""How long a process may take until it answers, on a slow machine."""
DRAIN_S: Final = 25.0
"""How long a process may take to end after SIGTERM."""

MAIN_CODE: Final = "GUANGZHOU_GUXING"
"""The provider of the default settings."""

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

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def output(self) -> str:
        """What it printed, once it has ended by itself; raises `CommandFailedError` where it failed or takes too long."""
        try:
            code = self._process.wait(READY_S)
        except subprocess.TimeoutExpired:
            raise self._failure(f"did not end within {READY_S:.0f} s") from None
        if code:
            raise self._failure(f"ended with code {code}")
        return self.stdout.read_text("utf-8").strip()

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self._process.kill()
        self._process.wait()

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


@dataclass(frozen=True, slots=True)
class Place:
    """One instance at a simulated provider."""

    guid: str
    account: str | None = None
    """Name of its WeCom account; instances of one name are one identity, at both providers. None: one of its own."""
    slot: str = "desktop"


@dataclass(frozen=True, slots=True)
class SimulatedProvider:
    """A provider of the demo, and the instances that exist there."""

    name: str
    """Of its process and of its files."""
    code: str
    priority: int
    places: tuple[Place, ...]


class Simulator:
    """The process that plays a provider. It can be killed and started again: port and ledger stay."""

    def __init__(self, provider: SimulatedProvider, folder: Path, callback_url: str) -> None:
        """Starts it; `await_url` waits until it answers."""
        self.provider = provider
        self.url = ""
        self._folder = folder
        self._callback_url = callback_url
        self._starts = 0
        self._child = self._start(0)

    @property
    def pid(self) -> int:
        """Of the process that runs now, or ran last."""
        return self._child.pid

    def await_url(self) -> None:
        """Return once it answers; raises `CommandFailedError` where it does not."""
        self._child.until(lambda: b"\n" in self._child.stdout.read_bytes())
        self.url = msgspec.json.decode(self._child.stdout.read_bytes().splitlines()[0])["url"]

    def kill(self) -> None:
        """SIGKILL: it has no time to answer what it executed."""
        self._child.kill()

    def revive(self) -> None:
        """Start it again after `kill`, and return once it answers."""
        self._child = self._start(httpx.URL(self.url).port or 0)
        self.await_url()

    def stop(self) -> int:
        """See `Child.stop`."""
        return self._child.stop()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer of its control API (``/_sim/`` and `path`); raises `httpx.HTTPError`."""
        content = None if body is None else msgspec.json.encode(body)
        answer = httpx.request(method, f"{self.url}/_sim/{path}", content=content, trust_env=False, timeout=30)
        return answer.raise_for_status().json()

    def _start(self, port: int) -> Child:
        self._starts += 1
        name = self.provider.name if self._starts == 1 else f"{self.provider.name}-{self._starts}"
        arguments = [
            "simulate", "--strict-guids", "--port", str(port), "--json", "--ledger", f"{self.provider.name}-ledger.jsonl",
            "--callback-url", self._callback_url,
        ]  # fmt: skip
        for place in self.provider.places:
            account = "" if place.account is None else f",account={place.account}"
            arguments += ["--instance", f"guid={place.guid},slot={place.slot}{account}"]
        return Child(name, arguments, self._folder, {})


class ServiceProcesses:
    """The simulators and the service, running; use it as a context manager."""

    def __init__(
        self, folder: Path, providers: Sequence[SimulatedProvider], settings: Mapping[str, str] | None = None
    ) -> None:
        """Files go to `folder`. The first provider is the preferred one. `settings` are more environment of the service."""
        self._more_settings = dict(settings or {})
        self.folder = folder
        self.service_url = f"http://127.0.0.1:{_free_port()}/message"
        self.key = ""
        """The API key that the service knows: it asks for one, as a service that others reach should."""
        self.simulators: list[Simulator] = []
        self.exit_codes: dict[str, int] = {}
        self._providers = providers
        self._service: Child | None = None
        self._children = ExitStack()

    def __enter__(self) -> Self:
        try:
            for provider in self._providers:
                self._start_simulator(provider)
            self._make_key()
            for simulator in self.simulators:
                simulator.await_url()
            self._start_service()
        except BaseException:
            self._children.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop_service(self) -> None:
        """End the service and leave the simulators, whose ledgers do not grow any more."""
        if self._service is not None:
            self.exit_codes[self._service.name] = self._service.stop()

    def stop(self) -> None:
        """End the service, then the simulators; a second call does nothing."""
        self._children.close()

    def ledgers(self) -> dict[str, list[dict[str, Any]]]:
        """The entries of each provider by its code, oldest first. All simulators must run."""
        return {simulator.provider.code: simulator.ask("GET", "ledger") for simulator in self.simulators}

    def _start_simulator(self, provider: SimulatedProvider) -> None:
        callback_url = f"{self.service_url}/api/callbacks/webhook/{provider.code}"
        simulator = Simulator(provider, self.folder, callback_url)
        self.simulators.append(simulator)
        self._stop_at_the_end(provider.name, simulator)

    def _make_key(self) -> None:
        """As an operator makes the first one: in the database, before anything is served."""
        arguments = ["keys", "create", "--name", "demo", "--all-scopes"]
        child = Child("keys", arguments, self.folder, {"DATASOURCE_URL": self._database_url})
        self._stop_at_the_end("keys", child)
        self.key = child.output()
        child.stdout.unlink()

    @property
    def _database_url(self) -> str:
        return f"sqlite:///{self.folder.absolute()}/wework-message.db"

    def _start_service(self) -> None:
        settings = {
            "SECURITY_MODE": "keys",
            "APP_CALLBACKS_ALLOW_NETWORKS": "127.0.0.1",
            "SERVER_PORT": str(httpx.URL(self.service_url).port),
            "DATASOURCE_URL": self._database_url,
            "APP_MESSAGE_LIMITS_MAX_MASS_RECIPIENTS": "500",
        }
        for simulator in self.simulators:
            prefix = f"APP_WEWORK_PROVIDERS_{simulator.provider.code}"
            settings[f"{prefix}_API_BASE_URL"] = simulator.url
            settings[f"{prefix}_PRIORITY"] = str(simulator.provider.priority)
        child = self._service = Child("service", ["serve"], self.folder, settings | self._more_settings)
        self._stop_at_the_end("service", child)
        with httpx.Client(base_url=self.service_url, trust_env=False, timeout=5) as client:
            child.until(lambda: _is_ready(client))

    def _stop_at_the_end(self, name: str, child: "Child | Simulator") -> None:
        def stop() -> None:
            self.exit_codes[name] = child.stop()

        self._children.callback(stop)


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
