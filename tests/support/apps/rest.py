"""The REST API of an application on memory adapters."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from litestar import Litestar
from tests.support.apps.guxing_app import running
from tests.support.apps.in_memory_app import InMemoryApp
from tests.support.polling import until

from wework_message.application.api import Application
from wework_message.application.policy import Policy
from wework_message.domain.ports.no_tracer import NO_TRACER
from wework_message.domain.ports.queries import MessageReader, StatusReader
from wework_message.domain.ports.tracer import Tracer
from wework_message.entrypoints.rest.app import create_app
from wework_message.entrypoints.rest.config import Config, HttpExchange
from wework_message.entrypoints.rest.edge import Edge

TEXT: dict[str, Any] = {
    "guid": "test-guid",
    "conversationId": "S:12345",
    "messageType": "TEXT",
    "content": "测试消息",
}
"""The seed's own request."""

SEND = "/message/api/messages/send"
ASYNC = "/message/api/messages/send/async"
BATCH = "/message/api/messages/send/batch"


@dataclass(slots=True)
class Rest:
    """A client of the API, and the application that answers it."""

    client: httpx.AsyncClient
    in_memory_app: InMemoryApp
    app: Edge
    exchanges: list[HttpExchange] = field(default_factory=list)
    stored_before: int = 0
    """Number of messages that tests before this one have stored, where tests share the application."""

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.client.post(path, json=body, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(path, **options)

    async def accept(self, **changes: Any) -> str:
        """Send asynchronously; the id."""
        answer = await self.post(ASYNC, TEXT | changes)
        assert answer.status_code == 202, answer.text
        message_id: str = answer.json()["data"]["messageId"]
        return message_id

    async def sent(self, **changes: Any) -> str:
        """Send and wait; the id."""
        answer = await self.post(SEND, TEXT | changes)
        assert answer.status_code == 200, answer.text
        message_id: str = answer.json()["data"]["messageId"]
        return message_id

    async def status_of(self, message_id: str) -> dict[str, Any]:
        answer = await self.get(f"/api/messages/{message_id}/status")
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def reaches(self, message_id: str, status: str) -> dict[str, Any]:
        """The status object, once it has this status."""

        async def there() -> bool:
            return str((await self.status_of(message_id))["status"]) == status

        await until(there)
        return await self.status_of(message_id)


@asynccontextmanager
async def serving(
    policy: Policy | None = None,
    *,
    dispatching: bool = True,
    polled: Callable[[MessageReader], StatusReader] | None = None,
    **settings: Any,
) -> AsyncIterator[Rest]:
    """The API without a socket. `settings` go to its `Config`; `polled` makes another reader that answers status polls."""
    exchanges: list[HttpExchange] = []
    tracer: Tracer = settings.get("tracer", NO_TRACER)
    async with running(policy, dispatching=dispatching, tracer=tracer) as in_memory_app:
        application = in_memory_app.application
        if polled is not None:
            application = dataclasses.replace(application, poll=polled(application.read))
        served = Served(application, in_memory_app.clock.now, exchanges)
        async with free_server(**settings).serving(served) as app:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # type: ignore[arg-type] # httpx knows no scope types
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                yield Rest(client, in_memory_app, app, exchanges)


@asynccontextmanager
async def client_of(
    application: Application, now: Callable[[], int], **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API of an application with parts that a test has replaced."""
    async with free_server(**settings).serving(Served(application, now, [])) as app:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type] # httpx knows no scope types
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


@dataclass(frozen=True, slots=True)
class Served:
    """What a server serves during one test."""

    application: Application
    now: Callable[[], int]
    exchanges: list[HttpExchange]


class Server:
    """The API of one test after the other: building it takes longer than most tests."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.served: Served | None = None
        known: dict[str, Any] = {"version": "0.1.0", "now": self._now, "observe": self._observe}
        self.config = Config(**known | settings)
        self._app = create_app(self._opened, self.config)

    @asynccontextmanager
    async def serving(self, served: Served) -> AsyncIterator[Edge]:
        self.served = served
        try:
            async with self._started():
                yield self._app
        finally:
            self.served = None

    @asynccontextmanager
    async def _started(self) -> AsyncIterator[None]:
        """Within the application's lifespan, which one task must enter and leave; pytest gives a fixture one for each."""
        assert isinstance(self._app.app, Litestar)
        lifespan, began, ends = self._app.app.lifespan(), asyncio.Event(), asyncio.Event()

        async def live() -> None:
            async with lifespan:
                began.set()
                await ends.wait()

        task = asyncio.create_task(live())
        try:
            async with asyncio.timeout(30):
                await began.wait()
            yield
        finally:
            ends.set()
            await task

    @property
    def _current(self) -> Served:
        assert self.served is not None
        return self.served

    def _now(self) -> int:
        return self._current.now()

    def _observe(self, exchange: HttpExchange) -> None:
        self._current.exchanges.append(exchange)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Application]:
        yield self._current.application


_SERVERS: Final[dict[frozenset[tuple[str, Any]], list[Server]]] = {}
"""By their settings."""


def free_server(**settings: Any) -> Server:
    """One that serves no other test now. `settings` go to its `Config`."""
    servers = _SERVERS.setdefault(frozenset(settings.items()), [])
    free = next((server for server in servers if server.served is None), None)
    if free is None:
        free = Server(settings)
        servers.append(free)
    return free


async def empty_metrics() -> tuple[bytes, str]:
    """An exposition without metrics."""
    return b"", "text/plain"
