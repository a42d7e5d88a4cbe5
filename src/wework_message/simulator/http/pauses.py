"""Waiting that a stop of the simulator ends."""

import asyncio


class Stopped(Exception):  # noqa: N818 - no error of anyone: the simulator was told to stop
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
        """End every wait, and every one still to come."""
        self._ended.set()
