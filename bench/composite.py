"""The least service that gives the same promise: a 202 is durable, then the provider is called and the status updated.

    python -m bench.composite DATABASE_URL PROVIDER_URL

Litestar + msgspec, group commit and our own HTTP client. It has no lanes, attempts, evidence, budgets, retries or logs: what
ours costs beyond it is the price of those. Prints its port. DATABASE_URL is `sqlite:///PATH` or `mysql://USER:PASSWORD@HOST:PORT/NAME`.
"""

import asyncio
import concurrent.futures
import contextlib
import itertools
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

import asyncmy
import msgspec
from bench.bare import Accepted, Common, serve
from litestar import Litestar, post
from litestar.datastructures import State

from wework_message.adapters.http import HttpClient, Timing

CALLS: Final = 50
"""In flight at once, as ours."""
CREATE: Final = """
CREATE TABLE IF NOT EXISTS message (
  id BIGINT PRIMARY KEY, guid VARCHAR(128), conversation_id VARCHAR(128), message_type VARCHAR(32), content TEXT,
  client_message_id VARCHAR(255) UNIQUE, priority INT, status VARCHAR(16)
)
"""
FIELDS: Final = 8

Row: TypeAlias = tuple[Any, ...]
_encode: Final = msgspec.json.Encoder().encode


class SendMessage(Common, kw_only=True):
    on_unknown: Literal["HOLD", "RESEND"] = "HOLD"


class Database(Protocol):
    async def execute(self, sql: str, parameters: Sequence[Any]) -> None:
        """In a transaction of its own, durable at the end; placeholders are `%s`."""
        ...


class Sqlite:
    def __init__(self, path: str) -> None:
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._connection.execute(f"PRAGMA {pragma}")

    async def execute(self, sql: str, parameters: Sequence[Any]) -> None:
        sql = sql.replace("%s", "?")
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.execute, sql, parameters)


class MariaDb:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def execute(self, sql: str, parameters: Sequence[Any]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.execute(sql, parameters)


class Flusher:
    """Many items in one transaction: those that came while the last one was committed."""

    def __init__(self, flush: Callable[[Sequence[Any]], Awaitable[None]]) -> None:
        self._flush = flush
        self._waiting: list[tuple[Any, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()

    async def submit(self, item: Any) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        self._wake.set()
        await done

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            taken, self._waiting = self._waiting, []
            await self._flush([item for item, _ in taken])
            for _, done in taken:
                done.set_result(None)


class Service:
    def __init__(self, accepts: Database, updates: Database, client: HttpClient) -> None:
        self._accepts, self._updates, self._client = accepts, updates, client
        self._due: asyncio.Queue[Row] = asyncio.Queue()
        self._ids = itertools.count(1)
        self.accepting, self.sent = Flusher(self._insert), Flusher(self._update)

    async def accept(self, data: SendMessage) -> int:
        id_ = next(self._ids)
        row = (
            id_, data.guid, data.conversation_id, data.message_type, data.content, data.client_message_id,
            data.priority, "ACCEPTED",
        )  # fmt: skip
        await self.accepting.submit(row)
        self._due.put_nowait(row)
        return id_

    async def send(self) -> None:
        while True:
            row = await self._due.get()
            body = _encode({"guid": row[1], "conversation_id": row[2], "content": row[4]})
            headers = (("content-type", "application/json"),)
            answer = await self._client.post("/msg/send_text", body, timing=Timing(30_000), headers=headers)
            msgspec.json.decode(answer.body)
            await self.sent.submit(row[0])

    async def _insert(self, rows: Sequence[Row]) -> None:
        values = ", ".join(["(" + ", ".join(["%s"] * FIELDS) + ")"] * len(rows))
        await self._accepts.execute(f"INSERT INTO message VALUES {values}", [value for row in rows for value in row])

    async def _update(self, ids: Sequence[int]) -> None:
        names = ", ".join(["%s"] * len(ids))
        await self._updates.execute(f"UPDATE message SET status = 'SENT' WHERE id IN ({names})", ids)


@post("/send", status_code=202)
async def send(data: SendMessage, state: State) -> Accepted:
    service: Service = state.service
    return Accepted(str(await service.accept(data)), "ACCEPTED")


async def open_databases(url: str) -> tuple[Database, Database]:
    """Two connections, which are one and the same in a file."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        database = Sqlite(url.removeprefix("sqlite:///"))
        return database, database
    login = {
        "host": parts.hostname, "port": parts.port, "user": parts.username, "password": parts.password,
        "database": parts.path[1:], "autocommit": True,
    }  # fmt: skip
    return MariaDb(await asyncmy.connect(**login)), MariaDb(await asyncmy.connect(**login))


@contextlib.asynccontextmanager
async def _running(app: Litestar) -> AsyncIterator[None]:
    database_url, provider_url = sys.argv[1:]
    accepts, updates = await open_databases(database_url)
    await accepts.execute(CREATE, ())
    service = app.state.service = Service(accepts, updates, HttpClient(provider_url, max_connections=CALLS))
    loops = [service.accepting.run(), service.sent.run(), *(service.send() for _ in range(CALLS))]
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    serve(Litestar([send], openapi_config=None, lifespan=[_running]))
