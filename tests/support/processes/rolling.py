"""Replicas behind a balancer of connections, restarted one after the other as Kubernetes does it.

A Service of Kubernetes chooses an endpoint when a connection is made; the connection stays there, whatever becomes of the endpoint. SIGTERM
and the removal of the endpoint begin at the same moment, and the removal takes a while to reach the nodes. An endpoint is added when the
process is ready.
"""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.support.load.clients import Load
from tests.support.processes.programs import ServiceProgram

MAX_WAITING: Final = 40
"""Requests that clients have not made yet, at most: those of a machine that is too slow are not made up for."""


class Balancer:
    """Forwards connections to the endpoints in turn."""

    def __init__(self) -> None:
        self.endpoints: list[ServiceProgram] = []
        self.refused = 0
        """Connections that an endpoint did not take."""
        self._turn = itertools.count()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def listening(cls, port: int) -> AsyncIterator["Balancer"]:
        balancer = cls()
        balancer._server = await asyncio.start_server(balancer._forward, "127.0.0.1", port)
        try:
            yield balancer
        finally:
            await balancer._close()

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        endpoint = self.endpoints[next(self._turn) % len(self.endpoints)]
        try:
            with suppress(asyncio.CancelledError):
                await self._join(endpoint, reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _join(self, endpoint: ServiceProgram, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", endpoint.port)
        except OSError:
            self.refused += 1
            return
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer), return_exceptions=True)
        finally:
            back.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@dataclass(slots=True)
class Restarts:
    """How the processes ended."""

    seconds: list[float] = field(default_factory=list)
    """From SIGTERM to the end of the process."""
    codes: list[int] = field(default_factory=list)
    removed_s: list[float] = field(default_factory=list)
    """From SIGTERM to the removal of the endpoint, as it was: a busy machine may be later than it was told."""


async def restart_in_turn(
    balancer: Balancer, replicas: Sequence[ServiceProgram], restarts: int, *, propagation_s: float, seed: int
) -> Restarts:
    """SIGTERM to one after the other; the endpoint is removed up to `propagation_s` later, and added once the process is ready again."""
    random_source = random.Random(seed)
    result = Restarts()
    for number in range(restarts):
        replica = replicas[number % len(replicas)]
        began = time.monotonic()
        replica.terminate()
        await asyncio.sleep(random_source.uniform(0, propagation_s))
        balancer.endpoints.remove(replica)
        result.removed_s.append(time.monotonic() - began)
        result.codes.append(await asyncio.to_thread(replica.exit_code))
        result.seconds.append(time.monotonic() - began)
        await asyncio.to_thread(replica.start)
        balancer.endpoints.append(replica)
    return result


@asynccontextmanager
async def steady(load: Load, per_second: float) -> AsyncIterator[None]:
    """Clients make so many requests a second until the end; then all of them have their answers."""

    async def feed() -> None:
        while True:
            if load.waiting < MAX_WAITING:
                load.request(1)
            await asyncio.sleep(1 / per_second)

    load.begin()
    load.up.set()
    feeding = asyncio.create_task(feed())
    try:
        yield
    finally:
        feeding.cancel()
        await load.finish()
