"""A provider over real sockets; the test sends and receives every byte."""

import asyncio
import socket
import struct
from typing import Any

from wework_message.adapters.http import HttpClient


class Peer:
    """The server's end of one connection; the test controls every byte."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._received = b""

    async def request(self) -> bytes:
        """One complete request, as it came."""
        while not (request := self._complete_request()):
            more = await self._loop.sock_recv(self._connection, 65536)
            assert more, "the client closed in the middle of a request"
            self._received += more
        self._received = self._received[len(request) :]
        return request

    def _complete_request(self) -> bytes:
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return b""
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        return head + end + body[:length] if len(body) >= length else b""

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._connection, data)

    async def read_some(self) -> bytes:
        """At least one byte, as soon as any comes."""
        return await self._loop.sock_recv(self._connection, 65536)

    async def read_to_end(self) -> bytes:
        """Everything until the client closes the connection."""
        try:
            while more := await self._loop.sock_recv(self._connection, 65536):
                self._received += more
        except ConnectionResetError:
            pass
        return self._received

    async def pour(self, size: int) -> None:
        """`size` bytes; raises `ConnectionError` once the client has closed."""
        for _ in range(size // 10_000):
            await self.send(b"x" * 10_000)

    async def drip(self) -> None:
        """One byte every 20 ms; raises `ConnectionError` once the client has closed."""
        while True:
            await self.send(b"x")
            await asyncio.sleep(0.02)

    def close(self) -> None:
        self._connection.close()

    def reset(self) -> None:
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()


class Provider:
    """A listening socket whose connections the test answers by hand."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._peers: list[Peer] = []
        self._clients: list[HttpClient] = []
        self.port: int = self._listener.getsockname()[1]

    @property
    def accepted(self) -> int:
        return len(self._peers)

    def client(self, prefix: str = "", **options: Any) -> HttpClient:
        client = HttpClient(f"http://127.0.0.1:{self.port}{prefix}", **options)
        self._clients.append(client)
        return client

    async def peer(self) -> Peer:
        connection, _ = await asyncio.get_running_loop().sock_accept(self._listener)
        connection.setblocking(False)
        self._peers.append(Peer(connection))
        return self._peers[-1]

    async def aclose(self) -> None:
        for client in self._clients:
            await client.aclose()
        for peer in self._peers:
            peer.close()
        self._listener.close()
