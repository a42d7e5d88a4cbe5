"""One GET over a connection of its own, whose answer is passed on piece by piece: for bodies that no memory should hold."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Self

from wework_message.adapters.http.exchange import LostError, NotWrittenError
from wework_message.adapters.http.origin import Origin
from wework_message.adapters.http.response import ResponseReader
from wework_message.domain.networks import Address
from wework_message.domain.outcomes import Reason

PIECE: Final = 32 * 1024
"""Bytes that are read at once. When twice as many wait, the connection is not read any more: the server slows down."""


class Download:
    """A GET that was sent, and the answer as far as it was read; an async context manager, which drops the connection at its end.

    Whoever uses it sets the deadline.
    """

    def __init__(
        self, origin: str, path: str, address: Address, *, headers: Sequence[tuple[str, str]], max_bytes: int,
        tls: ssl.SSLContext | None, connect_s: float,
    ) -> None:  # fmt: skip
        """Does not connect yet.

        Args:
            origin: as `Target.origin`; its host is the name in `Host` and in TLS.
            path: starts with ``/``, percent-encoded.
            address: where to connect.
            headers: printable ASCII; not the ones that frame a message.
            max_bytes: maximum size of the body.
            tls: made by `verifying_context`; None for http.
            connect_s: how long TCP and TLS may take.

        Raises `ValueError` for an invalid path or header.
        """
        self._origin = Origin(origin)
        self._request = self._origin.get(path, headers)
        self._address = address
        self._tls = tls
        self._connect_s = connect_s
        self._max_bytes = max_bytes
        self._answer = ResponseReader(max_bytes)
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        """Connect and send. Raises `NotWrittenError` (CONNECT, TLS)."""
        try:
            async with asyncio.timeout(self._connect_s):
                self._reader, self._writer = await self._connect()
        except ssl.SSLError as error:
            raise NotWrittenError(Reason.TLS) from error
        except OSError as error:  # includes TimeoutError
            raise NotWrittenError(Reason.CONNECT) from error
        self._writer.write(self._request)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case; valid after `status`."""
        return self._answer.headers

    @property
    def announced(self) -> int:
        """Bytes of the body by its content-length, valid after `status`; 0 without one."""
        return int(self._answer.headers.get("content-length", "0"))

    async def status(self) -> int:
        """Read the head. Raises `LostError`."""
        while self._answer.head_status is None:
            if self._answer.failure is not None:
                raise LostError(self._answer.failure)
            await self._read()
        return self._answer.head_status

    async def body(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Read the body, without its chunking. Raises `LostError` (OVERSIZE: more than `max_bytes`), and what `write` raises."""
        while True:
            if self._answer.failure is not None:
                raise LostError(self._answer.failure, self._answer.head_status)
            for piece in self._answer.take_body():
                await write(piece)
            if self._answer.complete:
                return
            await self._read()

    async def _read(self) -> None:
        try:
            data = await self._reader.read(PIECE)
        except OSError:  # broken: as if it had ended
            data = b""
        if data:
            self._answer.feed(data)
        else:
            self._answer.end()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """With a socket of our own: an event loop may never report the end of a connect that was cancelled."""
        family = socket.AF_INET if self._address.version == 4 else socket.AF_INET6  # noqa: PLR2004 -- the name of the protocol
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, (str(self._address), self._origin.port))
            return await asyncio.open_connection(
                sock=connection, ssl=self._tls, limit=PIECE,
                server_hostname=self._origin.host if self._tls is not None else None,
            )  # fmt: skip
        except BaseException:
            connection.close()
            raise
