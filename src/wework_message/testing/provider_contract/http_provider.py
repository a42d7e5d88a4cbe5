"""A provider over HTTP/1.1 on a local port: a package says how it answers, the suite makes it misbehave."""

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, Self

from wework_message.testing.provider_contract.faults import SCRIPTS, Ending, Fault, Read, Script, http

LIMIT_S: Final = 20.0
"""The longest wait for something that must happen; no passing test comes near it."""

_TOKEN: Final = "p4th-t0ken"  # noqa: S105 - of a provider that exists in tests only
_POURED_BYTES: Final = 64 * 1024 * 1024
_PIECE: Final = b"x" * 65_536
_DRIP_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request."""

    method: str
    path: str
    """Without the path of `HttpProvider.url`; with its query."""
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The provider's usual answer to a request."""

    body: bytes
    status: int = 200
    executed: bool = False
    """Whether the provider has sent a message because of this request. The ledger counts it."""


class ProviderAnswers(Protocol):
    """How the provider answers while nothing is wrong. Accepted sends need an id that no other send has."""

    def answer(self, request: Request) -> Reply:
        """The answer to any request, of a send or another one."""
        ...

    def refusal(self, code: int) -> Reply | None:
        """How it refuses a send with this code; None where it has no codes."""
        ...


class HttpProvider:
    """A provider that runs inside ``async with``. Its numbers are the ledger that the suite judges by."""

    def __init__(self, answers: ProviderAnswers, *, sends: str) -> None:
        """`sends` is the beginning of the paths of all sends, such as ``/messages``; faults strike only these."""
        self._answers = answers
        self._sends = sends
        self._next: Script | Reply | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Event()
        self._held: asyncio.Semaphore | None = None
        self._server: asyncio.Server | None = None
        self.url = ""
        """The base URL of its API; the path is a secret, as at providers that have a token there."""
        self.executed = 0
        """Messages that it has sent."""
        self.arrived = 0
        """Requests for a send of which at least the head arrived."""
        self.most_connections = 0
        """The most connections that were open at the same time."""
        self.poured_out = False
        """Whether a client took the whole of an answer without an end."""

    @property
    def secret(self) -> str:
        """The secret in its URL."""
        return _TOKEN

    def misbehave(self, fault: Fault) -> None:
        """Do this at the next send."""
        self._next = SCRIPTS[fault]

    def misbehave_anywhere(self) -> None:
        """From now on every request counts as a send for `misbehave`, recalls and probes too."""
        self._sends = ""

    def refuse(self, code: int) -> bool:
        """Refuse the next send with this code; False where the provider has no codes."""
        self._next = self._answers.refusal(code)
        return self._next is not None

    def hold(self) -> None:
        """From now on, answer a request only when `release` says so."""
        self._held = asyncio.Semaphore(0)

    def release(self) -> None:
        """Answer one of the requests that `hold` holds, or will hold."""
        if self._held is not None:
            self._held.release()

    def drop_connections(self) -> None:
        """Close every connection, as a server does with those that were idle for long."""
        for writer in self._connections:
            writer.close()

    async def until(self, holds: Callable[["HttpProvider"], bool]) -> None:
        """Return once `holds` is true of this provider; TimeoutError where it never is."""
        async with asyncio.timeout(LIMIT_S):
            while not holds(self):
                self._changed.clear()
                await self._changed.wait()

    @property
    def open_connections(self) -> int:
        """Connections that are open now."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/{_TOKEN}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._connections:
            writer.transport.abort()
        await self.until(lambda provider: not provider.open_connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        self.most_connections = max(self.most_connections, len(self._connections))
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has closed
        finally:
            writer.close()
            self._connections.discard(writer)
            self._changed.set()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection can have another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        method, target, _ = first.split(" ", 2)
        path = target.removeprefix(f"/{_TOKEN}")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = int(headers.get("content-length", 0))
        turn = self._turn() if path.startswith(self._sends) else None
        self._changed.set()
        script = turn if isinstance(turn, Script) else None
        if script is not None and script.read is not Read.ALL:
            await reader.readexactly(size // 2 if script.read is Read.HALF else 0)
            return await self._end(script.ending, reader, writer)
        request = Request(method, path, headers, await reader.readexactly(size))
        reply = turn if isinstance(turn, Reply) else self._answers.answer(request)
        self.executed += script.executes if script is not None else reply.executed
        self._changed.set()
        if self._held is not None:
            await self._held.acquire()
        usual = http(f"{reply.status} X", reply.body, "content-type: application/json")
        writer.write(usual if script is None else script.answer(usual, request.body))
        await writer.drain()
        return await self._end(Ending.KEEP if script is None else script.ending, reader, writer)

    def _turn(self) -> Script | Reply | None:
        """What is to happen at this send; counts it."""
        self.arrived += 1
        turn, self._next = self._next, None
        return turn

    async def _end(self, ending: Ending, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        match ending:
            case Ending.KEEP:
                return True
            case Ending.RESET:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            case Ending.WAIT:
                while await reader.read(65_536):
                    pass
            case Ending.DRIP:
                await self._drip(reader, writer)
            case Ending.POUR:
                for _ in range(_POURED_BYTES // len(_PIECE)):
                    writer.write(_PIECE)
                    await writer.drain()
                self.poured_out = True
            case Ending.CLOSE:
                pass
        return False

    @staticmethod
    async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One byte each 20 ms, until the client closes."""
        closed = asyncio.ensure_future(reader.read(1))
        while not closed.done():
            writer.write(b"x")
            await asyncio.wait([closed], timeout=_DRIP_S)
        closed.exception()
