"""Threads for a client that blocks."""

import asyncio
import contextlib
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


class Workers:
    """A few threads of our own. They are daemons: a call that never returns does not keep the process from ending."""

    def __init__(self, name: str, most: int) -> None:
        """Up to `most` threads, started when they are needed."""
        self._name = name
        self._most = most
        self._threads: list[Thread] = []
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._waiting = 0

    def start(self, work: Callable[..., Result], /, *arguments: Any) -> "asyncio.Future[Result]":
        """Have it done; whoever stops waiting for the answer does not stop the work."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def job() -> None:
            try:
                result = work(*arguments)
            except BaseException as error:  # noqa: BLE001 -- the client's CancelledError too: whoever waits is told
                self._tell(loop, _fail, future, error)
            else:
                self._tell(loop, _answer, future, result)

        self._waiting += 1
        future.add_done_callback(self._done)
        if self._waiting > len(self._threads) and len(self._threads) < self._most:
            name = f"{self._name}-{len(self._threads)}"
            self._threads.append(Thread(target=self._work, name=name, daemon=True))
            self._threads[-1].start()
        self._jobs.put(job)
        return future

    async def run(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """Have it done, and wait for the answer."""
        return await asyncio.shield(self.start(work, *arguments))

    def close(self) -> None:
        """Threads end once they are idle; nothing is waited for."""
        for _ in self._threads:
            self._jobs.put(None)
        self._threads = []

    def _done(self, future: "asyncio.Future[Any]") -> None:
        self._waiting -= 1
        if not future.cancelled():
            future.exception()  # whoever waited may be gone

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    @staticmethod
    def _tell(loop: asyncio.AbstractEventLoop, how: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(how, *arguments)


def _answer(future: "asyncio.Future[Any]", result: object) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        # A CancelledError of the client's own loop is a failure here, not a cancellation of ours.
        future.set_exception(error if isinstance(error, Exception) else RuntimeError(type(error).__name__))
