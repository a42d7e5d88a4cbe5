"""A server that tests start, break and restart on the same port, with data below a folder of the test."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"

_READY_S: Final = 90.0
"""The slowest of them (a broker's JVM) takes 5 s on two idle cores."""
_STOP_S: Final = 30.0
_TAIL_LINES: Final = 60
_INHERITED: Final = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "JAVA_HOME")


class ServerError(Exception):
    """A server did not start or did not stop; the text holds the end of its log."""


class Server(ABC):
    """One process of ours, known by its id, with its output in a log file.

    Every method blocks: a test on an event loop wraps `start` and `stop` in `asyncio.to_thread`.
    """

    poll_s = 0.02
    """Time between two checks whether it answers, s."""
    ready_s = _READY_S
    """How long it may take until it answers, s."""

    def __init__(self, title: str, logs: Path) -> None:
        self.title = title
        self.log = logs / f"{title.lower().replace(' ', '-')}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._paused = False

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Program and arguments of the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether a real call is answered as a working server answers it; never raises for a server that does not run."""

    def environment(self) -> Mapping[str, str]:
        """Variables in addition to those that every program inherits."""
        return {}

    @property
    def running(self) -> bool:
        """Whether the process is there, stopped by SIGSTOP or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        return self._process_or_fail().pid

    def start(self) -> None:
        """Start on the existing data, and return once it answers; ServerError where it does not."""
        self.spawn()
        self.wait()

    def spawn(self) -> None:
        """Start without waiting."""
        if self.running:
            raise ServerError(f"{self.title} runs already")
        environment = {key: os.environ[key] for key in _INHERITED if key in os.environ} | dict(self.environment())
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C ends the tests, and they end the server.
            self._process = subprocess.Popen(
                self.command(),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._paused = False

    def wait(self) -> None:
        """Return once it answers; ServerError where it ends first or takes too long."""
        limit = time.monotonic() + self.ready_s
        while not self.answers():
            if not self.running:
                raise ServerError(f"{self.title} ended at once\n{self.tail()}")
            if time.monotonic() > limit:
                raise ServerError(f"{self.title} does not answer after {self.ready_s:.0f} s\n{self.tail()}")
            time.sleep(self.poll_s)

    def kill9(self) -> None:
        """SIGKILL, and wait for the end. Data that the server has written is kept."""
        process = self._process_or_fail()
        process.kill()
        process.wait()

    def stop(self) -> None:
        """SIGTERM, and wait for the end; ServerError (after SIGKILL) where it takes more than 30 s."""
        process = self._process_or_fail()
        process.terminate()
        if self._paused:
            self.resume()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise ServerError(f"{self.title} did not stop within {_STOP_S:.0f} s\n{self.tail()}") from None

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED)  # a signal takes effect later than `kill` returns
        self._paused = True

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)
        self._paused = False

    def restore(self) -> None:
        """Undo what a test has done: the server runs and answers again."""
        if not self.running:
            self.start()
        elif self._paused:
            self.resume()
            self.wait()

    def close(self) -> None:
        """End it by SIGKILL: its data is not needed any more, and a broker takes 10 s for a regular end."""
        if self.running:
            self.kill9()

    def tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text("utf-8", "replace").splitlines() if self.log.exists() else []
        return "\n".join([f"--- {self.log}", *lines[-_TAIL_LINES:]])

    def _process_or_fail(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            raise ServerError(f"{self.title} does not run")
        return self._process
