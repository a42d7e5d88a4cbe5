"""The savings of the short way of the hot routes: the same work as an ordinary Litestar handler, in one process, in turns.

    python -m bench.short_way [--rounds 9]

`accept` is POST send/async on SQLite, durable at the answer; `poll` is GET status of a stored message. No socket and no HTTP
parser: a request is an ASGI scope, so that what is compared is a larger part of what is measured. CPU time is that of the process.
"""

import argparse
import asyncio
import itertools
import logging
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import uvloop
from bench.load import BODIES
from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.params import HeaderParameter, RawBody
from tests.support.apps.doubles import NullObserver

from wework_message.adapters.rocketmq.queue_metrics import QueueMetrics
from wework_message.application.accept.accept import AcceptMessage, message_id
from wework_message.application.api import Application
from wework_message.application.role import Role
from wework_message.bootstrap.process import ProcessMetrics, running
from wework_message.bootstrap.settings import load
from wework_message.domain.access.scopes import Scope
from wework_message.domain.ids import MessageId
from wework_message.entrypoints.rest.api import Api, ApiDependency, Running, link
from wework_message.entrypoints.rest.app import create_app
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.edge import Edge
from wework_message.entrypoints.rest.http.envelope import ACCEPTED, Enveloped
from wework_message.entrypoints.rest.http.problems import ExceptionHandler
from wework_message.entrypoints.rest.http.query_parameters import Name, check_parameters
from wework_message.entrypoints.rest.http.routing import NOT_AUDITED, get, post
from wework_message.entrypoints.rest.resources.messages import Wait
from wework_message.entrypoints.wire.answers.statuses import AsyncAnswer, StatusAnswer
from wework_message.entrypoints.wire.requests.send import parse_send

IN_FLIGHT: Final = 64
REQUESTS: Final = {"accept": 2_000, "poll": 2_000}
"""Of one round."""
KEY: Final = HeaderParameter(name="Idempotency-Key")
Contestants: TypeAlias = dict[str, Edge]


@post("/api/messages/send/async", scope=Scope.MESSAGES_SEND, audit=NOT_AUDITED, status_code=ACCEPTED)
async def ordinary_accept(
    api: ApiDependency,
    request: Request[Any, Any, Any],
    body: RawBody,
    idempotency_key: Annotated[str | None, KEY] = None,
) -> Enveloped[AsyncAnswer]:
    """As the product accepts, but Litestar reads the body and the header, and makes the response."""
    config = api.config
    ask = parse_send(body, limits=config.limits, now=config.now(), idempotency_key=idempotency_key)
    command = AcceptMessage(api.tenant_id, ask.drafts, "ASYNC", ask.is_group, ask.client_message_id)
    accepted = await api.take_work().accept(command)
    url = link(request, f"/api/messages/{message_id(accepted)}/status")
    answer = AsyncAnswer(
        message_id=message_id(accepted),
        account_id=accepted.account_id,
        status="SCHEDULED",
        duplicate=False,
        scheduled_at=None,
        status_url=url,
    )
    return Enveloped(answer, headers={"location": url})


@get("/api/messages/{message_id:str}/status", scope=Scope.MESSAGES_READ)
async def ordinary_poll(api: ApiDependency, message_id: Name, wait: Wait = 0) -> StatusAnswer:  # noqa: ARG001 -- bound, as in the product
    """As the product answers a poll, but Litestar makes the response."""
    requested = MessageId(message_id)
    return api.polled((await api.application.poll.statuses(api.tenant_id, [requested]))[requested])


class SilentObserver(NullObserver):
    """Records nothing, of intake either."""

    def intake(self, result: str, reason: str | None) -> None: ...


def _ignored(*_: object) -> None: ...


def _undocumented(_: str) -> bytes:
    return b""


async def measure(rounds: int, folder: Path) -> dict[str, Any]:
    """Both comparisons on one SQLite database."""
    settings = {
        "DATASOURCE_URL": f"sqlite:///{folder}/bench.db",
        "APP_MESSAGE_LIMITS_RATE_LIMIT_PER_MINUTE": "1000000",
    }
    process_metrics = ProcessMetrics(_ignored, QueueMetrics(), _ignored)
    async with running(
        load(settings, config_dir=folder), SilentObserver(), process_metrics, role=Role.ACCEPTING
    ) as process:
        application = process.application
        product = create_app(application, Config(version="0"))
        numbers = itertools.count()
        stored = await _send(product, b"POST", _body(numbers))

        async def accept(app: Edge) -> None:
            await _send(app, b"POST", _body(numbers))

        async def poll(app: Edge) -> None:
            await _send(app, b"GET", b"", f"/api/messages/{stored['messageId']}/status")

        return {
            "accept": await _compare(
                {"short": product, "ordinary": _app(application, ordinary_accept)}, accept, "accept", rounds
            ),
            "poll": await _compare(
                {"short": product, "ordinary": _app(application, ordinary_poll)}, poll, "poll", rounds
            ),
        }


def _app(application: Application, handler: Any) -> Edge:
    config = Config(version="0")
    api = Api(config, _undocumented, Running(application))
    litestar = Litestar(
        route_handlers=[handler],
        dependencies={"api": Provide(lambda: api, sync_to_thread=False)},
        before_request=check_parameters,
        exception_handlers={Exception: ExceptionHandler(config.now)},
        state=State({"now": config.now}),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    return Edge(litestar, config)


def _body(numbers: "itertools.count[int]") -> bytes:
    number = next(numbers)
    return BODIES["scheduled"] % (number % 50, number % 997, b"bench", number)


async def _compare(
    contestants: Contestants, ask: Callable[[Edge], Awaitable[None]], name: str, rounds: int
) -> dict[str, Any]:
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(-1, rounds):  # the first warms up
        names = list(contestants)
        for contestant in names if turn % 2 else reversed(names):
            took = await _round(contestants[contestant], ask, REQUESTS[name])
            if turn >= 0:
                samples[contestant].append(took)
    ratios = [ordinary / short for short, ordinary in zip(samples["short"], samples["ordinary"], strict=True)]
    medians = {f"{contestant}_us": statistics.median(of_contestant) for contestant, of_contestant in samples.items()}
    return {**medians, "ratio": statistics.median(ratios), "ratios": ratios}


async def _round(app: Edge, ask: Callable[[Edge], Awaitable[None]], count: int) -> float:
    """CPU time per request, us."""
    numbers = iter(range(count))

    async def client() -> None:
        for _ in numbers:
            await ask(app)

    began = time.process_time()
    await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))
    return (time.process_time() - began) / count * 1e6


async def _send(app: Edge, method: bytes, body: bytes, path: str = "/api/messages/send/async") -> dict[str, Any]:
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method.decode(),
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    if sent[0]["status"] not in (200, 202):
        raise RuntimeError(f"{path}: {sent}")
    data: dict[str, Any] = msgspec.json.decode(sent[1]["body"])["data"]
    return data


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.short_way", description="The short way against Litestar's")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    logging.disable()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        results = uvloop.run(measure(arguments.rounds, Path(folder)))
    for name, result in results.items():
        spread = f"{min(result['ratios']):.2f} to {max(result['ratios']):.2f}"
        print(
            f"{name}: short {result['short_us']:.0f} us, ordinary {result['ordinary_us']:.0f} us, ratio {result['ratio']:.2f} ({spread})"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
