"""A TCP proxy that a test opens, holds and shuts: a provider that is away, or slow."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.support.servers.ports import free_port


@asynccontextmanager
async def tcp_proxy(target_port: Callable[[], int]) -> AsyncIterator["TcpProxy"]:
    """A proxy that refuses connections until it is opened, and then forwards them to the port that `target_port` returns."""
    proxy = TcpProxy(target_port)
    try:
        yield proxy
    finally:
        await proxy.close()


class TcpProxy:
    """A bound socket: it refuses connections while it does not listen, keeps them waiting while held, and else forwards them."""

    def __init__(self, target_port: Callable[[], int]) -> None:
        self._target_port = target_port
        self._released = asyncio.Event()
        self._released.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def hold(self) -> None:
        """Accept connections, and answer nothing."""
        self._released.clear()

    def release(self) -> None:
        """Forward what waits and what comes."""
        self._released.set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Refuse connections again, and cut those that are open."""
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def close(self) -> None:
        await self.shut()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._released.wait()
            target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self._target_port())
            try:
                await asyncio.gather(_copy(reader, target_writer), _copy(target_reader, writer))
            finally:
                target_writer.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()
