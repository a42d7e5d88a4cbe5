"""A small HTTP server that accepts callbacks, as the real receiver would, and lets tests wait for them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

Callback = dict[str, Any]


class CallbackReceiver:
    """Keeps every callback in order of arrival. Answers `status`; where that is 0, closes the connection instead."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.callbacks: list[Callback] = []
        self.heads: list[str] = []
        self.connections = 0
        self._arrived = asyncio.Condition()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def objects(self) -> list[tuple[str, Callback]]:
        """(guid, message object) of every 11010 and 11013 callback."""
        return [
            (callback["guid"], message)
            for callback in self.callbacks
            if callback["notify_type"] in {11010, 11013}
            for message in (callback["data"] if callback["notify_type"] == 11013 else [callback["data"]])
        ]

    async def wait_objects(self, count: int) -> list[Callback]:
        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(lambda: len(self.objects) >= count), 20)
        return [message for _, message in self.objects]

    async def wait_callbacks(self, count: int) -> list[Callback]:
        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(lambda: len(self.callbacks) >= count), 20)
        return self.callbacks

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length")
                )
                callback = json.loads(await reader.readexactly(length))
                async with self._arrived:
                    self.heads.append(head)
                    self.callbacks.append(callback)
                    self._arrived.notify_all()
                if not self.status:
                    break
                writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 2\r\n\r\nok".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def drop_connections(self) -> None:
        for writer in self._writers:
            writer.close()


@contextlib.asynccontextmanager
async def callback_receiver() -> AsyncIterator[CallbackReceiver]:
    receiver = CallbackReceiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback?token=t"
    try:
        yield receiver
    finally:
        server.close()
        receiver.drop_connections()
        await server.wait_closed()
