"""A worker's side of the sockets to its supervisor."""

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wework_message.adapters.observability.merged_metrics import Family
from wework_message.application.queries.service import Condition
from wework_message.bootstrap.workers.messages import (
    HEAD,
    FromSupervisor,
    FromWorker,
    Opened,
    Ping,
    Pong,
    ScrapeRequest,
    Snapshot,
    SnapshotRequest,
    Workers,
    framed,
    read_from_supervisor,
)
from wework_message.domain.errors import UnavailableError

SCRAPE_S: Final = 3.0
"""How long a scrape waits for the supervisor, which itself waits a second for the workers."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A process as one of several workers."""

    number: int
    """From 1 on."""
    workers: int
    """How many there are."""
    end: socket.socket
    """Its end of the sockets to the supervisor."""
    log_turn: int
    """A file whose lock gives the turn to write to the standard output that all share."""
    pseudonym_key: bytes
    """Of the hashes of people's ids in the log: one person has one hash in the lines of all workers."""


class Link:
    """Answers the supervisor, and asks it. As a part of the service it knows whether the other workers work."""

    server = True

    def __init__(self, membership: Membership, lost: Callable[[], None]) -> None:
        """`lost` is called once where the supervisor has died: nobody would end or restart this worker any more."""
        self.membership = membership
        self.kind = f"{membership.workers} workers"
        self._lost = lost
        self._workers = Workers(0)
        self._is_closing = False
        self._snapshot: Callable[[], Sequence[Family]] = list
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._scrapes: dict[int, asyncio.Future[str]] = {}

    async def connect(self) -> None:
        """Begin to listen."""
        reader, self._writer = await asyncio.open_unix_connection(sock=self.membership.end)
        self._listening = asyncio.create_task(self._listen(reader), name="supervisor")

    def opened(self, snapshot: Callable[[], Sequence[Family]]) -> None:
        """This worker works; `snapshot` are its metrics from now on."""
        self._snapshot = snapshot
        self._send(Opened())

    def condition(self) -> Condition:
        """Healthy while every worker works."""
        return Condition(self._workers.reason is None, self._workers.reason)

    def others_listen(self) -> bool:
        """Whether other workers take the connections of this port when this one does not."""
        return self._workers.up > 1 and not self._workers.leave

    async def scrape(self) -> bytes:
        """The metrics of all workers. Raises `UnavailableError` where the supervisor does not answer."""
        number = next(self._numbers)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._scrapes[number] = answer
        self._send(ScrapeRequest(number))
        try:
            text = await asyncio.wait_for(answer, SCRAPE_S)
        except TimeoutError:
            raise UnavailableError("the supervisor does not answer") from None
        finally:
            del self._scrapes[number]
        return text.encode()

    async def close(self) -> None:
        """Say the last counts and end; the supervisor sees it."""
        self._is_closing = True
        self._send(Snapshot(0, self._snapshot()))
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                (length,) = HEAD.unpack(await reader.readexactly(HEAD.size))
                self._on_message(read_from_supervisor(await reader.readexactly(length)))
        except (asyncio.IncompleteReadError, ConnectionError):
            if not self._is_closing:
                self._lost()

    def _on_message(self, message: FromSupervisor) -> None:
        if isinstance(message, Ping):
            self._send(Pong())
        elif isinstance(message, SnapshotRequest):
            self._send(Snapshot(message.number, self._snapshot()))
        elif isinstance(message, Workers):
            self._workers = message
        elif (answer := self._scrapes.get(message.number)) is not None and not answer.done():
            answer.set_result(message.text)

    def _send(self, message: FromWorker) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(framed(message))
