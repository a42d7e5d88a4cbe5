"""A few child processes that look at files, each kept for the next file, and replaced where it died or hung."""

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final, Literal

from wework_message.adapters.media.protocol import MAX_ANSWER, READY, WALL_S, Answer, Request, answer_of, line_of
from wework_message.adapters.threads import Threads
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.media_inspector import MediaDefectError

PROGRAM: Final = (sys.executable, "-P", "-m", "wework_message.adapters.media.child")
START_S: Final = 60.0
"""How long a child may take to start: some tenths of a second, on a machine that has time for it."""

_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
"""Nothing else of it is passed on: settings have secrets in them."""


IDLE_S: Final = 10.0
"""A child without a request for so long is ended: it has some 25 MB, with the library of videos 45, and another one starts in 0.2 s."""

MAX_FILES: Final = 1_000
"""After so many a child is replaced: what libraries leak must not make the memory of a later file too small."""


class DiedError(Exception):
    """The child ended during a request."""


class HungError(Exception):
    """The child did not answer in time, and was ended."""


class Child:
    """One process and the thread that speaks with it; nothing runs before the first request."""

    def __init__(self, program: Sequence[str], wall_s: float) -> None:
        """`program` is a command line."""
        self.threads = Threads("media")
        self._rest: asyncio.TimerHandle | None = None
        self._program = program
        self._wall_s = wall_s
        self._process: subprocess.Popen[bytes] | None = None
        self._files = 0
        self._closed = False

    def ask(self, request: bytes) -> Answer:
        """Blocks. Raises `DiedError`, `HungError`, and `UnavailableError` where no process can be started."""
        process = self._running()
        try:
            _stream(process.stdin).write(request)
            answer = answer_of(self._line(process, self._wall_s))
        except HungError:
            self.end()
            raise
        except (OSError, ValueError) as error:  # a closed pipe, or half an answer
            self.end()
            raise HungError if process.returncode == -signal.SIGXCPU else DiedError from error
        self._files += 1
        if self._files >= MAX_FILES:
            self.end()
        return answer

    def work(self) -> None:
        """A request comes: it is not idle any more. In the event loop, as `rest`."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def rest(self, idle_s: float) -> None:
        """After `idle_s` its process ends, and is waited for: it stays neither in memory nor as a zombie."""
        self._rest = asyncio.get_running_loop().call_later(idle_s, self._end_soon)

    def _end_soon(self) -> None:
        self._rest = None
        _ = self.threads.start(self.end)

    def kill(self) -> None:
        """End the process from any thread; whoever waits for its answer has `DiedError`."""
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """As `kill`; no process is started any more."""
        self.work()
        self._closed = True
        self.kill()

    def end(self) -> None:
        """End the process and wait for it; in the thread of its requests."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    _stream(pipe).close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.end()  # somebody else ended it
        if self._process is None:
            self._process, self._files = self._start(), 0
            if not self._is_ready(self._process):
                self.end()
                raise UnavailableError("media inspector", "cannot start a process")
        return self._process

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        try:
            return not self._closed and self._line(process, START_S) == READY
        except HungError:
            return False

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        try:
            return subprocess.Popen(  # noqa: S603 -- our own program
                self._program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=environment, bufsize=0, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise UnavailableError("media inspector", "cannot start a process") from error

    @staticmethod
    def _line(process: subprocess.Popen[bytes], wall_s: float) -> bytes:
        """The next line; a shorter one at the end of the output. Raises `HungError`, also for a line without end."""
        output = _stream(process.stdout).fileno()
        poll = select.poll()
        poll.register(output, select.POLLIN)
        until = time.monotonic() + wall_s
        line = bytearray()
        while not line.endswith(b"\n"):
            if len(line) > MAX_ANSWER or not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                raise HungError
            piece = os.read(output, 65_536)
            if not piece:
                break
            line += piece
        return bytes(line)


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise TypeError("the process has no pipe")
    return pipe


class Children:
    """At most `count` children; one that is warm is used first, so a second one starts only when two are needed."""

    def __init__(
        self, count: int, *, program: Sequence[str] = PROGRAM, wall_s: float = WALL_S, idle_s: float = IDLE_S
    ) -> None:
        """Starts nothing. `wall_s`: how long a child may look at one file; `idle_s`: how long it is kept for the next one."""
        self._idle_s = idle_s
        self._children = [Child(program, wall_s) for _ in range(count)]
        self._idle = list(self._children)
        self._places = asyncio.Semaphore(count)
        self._closed = False

    async def ask(self, do: Literal["inspect", "preview"], path: Path) -> Answer:
        """The answer of a child.

        Raises `MediaDefectError` where it hung, or two died, of this file; `UnavailableError` where none can be started, or after
        `aclose`.
        """
        request = line_of(Request(do, str(path)))
        for _ in range(2):  # the first may have been ended by the system, which had no memory left
            try:
                return await self._ask(request)
            except DiedError:
                continue
            except HungError as error:
                raise MediaDefectError("looking at the file took too long") from error
        raise MediaDefectError("looking at the file ended the program that did")

    async def aclose(self) -> None:
        """End them; requests in flight fail with `UnavailableError`."""
        if self._closed:
            return
        self._closed = True
        for child in self._children:
            child.close()
        await asyncio.gather(*(child.threads.run(child.end) for child in self._children))
        for child in self._children:
            child.threads.close()

    async def _ask(self, request: bytes) -> Answer:
        async with self._places:
            if self._closed:
                raise UnavailableError("media inspector", "is closed")
            child = self._idle.pop()
            child.work()
            try:
                return await child.threads.run(child.ask, request)
            except asyncio.CancelledError:
                child.kill()  # its thread is free for the next request then
                raise
            finally:
                self._idle.append(child)
                if not self._closed:
                    child.rest(self._idle_s)
