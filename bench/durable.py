"""The least that keeps a callback: its body is committed, with those of others, before the 200; and nothing else.

    python -m bench.durable DATABASE_URL

No key, no index, no look-up and no echo: what ours costs beyond it is the price of these, of limits, metrics and logs. `/litestar` is a
Litestar handler as `bare.py` has it, `/asgi` the same past the framework, as our own hot routes go. Prints its port. DATABASE_URL is that of `composite.py`.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec
from bench.bare import Accepted, Callback, serve
from bench.composite import Database, Flusher, open_databases
from litestar import Litestar, Request, post
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

_AUTOINCREMENT: Final = {"sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT", "mysql": "BIGINT PRIMARY KEY AUTO_INCREMENT"}
_decode: Final = msgspec.json.Decoder(Callback).decode
_encode: Final = msgspec.json.Encoder().encode


class Kept:
    """Bodies of callbacks, many in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.flusher = Flusher(self._insert)

    async def keep(self, body: bytes) -> None:
        await self.flusher.submit(body.decode())

    async def _insert(self, bodies: Sequence[str]) -> None:
        values = ", ".join(["(%s)"] * len(bodies))
        await self._database.execute(f"INSERT INTO callback (raw) VALUES {values}", bodies)


@post("/litestar", status_code=200)
async def take(data: Callback, request: Request[Any, Any, Any], state: State) -> Accepted:
    kept: Kept = state.kept
    await kept.keep(await request.body())
    return Accepted("0", data.guid)


class PastFramework:
    """An ASGI application that answers `/asgi` itself and leaves all else to Litestar."""

    def __init__(self, app: Litestar) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"] != "/asgi":
            await self._app(scope, receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        data = _decode(body)
        kept: Kept = self._app.state.kept
        await kept.keep(body)
        answer = _encode(Accepted("0", data.guid))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer, "more_body": False})


@contextlib.asynccontextmanager
async def _running(app: Litestar) -> AsyncIterator[None]:
    url = sys.argv[1]
    database, _ = await open_databases(url)
    await database.execute(f"CREATE TABLE callback (id {_AUTOINCREMENT[url.partition(':')[0]]}, raw TEXT)", ())
    kept = app.state.kept = Kept(database)
    task = asyncio.create_task(kept.flusher.run())
    try:
        yield
    finally:
        task.cancel()


if __name__ == "__main__":
    serve(PastFramework(Litestar([take], openapi_config=None, lifespan=[_running])))
