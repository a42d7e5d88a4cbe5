"""A client's HTTP server on a free port of loopback, over TLS if given a context."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from ipaddress import ip_address

from wework_message.adapters.memory.outbound import Received
from wework_message.domain.networks import Address
from wework_message.domain.ports.outbound import OutboundOutcome


class OutboundReceiver:
    """Answers 200, or what `answer` says; keeps what it received, and counts its connections."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.connections = 0
        self.answers_with: int | OutboundOutcome = 200
        self.body = b""
        self.headers: Mapping[str, str] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._closed_port: socket.socket | None = None

    def answer(self, answer: int | OutboundOutcome) -> None:
        if answer is OutboundOutcome.CONNECT:
            self._closed_port = socket.socket()
            self._closed_port.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{self._closed_port.getsockname()[1]}/hook"
        self.answers_with = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.current_task()
        assert call is not None
        self._calls.add(call)
        self.connections += 1
        try:
            await self._serve(reader, writer)
        finally:
            self._calls.discard(call)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
                scheme = "https" if writer.get_extra_info("ssl_object") else "http"
                url = f"{scheme}://{headers['host']}{line.split(' ')[1]}"
                self.received.append(Received(url, headers, body))
                if self.answers_with is OutboundOutcome.LOST:
                    break
                if self.answers_with is OutboundOutcome.TIMEOUT:
                    await reader.read()
                    break
                extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
                length = "" if self.answers_with in {204, 304} else f"content-length: {len(self.body)}\r\n"
                writer.write(f"HTTP/1.1 {self.answers_with} X\r\n{extra}{length}\r\n".encode() + self.body)

    async def close(self) -> None:
        """End every connection: one that outlives its loop is reported in another test."""
        await asyncio.sleep(0)  # those that were accepted a moment ago begin
        for call in (calls := list(self._calls)):
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        if self._closed_port is not None:
            self._closed_port.close()


@contextlib.asynccontextmanager
async def outbound_receiver(
    host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[OutboundReceiver]:
    """Its URL has the name `host`; it listens on 127.0.0.1 whatever that is."""
    receiver = OutboundReceiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.url = f"{'https' if tls else 'http'}://{host}:{server.sockets[0].getsockname()[1]}/hook?x=1"
    try:
        yield receiver
    finally:
        server.close()
        await receiver.close()
        await server.wait_closed()


class ScriptedResolver:
    """For each host the answers of its lookups, the last one for ever; a host without answers is an error."""

    def __init__(self, answers: Mapping[str, Sequence[str]]) -> None:
        self._answers = {host: list(texts) for host, texts in answers.items()}
        self.hosts: list[str] = []

    async def addresses(self, host: str) -> list[Address]:
        self.hosts.append(host)
        answers = self._answers.get(host)
        if answers is None:
            raise OSError("no such name")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(text) for text in answer.split()]
