"""CPU per provider call: our client against aiohttp, in one interleaved run on one machine.

    python -m bench.provider_client [--rounds 5]

Both encode a request and decode the provider's reply with msgspec and run on uvloop with one deadline per call. The stub
provider and every measurement are processes of their own, so that the CPU time counted is that of the client alone.
Goals: at most 0.5 times aiohttp's CPU per request at 50 and at 200 in flight, and from 50 to 200 at most 1.3 times as much.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import msgspec
import uvloop

from wework_message.adapters.http import HttpClient, Timing

CLIENTS: Final = ("ours", "aiohttp")
IN_FLIGHT: Final = (50, 200)
DELAYS_MS: Final = (0, 50)
SECONDS: Final = 1.5
GOAL_RATIO: Final = 0.5
GOAL_GROWTH: Final = 1.3
PATH: Final = "/msg/send_text"
HEADERS: Final = (("content-type", "application/json"), ("x-request-id", "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"))
REPLY: Final = json.dumps(
    {
        "error_code": 0,
        "error_message": "",
        "data": {
            "msg_data": {
                "id": "1014713",
                "seq": "9117413",
                "messagetype": 0,
                "sender": "1688850000000001",
                "receiver": "7881300000000001",
                "roomid": "0",
                "contenttype": 2,
                "content": "CggIABIECgJoaQ==",
                "sendtime": 1700000000,
                "flag": 16777216,
                "appinfo": "Q0FFUUFBPT0=",
            },
            "is_svr_fail": False,
        },
    }
).encode()


class Request(msgspec.Struct):
    guid: str
    conversation_id: str
    content: str


class MsgData(msgspec.Struct):
    id: str
    seq: str
    sendtime: int


class Data(msgspec.Struct):
    msg_data: MsgData
    is_svr_fail: bool


class Reply(msgspec.Struct):
    error_code: int
    error_message: str
    data: Data


Exchange = Callable[[bytes], Awaitable[bytes]]


class Stub(asyncio.Protocol):
    """Answers every complete request with the reply, after `delay_s`."""

    answer: Final = (
        b"HTTP/1.1 200 OK\r\nserver: stub\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(REPLY) + REPLY
    )

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self.received = body[length:]
        if self.delay_s:
            asyncio.get_running_loop().call_later(self.delay_s, self.transport.write, self.answer)
        else:
            self.transport.write(self.answer)


async def serve_stub(delay_ms: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stub(delay_ms / 1000), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the parent closes the pipe


@contextlib.asynccontextmanager
async def ours(port: int, in_flight: int) -> Any:
    client = HttpClient(f"http://127.0.0.1:{port}", max_connections=in_flight)
    timing = Timing(total_ms=30_000)

    async def exchange(body: bytes) -> bytes:
        return (await client.post(PATH, body, timing=timing, headers=HEADERS)).body

    yield exchange
    await client.aclose()


@contextlib.asynccontextmanager
async def theirs(port: int, in_flight: int) -> Any:
    import aiohttp  # noqa: PLC0415 - the other client's process is measured without it

    url, headers = f"http://127.0.0.1:{port}{PATH}", dict(HEADERS)
    connector, timeout = aiohttp.TCPConnector(limit=in_flight), aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def exchange(body: bytes) -> bytes:
            async with session.post(url, data=body, headers=headers) as answer:
                return await answer.read()

        yield exchange


async def drive(exchange: Exchange, in_flight: int, seconds: float) -> int:
    """Keep `in_flight` calls running for `seconds`, at least one each; the number of calls that were answered."""
    encoder, decoder = msgspec.json.Encoder(), msgspec.json.Decoder(Reply)
    until = time.perf_counter() + seconds

    async def sender() -> int:
        done = 0
        while not done or time.perf_counter() < until:
            text = f"message number {done} " + "x" * 60
            request = Request("b3c1d7d0-aaaa-4bbb-8ccc-0123456789ab", "S:1688850000_7881300000", text)
            reply = decoder.decode(await exchange(encoder.encode(request)))
            if reply.error_code != 0 or reply.data.is_svr_fail:
                raise RuntimeError("the stub said no")
            done += 1
        return done

    return sum(await asyncio.gather(*(sender() for _ in range(in_flight))))


async def measure(client: str, in_flight: int, port: int) -> float:
    """CPU microseconds, user and system, of this process per request."""
    async with (ours if client == "ours" else theirs)(port, in_flight) as exchange:
        await drive(exchange, in_flight, 0.1)  # connections and caches are warm
        before = resource.getrusage(resource.RUSAGE_SELF)
        count = await drive(exchange, in_flight, SECONDS)
        after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / count * 1e6


@contextlib.contextmanager
def stub_process(delay_ms: int) -> Iterator[int]:
    command = [sys.executable, "-m", "bench.provider_client", "--stub", str(delay_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


def measure_in_process(client: str, in_flight: int, port: int) -> float:
    command = [sys.executable, "-m", "bench.provider_client", "--one", client, str(in_flight), str(port)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def run(rounds: int) -> dict[str, Any]:
    """Measure; one entry per delay of the stub, in milliseconds.

    `cpu_us`: client -> calls in flight -> median CPU per request; `ratio`: calls in flight -> median of the rounds' ours
    by aiohttp's; `growth`: median of the rounds' ours at 200 by ours at 50; `ok`: every goal was met.
    """
    result: dict[str, Any] = {}
    for delay_ms in DELAYS_MS:
        samples: dict[tuple[str, int], list[float]] = {(c, n): [] for c in CLIENTS for n in IN_FLIGHT}
        with stub_process(delay_ms) as port:
            for turn in range(rounds):
                for client in CLIENTS if turn % 2 == 0 else reversed(CLIENTS):
                    for in_flight in IN_FLIGHT:
                        samples[client, in_flight].append(measure_in_process(client, in_flight, port))
        result[str(delay_ms)] = _summary(samples)
    return result


def _summary(samples: dict[tuple[str, int], list[float]]) -> dict[str, Any]:
    low, high = IN_FLIGHT
    ratio = {n: _median_ratio(samples["ours", n], samples["aiohttp", n]) for n in IN_FLIGHT}
    growth = _median_ratio(samples["ours", high], samples["ours", low])
    return {
        "cpu_us": {c: {n: statistics.median(samples[c, n]) for n in IN_FLIGHT} for c in CLIENTS},
        "ratio": ratio,
        "growth": growth,
        "ok": max(ratio.values()) <= GOAL_RATIO and growth <= GOAL_GROWTH,
    }


def _median_ratio(ours_us: list[float], other_us: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours_us, other_us, strict=True))


def report(result: dict[str, Any]) -> None:
    print("CPU microseconds per request (median of the rounds); x = times aiohttp")
    print(f"{'stub':>7} {'in flight':>10} {'ours':>8} {'aiohttp':>8} {'x':>6}  goal <= {GOAL_RATIO}")
    for delay_ms, entry in result.items():
        for n in IN_FLIGHT:
            own, other, ratio = entry["cpu_us"]["ours"][n], entry["cpu_us"]["aiohttp"][n], entry["ratio"][n]
            print(f"{delay_ms:>4} ms {n:>10} {own:>8.1f} {other:>8.1f} {ratio:>6.2f}  {_mark(ratio, GOAL_RATIO)}")
        growth = entry["growth"]
        print(f"{delay_ms:>4} ms  growth 50 -> 200: {growth:.2f}  goal <= {GOAL_GROWTH}: {_mark(growth, GOAL_GROWTH)}")


def _mark(value: float, goal: float) -> str:
    return "met" if value <= goal else "MISSED"


def main() -> int:
    parser = argparse.ArgumentParser(description="CPU per provider call: our client against aiohttp")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=3, metavar=("CLIENT", "IN_FLIGHT", "PORT"), help=argparse.SUPPRESS)
    parser.add_argument("--stub", type=int, metavar="DELAY_MS", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stub is not None:
        uvloop.run(serve_stub(arguments.stub))
    elif arguments.one:
        print(uvloop.run(measure(arguments.one[0], int(arguments.one[1]), int(arguments.one[2]))))
    else:
        result = run(arguments.rounds)
        print(json.dumps(result)) if arguments.json else report(result)
        return 0 if all(entry["ok"] for entry in result.values()) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
