"""Clients that send all kinds of messages concurrently, log the answers, and repeat requests that got no answer."""

import asyncio
import itertools
import json
import random
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import httpx
from tests.support.load.oracle import Call, Execution, Row
from tests.support.processes.running_service import Json, client_of

GUIDS: Final = 6
LANES: Final = 96
WORKERS: Final = 12
BATCH: Final = (2, 3, 5)
RETRY_DELAY_S: Final = 0.02
OTHER_BODIES: Final = 0.06
"""Share of single messages whose client uses the key once more, for another message."""
CANCELLATIONS: Final = 0.1
"""Share of single messages that their client cancels at once."""
RECALLS: Final = 0.1
"""Share of single messages that their client recalls, most of them once they are sent."""
STATUS_CHANGES: Final = 2
"""From QUEUED to SENT. After the last change of all, one look takes its two seconds."""

_TOKEN: Final = re.compile(r"tok-\d+")
_MD5: Final = "25e2b1b5a1f0d0c7a1b2c3d4e5f60718"
_FILE: Final[Json] = {"fileId": "3069", "fileSize": 772_458, "aesKey": "7e7c", "md5": _MD5}
_IDENTIFIED_BY_TEXT: Final = frozenset({"TEXT", "MENTION"})


class RoundRobinClient:
    """A client of several addresses of one service; it uses them in turn."""

    def __init__(self, clients: Sequence[httpx.AsyncClient]) -> None:
        self._turns = itertools.cycle(clients)

    @classmethod
    @asynccontextmanager
    async def of(cls, urls: Sequence[str]) -> AsyncIterator["RoundRobinClient"]:
        async with AsyncExitStack() as stack:
            yield cls([await stack.enter_async_context(client_of(url)) for url in urls])

    async def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        return await next(self._turns).request(method, path, **content)


class Load:
    """`WORKERS` clients with `LANES` lanes among them; in a lane a request begins only after the one before."""

    def __init__(self, url: str, seed: int, *others: str) -> None:
        """With `others`, clients use all addresses in turn."""
        self.log: list[Call] = []
        self.withdrawn: set[str] = set()
        """Ids of the messages that a client asked to cancel or to recall, whatever the answer."""
        self.up = asyncio.Event()
        """Set while the service is thought to answer."""
        self.unanswered: list[str] = []
        """One entry for each request without an answer: a status from 500 on with its code, or the type of the error."""
        self._urls = (url, *others)
        self._random_source = random.Random(seed)
        self._numbers = itertools.count(1)
        self._permits: asyncio.Queue[None] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []

    @property
    def requested(self) -> int:
        """Number of messages that clients have requested, refused ones included."""
        return len({call.key for call in self.log})

    @property
    def waiting(self) -> int:
        """Requests that no client has begun."""
        return self._permits.qsize()

    def begin(self) -> None:
        lanes = [range(first, LANES, WORKERS) for first in range(WORKERS)]
        self._workers = [asyncio.create_task(self._work(lanes[n], random.Random(n))) for n in range(WORKERS)]

    def request(self, requests: int) -> None:
        """Let the clients make that many more requests; a batch is one request."""
        for _ in range(requests):
            self._permits.put_nowait(None)

    async def idle(self) -> None:
        """Return once every request is answered. The clients stay for more."""
        done = asyncio.create_task(self._permits.join())
        try:
            await asyncio.wait([done, *self._workers], return_when=asyncio.FIRST_COMPLETED)
            for worker in self._workers:
                if worker.done():
                    await worker  # it never ends by itself: raise what it raised
            await done
        finally:
            done.cancel()

    async def finish(self) -> None:
        """Return once every request is answered, and end the clients."""
        try:
            await self.idle()
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self, lanes: Sequence[int], random_source: random.Random) -> None:
        async with RoundRobinClient.of(self._urls) as client:
            while True:
                await self._permits.get()
                kind = random_source.random()
                if kind < 0.1:
                    await self._refused(client, self._message(random_source.choice(lanes), random_source))
                elif kind < 0.3:
                    chosen = random_source.sample(lanes, 1) * random_source.choice(BATCH)
                    await self._batch(client, [self._message(lane, random_source) for lane in chosen])
                else:
                    route = "send" if kind < 0.55 else "send/async"
                    body = self._message(random_source.choice(lanes), random_source)
                    await self._follow(client, body, await self._single(client, route, body), random_source.random())
                self._permits.task_done()

    def _message(self, lane: int, random_source: random.Random) -> Json:
        """A message with a key and a token of its own; every fourth lane is a room."""
        token = f"tok-{next(self._numbers)}"
        room = lane % 4 == 0
        contents: list[Json] = [
            {"messageType": "TEXT", "content": token},
            {"messageType": "LINK", "linkTitle": token, "linkUrl": "https://example.com/"},
            {"messageType": "FILE", "fileName": f"{token}.pdf", **_FILE},
            {"messageType": "IMAGE", "imageWidth": 6, "imageHeight": 8, **_FILE, "fileId": token},
        ]
        if room:
            contents.append({"messageType": "MENTION", "content": f"{{$@}} {token}", "atList": ["0"]})
        # Half of all are texts: an echo can settle a text whose answer was lost.
        content = contents[0] if random_source.random() < 0.5 else random_source.choice(contents)
        address = {"guid": f"g{lane % GUIDS}", "conversationId": f"{'R' if room else 'S'}:{1000 + lane}"}
        return address | content | {"clientMessageId": f"key-{token}"}

    async def _single(self, client: RoundRobinClient, route: str, body: Json) -> str:
        data = await self._until_answered(client, route, body, [body])
        message_id: str = data["messageId"]
        self._note(body, "ok", message_id)
        return message_id

    async def _follow(self, client: RoundRobinClient, body: Json, message_id: str, kind: float) -> None:
        """Some clients use the key again for another message, and some take their message back."""
        if kind < OTHER_BODIES:
            other = body | {"conversationId": f"{body['conversationId']}0"}
            answer = await self._post(client, "send/async", other, None)
            assert answer is None or answer.status_code in {409, 500, 503}, answer.text
        elif kind < OTHER_BODIES + CANCELLATIONS:
            self.withdrawn.add(message_id)
            await self._request(client, "POST", f"{message_id}/cancel")
        elif kind < OTHER_BODIES + CANCELLATIONS + RECALLS:
            self.withdrawn.add(message_id)
            for _ in range(STATUS_CHANGES):
                await self._request(client, "GET", f"{message_id}/status?wait=2")
            await self._request(client, "DELETE", f"{body['guid']}/messages/{message_id}")

    async def _batch(self, client: RoundRobinClient, items: list[Json]) -> None:
        key = f"batch-{items[0]['clientMessageId']}"
        data = await self._until_answered(client, "send/batch", {"messages": items}, items, key)
        assert data["accepted"] == len(items), data
        for item in data["items"]:
            self._note(items[item["index"]], "ok", item["messageId"])

    async def _refused(self, client: RoundRobinClient, body: Json) -> None:
        bad = body | {"conversationId": "X:1"}
        answer = await self._post(client, "send/async", bad, None)
        while answer is None or answer.status_code >= 500:
            await self._pause()
            answer = await self._post(client, "send/async", bad, None)
        assert answer.status_code == 422, answer.text
        self._note(body, "fail")

    async def _until_answered(
        self, client: RoundRobinClient, route: str, body: Json, items: Sequence[Json], key: str | None = None
    ) -> Json:
        while True:
            answer = await self._post(client, route, body, key)
            if answer is not None and answer.status_code < 500:
                assert answer.status_code in {200, 202}, answer.text
                data: Json = answer.json()["data"]
                return data
            for item in items:
                self._note(item, "info")
            await self._pause()

    async def _post(self, client: RoundRobinClient, route: str, body: Json, key: str | None) -> httpx.Response | None:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self._request(client, "POST", route, json=body, headers=headers)

    async def _request(
        self, client: RoundRobinClient, method: str, route: str, **content: Any
    ) -> httpx.Response | None:
        try:
            answer = await client.request(method, f"/api/messages/{route}", **content)
        except httpx.TransportError as error:
            self.unanswered.append(type(error).__name__)
            return None
        if answer.status_code >= 500:
            self.unanswered.append(f"{answer.status_code} {answer.json()['error']} {route}")
        return answer

    async def _pause(self) -> None:
        await asyncio.sleep(RETRY_DELAY_S)
        await self.up.wait()

    def _note(self, body: Json, verdict: str, message_id: str | None = None) -> None:
        key: str = body["clientMessageId"]
        lane = f"{body['guid']} {body['conversationId']}"
        self.log.append(Call(key, verdict, key.removeprefix("key-"), lane, message_id))  # type: ignore[arg-type] # one of three


def rows_of(items: Sequence[Json], attempts: Mapping[str, Sequence[Json]]) -> list[Row]:
    """The rows for the oracle: items of a list, and the attempts by message id."""
    return [
        Row(
            message_id=item["messageId"],
            key=item["clientMessageId"],
            status=item["status"],
            identified_by_text=item["messageType"] in _IDENTIFIED_BY_TEXT,
            confirmed=item["confirmed"],
            possible_duplicate=item["possibleDuplicate"],
            attempts=item["attempts"],
            uncertain=sum(attempt["outcome"] == "UNCERTAIN" for attempt in attempts.get(item["messageId"], ())),
        )
        for item in items
    ]


def executions_of(ledger: Sequence[Json]) -> list[Execution]:
    """The executed sends of a ledger."""
    return [
        Execution(entry["n"], entry["marker"], _token(entry["body"]), entry["echoOffered"])
        for entry in ledger
        if entry["executed"] and entry["path"].startswith("/msg/send_")
    ]


def _token(body: Json) -> str | None:
    match = _TOKEN.search(json.dumps(body))
    return None if match is None else match[0]
