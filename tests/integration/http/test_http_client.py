import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.support.garbage import collect_garbage
from tests.support.providers.scripted_provider import Peer, Provider

from wework_message.adapters.http import Answer, HttpClient, LostError, NotWrittenError, Timing
from wework_message.adapters.http.connection import Connection

TIMING = Timing(total_ms=30_000)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class BootClock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def call(client: HttpClient, timing: Timing = TIMING, body: bytes = b"{}") -> asyncio.Task[Answer]:
    return asyncio.create_task(client.post("/send", body, timing=timing))


async def answered(provider: Provider, client: HttpClient, wire: bytes = OK) -> Peer:
    """The peer of a new connection over which one call was answered."""
    task = call(client)
    peer = await provider.peer()
    await peer.request()
    await peer.send(wire)
    assert (await task).status == 200
    return peer


async def closed(client: HttpClient) -> None:
    """Wait until the client has noticed the end of all its connections."""
    for connection in list(client._open_connections):
        await connection.closed
    assert client.open_connections == 0


async def lost(task: asyncio.Task[Answer]) -> str:
    with pytest.raises(LostError) as caught:
        await task
    return caught.value.reason


async def not_written(task: asyncio.Task[Answer]) -> str:
    with pytest.raises(NotWrittenError) as caught:
        await task
    return caught.value.reason


async def test_a_call_sends_exactly_its_request_and_returns_the_answer(provider: Provider) -> None:
    client = provider.client("/base/")
    headers = [("Content-Type", "application/json"), ("X-Request-Id", "r-1")]
    task = asyncio.create_task(client.post("/send", b'{"a":1}', timing=TIMING, headers=headers))
    peer = await provider.peer()
    assert await peer.request() == (
        b"POST /base/send HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nContent-Type: application/json\r\nX-Request-Id: r-1\r\n"
        b'content-length: 7\r\n\r\n{"a":1}' % provider.port
    )
    await peer.send(
        b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"
    )
    answer = await task
    assert (answer.status, answer.body) == (302, b"\x1f\x8b")
    assert answer.headers == {"location": "/x", "content-encoding": "gzip", "content-length": "2"}
    assert answer.elapsed_ms >= 0


async def test_a_large_body_arrives_whole(provider: Provider) -> None:
    body = bytes(range(256)) * 40_000
    task = call(provider.client(), body=body)
    peer = await provider.peer()
    assert (await peer.request()).endswith(b"\r\n\r\n" + body)
    await peer.send(OK)
    assert (await task).body == b"ok"


# --- nothing was written


async def test_a_refused_connection_is_not_written() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        client = HttpClient(f"http://127.0.0.1:{bound.getsockname()[1]}")
        assert await not_written(call(client)) == "CONNECT"
    assert (client.in_flight, client.open_connections) == (0, 0)


async def test_an_unknown_host_is_not_written() -> None:
    client = HttpClient("http://no-such-host.invalid")
    assert await not_written(call(client, Timing(total_ms=30_000, connect_ms=30_000))) == "DNS"


async def test_a_connection_that_never_comes_is_not_written_after_its_own_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as busy:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(busy.getsockname())
        client = HttpClient(f"http://127.0.0.1:{busy.getsockname()[1]}")
        assert await not_written(call(client, Timing(total_ms=600_000, connect_ms=50))) == "CONNECT"
        assert await not_written(call(client, Timing(total_ms=50, connect_ms=600_000))) == "CONNECT"
        for filler in fillers:
            filler.close()


async def test_a_call_that_is_too_late_to_write_does_not_even_connect(provider: Provider) -> None:
    clock = BootClock()
    client = provider.client(boot_clock_ms=clock)
    task = call(client, Timing(total_ms=30_000, write_before_boot_ms=clock.now - 1))
    assert await not_written(task) == "TOO_LATE"
    assert client.open_connections == 0


async def test_a_call_in_time_is_written(provider: Provider) -> None:
    clock = BootClock()
    task = call(provider.client(boot_clock_ms=clock), Timing(total_ms=30_000, write_before_boot_ms=clock.now + 2000))
    peer = await provider.peer()
    await peer.request()
    await peer.send(OK)
    assert (await task).body == b"ok"


async def test_a_call_that_became_too_late_while_it_waited_writes_no_byte(provider: Provider) -> None:
    clock = BootClock()
    client = provider.client(boot_clock_ms=clock, max_connections=1)
    first, late = call(client), call(client, Timing(total_ms=600_000, write_before_boot_ms=clock.now + 300_000))
    peer = await provider.peer()
    await peer.request()
    clock.now += 300_001  # the process was stopped meanwhile
    await peer.send(OK)
    await first
    assert await not_written(late) == "TOO_LATE"
    await client.aclose()
    assert await peer.read_to_end() == b""
    assert provider.accepted == 1


async def test_waiting_for_a_connection_ends_with_the_deadline_unwritten(provider: Provider) -> None:
    clock = BootClock()
    client = provider.client(max_connections=1, boot_clock_ms=clock)
    first = call(client)
    peer = await provider.peer()
    await peer.request()
    assert await not_written(call(client, Timing(total_ms=30))) == "POOL"
    soon = Timing(total_ms=600_000, write_before_boot_ms=clock.now + 30)
    assert await not_written(call(client, soon)) == "POOL"
    assert await not_written(call(client, Timing(total_ms=600_000, write_before_boot_ms=0))) == "TOO_LATE"
    await peer.send(OK)
    assert (await first).body == b"ok"


async def test_waiting_calls_go_out_in_their_order(provider: Provider) -> None:
    client = provider.client(max_connections=1)
    tasks = [call(client, body=b"%d" % number) for number in range(3)]
    peer = await provider.peer()
    for number, task in enumerate(tasks):
        assert (await peer.request()).endswith(b"%d" % number)
        await peer.send(OK)
        await task


async def test_a_cancelled_waiting_call_frees_its_place(provider: Provider) -> None:
    client = provider.client(max_connections=1)
    tasks = [call(client, body=b"%d" % number) for number in range(4)]
    peer = await provider.peer()
    assert (await peer.request()).endswith(b"0")
    tasks[1].cancel()  # still waits
    tasks[0].cancel()
    await asyncio.sleep(0)
    tasks[2].cancel()  # its turn has come, but it has not run yet
    peer = await asyncio.wait_for(provider.peer(), 10)
    assert (await peer.request()).endswith(b"3")
    await peer.send(OK)
    assert (await tasks[3]).body == b"ok"
    assert all(task.cancelled() for task in tasks[:3])
    assert client.in_flight == 0


async def test_an_invalid_path_or_header_is_refused_before_connecting(provider: Provider) -> None:
    client = provider.client()
    with pytest.raises(ValueError, match="path"):
        await client.post("/a\r\nb", b"", timing=TIMING)
    with pytest.raises(ValueError, match="x-a"):
        await client.post("/", b"", timing=TIMING, headers=[("x-a", "1\r\nx-b: 2")])
    assert (client.in_flight, client.open_connections) == (0, 0)


@pytest.mark.parametrize("values", [{"total_ms": 0}, {"total_ms": 1, "connect_ms": 0}, {"total_ms": -1}])
def test_a_timing_without_time_is_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Timing(**values)


# --- written, and lost


async def test_a_server_that_reads_and_closes_leaves_the_outcome_uncertain(provider: Provider) -> None:
    task = call(provider.client())
    peer = await provider.peer()
    await peer.request()
    peer.close()
    assert await lost(task) == "READ"
    assert provider.accepted == 1


async def test_a_server_that_closes_without_reading_leaves_the_outcome_uncertain(provider: Provider) -> None:
    task = call(provider.client())
    peer = await provider.peer()
    await peer.request()
    peer.reset()
    assert await lost(task) == "READ"


async def test_a_server_that_stops_reading_a_large_body_leaves_the_outcome_uncertain(provider: Provider) -> None:
    task = call(provider.client(), body=b"x" * 50_000_000)
    peer = await provider.peer()
    await peer.read_some()
    peer.reset()
    assert await lost(task) in {"READ", "WRITE"}


async def test_a_connection_that_dies_as_it_is_used_again_is_lost_and_not_tried_again(provider: Provider) -> None:
    client = provider.client()
    peer = await answered(provider, client)
    task = call(client)
    await peer.request()
    peer.close()
    assert await lost(task) == "READ"
    assert provider.accepted == 1
    await answered(provider, client)
    assert provider.accepted == 2


@pytest.mark.parametrize("sent", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\nConte"])
async def test_a_reset_in_the_middle_is_lost(provider: Provider, sent: bytes) -> None:
    task = call(provider.client())
    peer = await provider.peer()
    await peer.request()
    await peer.send(sent)
    peer.reset()
    assert await lost(task) == "READ"


async def test_an_answer_shorter_than_it_says_is_lost(provider: Provider) -> None:
    task = call(provider.client())
    peer = await provider.peer()
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    peer.close()
    assert await lost(task) == "READ"


async def test_garbage_is_lost_and_ends_the_connection(provider: Provider) -> None:
    client = provider.client()
    task = call(client)
    peer = await provider.peer()
    await peer.request()
    await peer.send(b"<html>no HTTP at all</html>")
    assert await lost(task) == "PROTOCOL"
    assert await peer.read_to_end() == b""


async def test_a_slow_answer_ends_with_the_total_deadline(provider: Provider) -> None:
    client = provider.client()
    task = call(client, Timing(total_ms=150))
    peer = await provider.peer()
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    with pytest.raises(ConnectionError):
        await peer.drip()
    assert await lost(task) == "DEADLINE"
    assert client.open_connections == 0


async def test_silence_ends_with_the_total_deadline(provider: Provider) -> None:
    task = call(provider.client(), Timing(total_ms=30))
    peer = await provider.peer()
    await peer.request()
    assert await lost(task) == "DEADLINE"


async def test_the_deadline_of_an_answered_call_does_not_end_the_next_one(provider: Provider) -> None:
    client = provider.client()
    task = call(client, Timing(total_ms=100))
    peer = await provider.peer()
    await peer.request()
    await peer.send(OK)
    await task
    task = call(client)
    await peer.request()
    await asyncio.sleep(0.11)  # the first deadline passes: timers fire in their order
    await peer.send(OK)
    assert (await task).body == b"ok"


async def test_an_endless_body_is_lost_at_the_cap(provider: Provider) -> None:
    client = provider.client(response_cap=100_000)
    task = call(client)
    peer = await provider.peer()
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    with pytest.raises(ConnectionError):
        await peer.pour(100_000_000)
    assert await lost(task) == "OVERSIZE"


async def test_an_endless_head_is_lost(provider: Provider) -> None:
    task = call(provider.client())
    peer = await provider.peer()
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: x\r\n" * 2000)
    assert await lost(task) == "OVERSIZE"


async def test_a_cancelled_call_ends_its_connection_and_frees_its_place(provider: Provider) -> None:
    client = provider.client(max_connections=1, idle_ms=600_000)
    task = call(client)
    peer = await provider.peer()
    await peer.request()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await peer.read_to_end() == b""
    await answered(provider, client)
    assert provider.accepted == 2


# --- answers


async def test_an_answer_in_single_bytes_after_an_interim_one(provider: Provider) -> None:
    client = provider.client()
    task = call(client)
    peer = await provider.peer()
    await peer.request()
    for (
        byte
    ) in b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n":
        await peer.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await task).body == b"ok"
    second = call(client)
    await peer.request()
    await peer.send(OK)
    assert (await second).body == b"ok"


async def test_an_answer_may_end_with_the_connection(provider: Provider) -> None:
    client = provider.client()
    task = call(client)
    peer = await provider.peer()
    await peer.request()
    await peer.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")
    peer.close()
    assert (await task).body == b"all of it"
    await answered(provider, client)


# --- which connections are used again


async def test_a_kept_connection_is_used_again_and_the_last_used_first(provider: Provider) -> None:
    client = provider.client()
    tasks = [call(client), call(client)]
    peers = [await provider.peer(), await provider.peer()]
    for peer in peers:
        await peer.request()
    await peers[0].send(OK)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await peers[1].send(OK)
    await asyncio.gather(*tasks)
    for _ in range(3):
        task = call(client)
        await peers[1].request()
        await peers[1].send(OK)
        await task
    assert provider.accepted == 2


async def test_a_connection_closed_while_idle_is_noticed_before_the_event_loop_polls(provider: Provider) -> None:
    client = provider.client(idle_ms=600_000)
    peer = await answered(provider, client)
    peer.close()  # the loop does not run between this and the next call's first step
    task = call(client)
    new = await provider.peer()
    await new.request()
    await new.send(OK)
    assert (await task).body == b"ok"


async def test_a_connection_closed_while_idle_leaves_the_pool(provider: Provider) -> None:
    client = provider.client(idle_ms=600_000)
    peer = await answered(provider, client)
    peer.close()
    await closed(client)
    await answered(provider, client)


async def test_an_unexpected_answer_is_never_returned_to_the_next_call(provider: Provider) -> None:
    client = provider.client(idle_ms=600_000)
    peer = await answered(provider, client)
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
    await closed(client)
    await answered(provider, client)
    assert provider.accepted == 2


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more than it said",
        OK + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=1\r\n\r\nok",
    ],
)
async def test_a_connection_that_the_server_spoils_or_closes_is_not_used_again(provider: Provider, wire: bytes) -> None:
    client = provider.client(idle_ms=600_000)
    peer = await answered(provider, client, wire)
    await answered(provider, client)
    assert provider.accepted == 2
    assert await peer.read_to_end() == b""


async def test_a_connection_idle_for_too_long_is_not_used_again(provider: Provider) -> None:
    clock = BootClock()
    client = provider.client(boot_clock_ms=clock, idle_ms=4000)
    peer = await answered(provider, client)
    clock.now += 3999
    task = call(client)
    await peer.request()
    await peer.send(OK.replace(b"\r\n\r\n", b"\r\nKeep-Alive: timeout=3, max=9\r\n\r\n"))
    await task
    clock.now += 2001  # the server announced 3 s, less a second of margin
    await answered(provider, client)
    clock.now += 4001
    await answered(provider, client)
    assert provider.accepted == 3


async def test_idle_connections_are_closed_without_a_further_call(provider: Provider) -> None:
    client = provider.client(idle_ms=20)
    peer = await answered(provider, client)
    assert await peer.read_to_end() == b""
    assert client.open_connections == 0


# --- many, and the end


@asynccontextmanager
async def echo_server() -> AsyncIterator[tuple[int, list[int]]]:
    """A server that answers each request with the body of the request, and the number of open connections at each accept."""
    opened: list[int] = []
    connections: set[int] = set()
    numbers = itertools.count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(numbers)
        connections.add(number)
        opened.append(len(connections))
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        connections.discard(number)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    async with server:
        yield server.sockets[0].getsockname()[1], opened


async def test_two_hundred_calls_share_fifty_connections_and_each_gets_its_own_answer() -> None:
    async with echo_server() as (port, opened):
        client = HttpClient(f"http://127.0.0.1:{port}", max_connections=50)
        answers = await asyncio.gather(*(call(client, body=b"body %d" % number) for number in range(200)))
        assert [answer.body for answer in answers] == [b"body %d" % number for number in range(200)]
        assert max(opened) <= 50
        assert client.in_flight == 0
        await client.aclose()
        assert client.open_connections == 0


async def test_close_ends_every_call_with_its_known_state(provider: Provider) -> None:
    client = provider.client(max_connections=1)
    written, waiting = call(client), call(client)
    peer = await provider.peer()
    await peer.request()
    await client.aclose()
    assert await lost(written) == "CLOSED"
    assert await not_written(waiting) == "CLOSED"
    assert await not_written(call(client)) == "CLOSED"
    assert await peer.read_to_end() == b""
    await client.aclose()


async def test_a_call_that_connects_while_the_client_closes_writes_nothing(provider: Provider) -> None:
    client = provider.client()
    task = call(client)
    await asyncio.sleep(0)
    assert (client.in_flight, client.open_connections) == (1, 0)
    await client.aclose()
    assert await not_written(task) == "CLOSED"
    assert await (await provider.peer()).read_to_end() == b""


async def test_a_closed_client_does_not_even_connect() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        client = HttpClient(f"http://127.0.0.1:{bound.getsockname()[1]}")
        await client.aclose()
        assert await not_written(call(client)) == "CLOSED"


async def test_nothing_is_left_to_the_garbage_collector(provider: Provider) -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    client = provider.client()
    peer = await answered(provider, client)
    cancelled = call(client)
    await peer.request()
    cancelled.cancel()
    await asyncio.wait([cancelled])
    broken = call(client)
    peer = await provider.peer()
    await peer.request()
    peer.close()
    await asyncio.wait([broken])
    assert isinstance(broken.exception(), LostError)
    await client.aclose()
    del client, peer, cancelled, broken
    collect_garbage()  # an unclosed transport warns here, and warnings are errors
    assert problems == []


@pytest.mark.parametrize("options", [{"max_connections": 0}, {"response_cap": -1}, {"idle_ms": -1}])
def test_invalid_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        HttpClient("http://h", **options)  # type: ignore[arg-type]  # one integer option each


async def test_a_call_that_is_cancelled_at_any_moment_of_its_connect_leaves_nothing_to_wait_for(
    provider: Provider,
) -> None:
    for rounds in range(40):
        client = provider.client()
        task = call(client)
        for _ in range(rounds):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        async with asyncio.timeout(30):
            await client.aclose()
        assert client.open_connections == 0


async def test_a_connection_whose_end_is_never_reported_does_not_keep_the_client_from_closing(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = provider.client()
    await answered(provider, client)
    monkeypatch.setattr(Connection, "connection_lost", lambda *_: None)
    async with asyncio.timeout(30):
        await client.aclose()


async def test_a_connection_that_is_made_after_its_call_was_cancelled_is_dropped(provider: Provider) -> None:
    register: set[Connection] = set()
    connection = Connection(1_000, register)
    connection.abandon()
    transport, _ = await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", provider.port)
    assert transport.is_closing()
    assert register == set()
