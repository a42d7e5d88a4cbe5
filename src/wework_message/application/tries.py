"""Trying again at once where somebody else was faster."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

Result = TypeVar("Result")


async def tried(times: int, work: Callable[[], Awaitable[Result]], *errors: type[Exception]) -> Result:
    """What `work` returns. It is done again, `times` in all, where it raises one of `errors`; the last one is raised."""
    for _ in range(times - 1):
        with contextlib.suppress(*errors):
            return await work()
    return await work()
