"""An open loop asks at its own times: a service that stops for a moment is charged for the requests of that moment."""

import asyncio
from typing import Any, ClassVar

from bench.load import OpenLoad, PacedConnection, drive
from tests.support.polling import until

ANSWER = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}"
COUNT = 40


class Wire:
    """What a connection writes."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []

    def write(self, request: bytes) -> None:
        self.requests.append(request)


async def test_a_request_that_waited_for_a_connection_counts_from_the_time_at_which_it_was_due() -> None:
    load = OpenLoad("http://127.0.0.1:1/send", "send", count=2, per_second=1)
    connection = PacedConnection(load)
    connection.transport = wire = Wire()
    load.times.append(5.0)

    connection.begin()

    assert (connection.began, len(wire.requests), list(load.idle)) == (5.0, 1, [])

    connection.begin()

    assert (len(wire.requests), list(load.idle)) == (1, [connection])


class Held(asyncio.Protocol):
    """A server's side of a connection: it answers once `COUNT` requests have arrived on all of them."""

    open: ClassVar[set[asyncio.Transport]] = set()
    held: ClassVar[list[asyncio.Transport]] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        Held.open.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        Held.open.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        Held.held.append(self.transport)
        if len(Held.held) == COUNT:
            for transport in Held.held:
                transport.write(ANSWER)


async def all_closed() -> bool:
    return not Held.open


async def test_each_request_is_made_although_none_is_answered_before_the_last_one_came() -> None:
    Held.held.clear()
    server = await asyncio.get_running_loop().create_server(Held, "127.0.0.1")
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send"
    async with server:
        result = await drive(url, "send", count=COUNT, seconds=None, per_second=2_000)
        await until(all_closed)

    assert (result["answers"], result["bad"], len(Held.held)) == (COUNT, 0, COUNT)
