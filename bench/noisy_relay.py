"""Between the simulator and the service: takes every echo, and passes it on as a bad network and a forger would have it (`disturbance.py`)."""

import asyncio
import itertools
import random
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import httptools
import msgspec
from bench import disturbance
from bench.disturbance import FORGERIES, Fate, Fates, Json, Shares, Way

from wework_message.adapters.http import HttpClient, LostError, NotWrittenError, Timing

LATE_S: Final = (0.2, 3.0)
"""How much later what is late leaves; hundreds of others overtake it."""
DUPLICATE_S: Final = (0.0, 3.0)
"""How long after the first copy a duplicate leaves; many leave at once."""
CONNECTIONS: Final = 32
WEBHOOK: Final = "/api/callbacks/webhook"
_HEADERS: Final = (("content-type", "application/json"),)
_ANSWER: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
_UNUSED_IDS: Final = 9_900_000_000

RecordId: TypeAlias = tuple[str, str]
"""Guid and id of a record: every instance numbers its own."""


class NoisyRelay:
    """One run. `tokens` are those of the provider (None) and of guids; the forger knows one of a guid, and uses it for others."""

    def __init__(
        self, service_url: str, tokens: dict[str | None, str], guids: Sequence[str], callbacks: int, seed: int
    ) -> None:
        self._client = HttpClient(service_url, max_connections=CONNECTIONS)
        self._tokens, self._guids = tokens, guids
        self._chances = random.Random(seed)
        self._shares = Shares.of(callbacks)
        self._fates = Fates(self._shares, self._chances)
        self._malformed = disturbance.malformed(guids[0])
        self._forgeries = itertools.cycle(FORGERIES.values())
        self._numbers = itertools.count(1)
        self._turns: defaultdict[str, float] = defaultdict(float)
        self._made: Counter[str] = Counter()
        self._calls: list[Json] = []
        self._unexecuted: list[Json] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self.offered: set[RecordId] = set()
        """The sends of which a copy of the echo was posted, whatever the answer."""
        self.fates: Counter[str] = Counter()
        """Originals and duplicates by what became of them."""
        self.answers: Counter[tuple[str, int]] = Counter()
        """By kind of callback and HTTP status; 0 = none."""

    async def listen(self) -> tuple[asyncio.Server, str]:
        """The server, and the URL to which echoes go."""
        server = await asyncio.get_running_loop().create_server(lambda: _Receiver(self), "127.0.0.1", 0)
        return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/echo"

    @property
    def pending(self) -> int:
        """Callbacks that have not been answered yet."""
        return len(self._tasks)

    def learn(self, calls: Sequence[Json]) -> None:
        """New entries of the ledger, which the forger reads. Only of instances whose own user id the service knows from an answer."""
        known = {call["guid"] for call in self._calls}
        for call in calls:
            if call["path"] == "/msg/send_text" and not call["executed"] and call["guid"] in known:
                self._unexecuted.append(call)
            elif call["path"] == "/msg/send_text" and call["executed"]:
                self._calls.append(call)

    def take(self, body: bytes) -> None:
        """An echo of the simulator; with it go its share of what is not an echo."""
        callback: dict[str, Any] = msgspec.json.decode(body)
        self._original("echo", body, (callback["guid"], callback["data"]["id"]))
        self._accompany()

    def finish(self) -> None:
        """After the last echo: whatever is missing to the numbers of the run."""
        if not self._calls:
            raise RuntimeError("no text was executed: there is nothing to lie about")
        while self._fates.left:
            self._customers_message()
        for make, number in ((self._forge, self._shares.forged), (self._malform, self._shares.malformed)):
            while self._made[make.__name__] < number:
                make()

    async def close(self) -> None:
        """End the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    def _accompany(self) -> None:
        """Forged, malformed and customers' callbacks come all the time, in proportion to the echoes."""
        shares = self._shares
        echoes = shares.originals * 5 / 6
        for make, number in (
            (self._forge, shares.forged), (self._malform, shares.malformed), (self._customers_message, shares.originals / 8),
        ):  # fmt: skip
            self._turns[make.__name__] += number / echoes
            while self._turns[make.__name__] >= 1 and self._made[make.__name__] < number:
                self._turns[make.__name__] -= 1
                make()

    def _original(self, kind: str, body: bytes, record: RecordId | None = None) -> None:
        if not self._fates.left:
            raise RuntimeError("more echoes than originals: there are too few callbacks for so many sends")
        for copy, fate in enumerate(self._fates.next()):
            self.fates[f"{'duplicate' if copy else 'original'}, {fate}"] += 1
            if fate != "dropped":
                if record is not None:
                    self.offered.add(record)
                self._post(kind, "token", body, after_s=self._after_s(fate, copy))

    def _after_s(self, fate: Fate, copy: int) -> float:
        late = self._chances.uniform(*LATE_S) if fate == "late" else 0.0
        return late + (self._chances.choice((0.0, self._chances.uniform(*DUPLICATE_S))) if copy else 0.0)

    def _customers_message(self) -> None:
        self._made["_customers_message"] += 1
        guid = self._chances.choice(self._guids)
        if self._fates.left:
            body = disturbance.customers_message(guid, next(self._numbers), int(time.time()))
            self._original("customer's message", body)

    def _forge(self) -> None:
        """Mostly about calls that were not executed, where a lie that is believed does harm."""
        if not self._calls:
            return
        self._made["_forge"] += 1
        forgery = next(self._forgeries)
        calls = self._calls
        if not forgery.has_its_id and self._unexecuted and self._chances.random() < 0.8:
            calls = self._unexecuted
        call = self._chances.choice(calls[-200:])
        body = disturbance.forged(forgery, call, str(_UNUSED_IDS + next(self._numbers)))
        proven = "with the token" if forgery.way == "token" else "without a valid token"
        self._post(f"forged, {proven}", forgery.way, body, guid=call["guid"])

    def _malform(self) -> None:
        self._made["_malform"] += 1
        self._post("malformed", "token", next(self._malformed))

    def _post(self, kind: str, way: Way, body: bytes, *, after_s: float = 0.0, guid: str = "") -> None:
        task = asyncio.create_task(self._posted(kind, self._path(way, guid), body, after_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _path(self, way: Way, guid: str) -> str:
        match way:
            case "bare":
                return WEBHOOK
            case "unknown token":
                return f"{WEBHOOK}/cb_{secrets.token_urlsafe(32)}"
            case "token of another guid":
                other = next(known for known in self._tokens if known is not None and known != guid)
                return f"{WEBHOOK}/{self._tokens[other]}"
            case "token":
                return f"{WEBHOOK}/{self._tokens[None]}"

    async def _posted(self, kind: str, path: str, body: bytes, after_s: float) -> None:
        await asyncio.sleep(after_s)
        async with self._slots:
            try:
                status = (await self._client.post(path, body, timing=Timing(30_000), headers=_HEADERS)).status
            except (LostError, NotWrittenError):
                status = 0
        self.answers[kind, status] += 1


class _Receiver(asyncio.Protocol):
    """One connection of the simulator."""

    def __init__(self, relay: NoisyRelay) -> None:
        self._relay = relay
        self._parser: Any = httptools.HttpRequestParser(self)
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        self._relay.take(body)
        self._transport.write(_ANSWER)
