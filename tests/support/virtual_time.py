"""A loop whose time passes only while every task waits for it: an hour of waiting takes no time, and every instant is exact."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _NoWaiting(selectors.DefaultSelector):
    """Reports what is ready now, and counts the seconds that it was asked to wait."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("every task waits, and for nothing that time brings")
        if not ready and timeout is not None:
            self.passed_s += max(0.0, timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s. For code without threads and sockets; a loop of `sleep(0)` keeps time from passing."""

    def __init__(self) -> None:
        self._virtual = _NoWaiting()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.passed_s


def in_virtual_time(test: Coroutine[Any, Any, T]) -> T:
    """Run `test` to its end in a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(test)


async def let_time_pass(seconds: float) -> None:
    """Continue after so many virtual seconds: other tasks do meanwhile what they do in that time."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, passed.set)
    await passed.wait()
