"""Waiting for something, but not for ever."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from wework_message.application.errors import DrainingError
from wework_message.domain.errors import UnavailableError

_log: Final = logging.getLogger(__name__)


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether `event` is set: returns once it is, and after `seconds` at the latest."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def rounds_until(
    stopped: asyncio.Event,
    work: Callable[[], Awaitable[bool]],
    *,
    wake: asyncio.Event,
    poll_s: float,
    log: logging.Logger,
    what: str,
    failed: str,
) -> None:
    """Do rounds of `work` until `stopped`: the next one at once where there is more, else when `wake` is set, after `poll_s` at the latest.

    A store that is away only pauses it, and so does a defect, which is logged as `failed`: neither ends it. A process that drains does.
    """
    while not stopped.is_set():
        wake.clear()
        more = False
        try:
            more = await work()
        except UnavailableError as error:
            log.info("%s wait for the database: %s", what, error)
        except DrainingError:
            return
        except Exception:
            log.exception(failed)
        if not more and not stopped.is_set():
            await set_within(wake, poll_s)


async def read_or_log(read: Callable[[], Awaitable[object]], what: str, log: logging.Logger) -> None:
    """For a loop that reads again and again: a store that is away, and a defect, are logged and end nothing."""
    try:
        await read()
    except UnavailableError as error:
        log.warning("%s could not be read: %s", what, error)
    except Exception:
        log.exception("%s could not be read", what)


async def ends_within(work: Coroutine[Any, Any, object], seconds: float, name: str) -> bool:
    """Whether `work` ended in time; raises its error. One that did not is cancelled, logged by `name`, and not waited for."""
    task = asyncio.create_task(work, name=name)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
    if not task.done():
        task.add_done_callback(_forget)
        _log.warning("%s did not end within %.0f s", name, seconds)
        return False
    await task
    return True


def _forget(task: "asyncio.Task[object]") -> None:
    """Nothing waits for the task any more: its error would be logged as never retrieved."""
    if not task.cancelled():
        task.exception()
