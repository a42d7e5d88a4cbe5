"""Pauses that end when the simulator stops."""

import asyncio


class Stopped(Exception):  # noqa: N818 - no error: the simulator was stopped
    """The simulator stops; the call that waited gets no answer."""


class Pauses:
    """All deliberate waiting of calls: slow faults, latency, dripped answers."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()

    async def wait(self, milliseconds: float) -> None:
        """Wait that long.

        Raises:
            Stopped: the simulator stops first.
        """
        try:
            async with asyncio.timeout(milliseconds / 1000):
                await self._ended.wait()
        except TimeoutError:
            return
        raise Stopped

    def end(self) -> None:
        """End every wait, also those that begin later."""
        self._ended.set()
