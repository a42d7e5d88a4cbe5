"""The API behind the real server on a socket, and connections to it that are moved by hand."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from tests.support.apps.guxing_app import running
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.apps.rest import Served, free_server

from wework_message.bootstrap.sockets import HttpServer
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.tracer import Tracer
from wework_message.entrypoints.rest.config import HttpExchange, wall_clock
from wework_message.entrypoints.rest.server.limits import ConnectionLimits

Answered = tuple[int, dict[str, str], bytes]
"""Status, headers in lower case, body."""


class Connection:
    """One connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, *parts: bytes) -> None:
        self.writer.write(b"".join(parts))

    def begin(self, method: str, path: str, *headers: str) -> None:
        """A head with the headers that every request has."""
        lines = (f"{method} {path} HTTP/1.1", "Host: service", *headers, "", "")
        self.writer.write("\r\n".join(lines).encode())

    def begin_post(self, path: str, *headers: str) -> None:
        self.begin("POST", path, "Content-Type: application/json", *headers)

    async def answer(self, *, bodiless: bool = False) -> Answered:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
        body = b"" if bodiless else await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, body

    async def post(self, path: str, body: bytes, *headers: str) -> Answered:
        self.begin_post(path, f"Content-Length: {len(body)}", *headers)
        self.writer.write(body)
        return await self.answer()

    async def last_answer(self) -> tuple[int, str]:
        """Status and code of an error in the envelope, behind which the server closes."""
        status, headers, body = await self.answer()
        document: dict[str, Any] = msgspec.json.decode(body)
        assert headers["content-type"] == "application/json"
        assert headers["connection"] == "close"
        assert (document["code"], document["success"]) == (status, False)
        assert document["requestId"] == headers["x-request-id"]
        assert await self.is_closed()
        return status, document["error"]

    async def is_closed(self) -> bool:
        """Once the server has closed its side; False if it says something more."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True


Connect = Callable[[], Awaitable[Connection]]


@dataclass(slots=True)
class RawHttp:
    """A server with clients of it."""

    port: int
    in_memory_app: InMemoryApp
    server: HttpServer
    exchanges: list[HttpExchange]
    connections: list[Connection] = field(default_factory=list)

    async def connect(self) -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.connections.append(Connection(reader, writer))
        return self.connections[-1]


@asynccontextmanager
async def raw_http(
    limits: ConnectionLimits | None = None, *, dispatching: bool = True, tracer: Tracer | None = None, **settings: Any
) -> AsyncIterator[RawHttp]:
    """The API in this loop, with the limits of the product or these. `settings` go to its `Config`."""
    exchanges: list[HttpExchange] = []
    shared = free_server(**settings) if tracer is None else free_server(tracer=tracer, **settings)
    async with (
        running(dispatching=dispatching, tracer=tracer or NO_TRACER) as in_memory_app,
        shared.serving(Served(in_memory_app.application, wall_clock, exchanges)) as app,
    ):
        listener = socket.create_server(("127.0.0.1", 0))
        server = HttpServer(app, shared.config, listener, limits or ConnectionLimits())
        await server.opened()
        http = RawHttp(listener.getsockname()[1], in_memory_app, server, exchanges)
        try:
            yield http
        finally:
            for connection in http.connections:
                connection.writer.transport.abort()
            await server.close()
