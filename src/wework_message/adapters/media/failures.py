"""What blocking calls of a medium have in common: failures without names of files, and nothing is left of a caller who is cancelled."""

import asyncio
import os
from collections.abc import Callable
from typing import Any, TypeVar

from wework_message.adapters.threads import Threads
from wework_message.domain.errors import UnavailableError

T = TypeVar("T")


def unavailable(error: OSError) -> UnavailableError:
    """The medium does not work, or is full."""
    return UnavailableError("media store", os.strerror(error.errno) if error.errno else type(error).__name__)


async def acquire(threads: Threads, release: Callable[[T], None], work: Callable[..., T], *arguments: Any) -> T:
    """`work(*arguments)` in a thread; `release` what it returns where the caller is cancelled meanwhile. Raises `UnavailableError` for an `OSError`."""
    working = threads.start(work, *arguments)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        working.add_done_callback(lambda done: None if done.exception() else release(done.result()))
        raise
    except OSError as error:
        raise unavailable(error) from None
