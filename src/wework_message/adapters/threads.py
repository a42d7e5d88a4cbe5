"""Threads that run blocking calls for an event loop: of databases and clients.

`ThreadPoolExecutor` does the same at more than twice the CPU per call (two futures, a lock and a semaphore each: 102 us
instead of 41 one after the other, 53 instead of 15-18 twenty at once), and every statement of every message on SQLite
passes through here.
"""

import asyncio
import contextlib
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias, TypeVar

Result = TypeVar("Result")
_Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Threads:
    """Daemon threads of our own: a call that never returns does not keep the process from ending.

    With one thread, calls run in the order in which they were made. A call whose future is cancelled before its turn
    is skipped; shield the future of a call that must run.
    """

    def __init__(self, name: str, max_threads: int = 1) -> None:
        """`name` is that of the threads. One more starts with each call, up to `max_threads`."""
        self._name = name
        self._max_threads = max_threads
        self._threads: list[Thread] = []
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether new calls are refused."""
        return self._closed

    @property
    def count(self) -> int:
        """Threads that were started."""
        return len(self._threads)

    async def run(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """`work(*arguments)` in a thread, with its result or error; raises `RuntimeError` after `close`."""
        future: asyncio.Future[Result] = self._submit(work, arguments)
        return await future

    def start(self, work: Callable[..., Result], /, *arguments: Any) -> "asyncio.Future[Result]":
        """As `run`, for a caller that may end before the result comes: an error that is never retrieved is not logged."""
        future: asyncio.Future[Result] = self._submit(work, arguments)
        future.add_done_callback(_retrieve)
        return future

    def close(self, *, wait: bool = False) -> None:
        """Each thread ends after the calls that were made; `wait` blocks until then. May be called twice."""
        self._closed = True
        threads, self._threads = self._threads, []
        for _ in threads:
            self._calls.put(None)
        if wait:
            for thread in threads:
                thread.join()

    def _submit(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> "asyncio.Future[Any]":
        if self._closed:
            raise RuntimeError("the thread is closed")
        if len(self._threads) < self._max_threads:
            self._threads.append(Thread(target=self._serve, name=f"{self._name}-{len(self._threads)}", daemon=True))
            self._threads[-1].start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._calls.put((work, arguments, future, loop))
        return future

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            work, arguments, future, loop = call
            if future.cancelled():
                continue
            try:
                result, error = work(*arguments), None
            except BaseException as problem:  # noqa: BLE001 -- raised where the result is awaited
                result, error = None, problem
            with contextlib.suppress(RuntimeError):  # the loop is closed: no caller waits
                loop.call_soon_threadsafe(_settle, future, result, error)
            del call, work, arguments, future, result, error  # nothing is kept alive while the thread waits


def _settle(future: "asyncio.Future[Any]", result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception):
        future.set_exception(error)
    else:  # a CancelledError of a client's own loop is a failure here, not a cancellation of ours
        future.set_exception(RuntimeError(type(error).__name__))


def _retrieve(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
