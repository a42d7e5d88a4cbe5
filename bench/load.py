"""Load over kept-alive connections, as a process of its own: raw sockets, no HTTP library but the parser.

    python -m bench.load URL BODY --seconds 2     (or --count 10000, or both --count 10000 and --per-second 500)

Each connection posts one request after the other; with `--per-second` each request has its time, from which its latency counts.

BODY is a name in `BODIES`, or the path of a file with one body per line, each of which is posted once. Prints one line of JSON:
answers, seconds, answers per second, latencies and own CPU.
"""

import argparse
import asyncio
import itertools
import json
import os
import resource
import sys
import time
import uuid
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httptools
import uvloop

CONNECTIONS: Final = 64
GUIDS: Final = 50
CONVERSATIONS: Final = 997
"""Coprime to `GUIDS`, so that a lane comes again only after some 50,000 messages."""
KEY: Final = "BENCH_API_KEY"
"""The variable with the key that requests show."""

TAKEN: Final = frozenset({200, 202})

SCHEDULED_AT: Final = f"{datetime.now(UTC) + timedelta(days=300):%Y-%m-%dT%H:%M:%SZ}".encode()
"""After every run, and within the year that a message may be scheduled ahead."""

_TEXT: Final = b"hello wecom, this is a text message of a normal length, sent to one external contact"
_FIELDS: Final = (
    b'{"guid":"guid-%d","conversationId":"S:%d","messageType":"TEXT","content":"' + _TEXT + b'",'
    b'"clientMessageId":"%s-%d","priority":5,"duplicateSafe":false'
)
BODIES: Final = {
    "send": _FIELDS + b',"onUnknown":"HOLD"}',
    "scheduled": _FIELDS + b',"scheduledAt":"' + SCHEDULED_AT + b'"}',
    "others": _FIELDS.replace(b"guid-%d", b"other-%d") + b',"scheduledAt":"' + SCHEDULED_AT + b'"}',
}
"""Eight fields each; a scheduled message is accepted durably and not dispatched. `others` are of other instances."""


def bodies(name: str) -> Iterator[bytes]:
    """Endless new bodies of this name; for a path its lines."""
    if name not in BODIES:
        yield from Path(name).read_bytes().splitlines()
        return
    run = uuid.uuid4().hex[:12].encode()
    for number in itertools.count():
        yield BODIES[name] % (number % GUIDS, 1_000_000 + number % CONVERSATIONS, run, number)


class Load:
    """The state that all connections share."""

    def __init__(self, url: str, body: str, *, count: int | None, seconds: float | None, skip_s: float = 0.0) -> None:
        """Answers of the first `skip_s` count for nothing."""
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        if KEY in os.environ:
            head += f"X-API-Key: {os.environ[KEY]}\r\n"
        self.head = head.encode() + b"Content-Length: %d\r\n\r\n%s"
        self.bodies = bodies(body)
        self.limit = count
        self.until = None if seconds is None else time.perf_counter() + seconds
        self.counts_from = time.perf_counter() + skip_s
        self.requested = self.answered = self.bad = self.taken = 0
        """`taken` counts from the beginning."""
        self.latencies: list[float] = []
        self.taken_latencies: list[float] = []
        """Of what was accepted."""
        self.ended = asyncio.get_running_loop().create_future()
        self.open = 0

    def next(self) -> bytes | None:
        """The next request, or None at the end."""
        number = self.requested
        if (self.limit is not None and number >= self.limit) or (
            self.until is not None and time.perf_counter() >= self.until
        ):
            return None
        if (body := next(self.bodies, None)) is None:
            return None
        self.requested += 1
        return self.head % (len(body), body)

    def fail(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)

    def leave(self) -> None:
        self.open -= 1
        if not self.open and not self.ended.done():
            self.ended.set_result(None)


class Connection(asyncio.Protocol):
    """One request after the other."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.parser: Any = httptools.HttpResponseParser(self)
        self.began = 0.0
        self.leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.load.open += 1

    def begin(self) -> None:
        request = self.load.next()
        if request is None:
            self.leave()
            return
        self.began = time.perf_counter()
        self.transport.write(request)

    def leave(self) -> None:
        self.leaving = True
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        load = self.load
        now = time.perf_counter()
        load.taken += self.parser.get_status_code() in TAKEN
        if now >= load.counts_from:
            self.count(now - self.began)
        self.begin()

    def count(self, latency_s: float) -> None:
        load = self.load
        load.latencies.append(latency_s)
        load.answered += 1
        if self.parser.get_status_code() in TAKEN:
            load.taken_latencies.append(latency_s)
        else:
            load.bad += 1

    def connection_lost(self, error: Exception | None) -> None:
        if not self.leaving:
            self.load.fail(error or ConnectionError("the server closed a connection"))
        self.load.leave()


class OpenLoad(Load):
    """An open loop: `count` requests at a steady rate, whatever the answers. One that finds no connection free waits."""

    def __init__(self, url: str, body: str, *, count: int, per_second: float) -> None:
        super().__init__(url, body, count=count, seconds=None)
        self.times: deque[float] = deque()
        """When the requests were due that no connection has taken."""
        self.idle: deque[PacedConnection] = deque()
        """The one that was used longest ago comes first: a server closes what is idle for long."""
        self.count, self.per_second = count, per_second
        self.all_due = False

    async def pace(self) -> None:
        began = time.perf_counter()
        for number in range(self.count):
            due = began + number / self.per_second
            if (wait_s := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            self.times.append(due)
            if self.idle:
                self.idle.popleft().begin()
        self.all_due = True
        for connection in self.idle:
            connection.leave()


class PacedConnection(Connection):
    """The next request that is due, or none."""

    load: OpenLoad

    def begin(self) -> None:
        if self.load.times:
            super().begin()
            self.began = self.load.times.popleft()
        elif self.load.all_due:
            self.leave()
        else:
            self.load.idle.append(self)


async def drive(
    url: str,
    body: str,
    *,
    count: int | None,
    seconds: float | None,
    per_second: float | None = None,
    connections: int = CONNECTIONS,
    skip: float = 0.0,
) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    if per_second is None:
        load, kind = Load(url, body, count=count, seconds=seconds, skip_s=skip), Connection
    else:
        load, kind = OpenLoad(url, body, count=count or 0, per_second=per_second), PacedConnection
    opened = [await loop.create_connection(lambda: kind(load), load.host, load.port) for _ in range(connections)]
    began = time.perf_counter()
    for _, connection in opened:
        connection.begin()
    if isinstance(load, OpenLoad):
        await load.pace()
    await load.ended
    took = time.perf_counter() - began - skip
    usage = resource.getrusage(resource.RUSAGE_SELF)
    ordered, taken = sorted(load.latencies), sorted(load.taken_latencies)
    return {
        "answers": load.answered,
        "bad": load.bad,
        "seconds": took,
        "per_second": load.answered / took,
        "p50_ms": ordered[len(ordered) // 2] * 1000,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
        "taken": len(taken),
        "taken_in_all": load.taken,
        "taken_per_second": len(taken) / took,
        "taken_p99_ms": taken[len(taken) * 99 // 100] * 1000 if taken else 0.0,
        "own_cpu_us": (usage.ru_utime + usage.ru_stime) / load.answered * 1e6,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Load")
    parser.add_argument("url")
    parser.add_argument("body", help=f"{' or '.join(BODIES)}, or a path")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--count", type=int)
    parser.add_argument("--per-second", type=float)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--skip", type=float, default=0.0, help="seconds of a closed loop that count for nothing")
    arguments = parser.parse_args()
    limits = {name: getattr(arguments, name) for name in ("count", "seconds", "per_second", "connections", "skip")}
    print(json.dumps(uvloop.run(drive(arguments.url, arguments.body, **limits))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
