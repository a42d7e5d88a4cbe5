"""Work on big inputs leaves the event loop: liveness, and every other request, answers meanwhile."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

BIG_BYTES: Final = 65_536
"""Inputs up to this are read at once: that takes less than a millisecond or two, and a thread costs about as much."""

MAX_THREADS: Final = 2
"""Big inputs that are read at once. Read, each takes many times its size in memory; the others wait as bytes."""

_threads: Final = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="big-work")

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


async def computed(
    size: int, function: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
) -> Result:
    """``function(*arguments, **options)``, which is pure: in a thread where its input has more than `BIG_BYTES` bytes, in the caller's context."""
    if size <= BIG_BYTES:
        return function(*arguments, **options)
    run = contextvars.copy_context().run
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: run(function, *arguments, **options))
