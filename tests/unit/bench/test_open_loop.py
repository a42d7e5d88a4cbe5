"""An open loop asks at its own times: a service that stops for a moment is charged for the requests of that moment."""

import asyncio

from bench.load import OpenLoad, PacedConnection, drive

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


async def test_each_request_is_made_although_none_is_answered_before_the_last_one_came() -> None:
    arrived, all_arrived = 0, asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
        await reader.readexactly(int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
        arrived += 1
        if arrived == COUNT:
            all_arrived.set()
        await all_arrived.wait()
        writer.write(ANSWER)

    server = await asyncio.start_server(answer, "127.0.0.1")
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/send"
    async with server:
        result = await drive(url, "send", count=COUNT, seconds=None, per_second=2_000)

    assert (result["answers"], result["bad"], arrived) == (COUNT, 0, COUNT)
