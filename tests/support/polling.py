"""Wait for a condition that only polling shows, such as a counter of another process."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], Awaitable[bool]], limit_s: float = 20, *, every_s: float = 0.005) -> None:
    """Return once `holds` returns True; TimeoutError after the limit, which no passing test comes near."""
    async with asyncio.timeout(limit_s):
        while True:
            if await holds():
                return
            await asyncio.sleep(every_s)


async def until_true(holds: Callable[[], bool], limit_s: float = 20) -> None:
    """The same for what is known at once."""

    async def awaited() -> bool:
        return holds()

    await until(awaited, limit_s)
