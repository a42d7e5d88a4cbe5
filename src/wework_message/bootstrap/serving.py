"""The service as one process: bind, open, serve, drain (decisions 36, 38 and 39)."""

import asyncio
import contextlib
import gc
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import uvicorn
import uvloop

from wework_message import __version__
from wework_message.adapters.observability.counting import PrometheusObserver
from wework_message.adapters.observability.logs import LogHandle, LogSettings, configure
from wework_message.adapters.observability.metrics import Metrics
from wework_message.adapters.observability.narrating import LoggingObserver
from wework_message.adapters.observability.observer import Observers
from wework_message.adapters.observability.process import LoopLag
from wework_message.adapters.sql.schema import upgrade
from wework_message.bootstrap.databases import open_store
from wework_message.bootstrap.policies import policy_of
from wework_message.bootstrap.running import Process, running
from wework_message.bootstrap.settings import Loaded, require_startable
from wework_message.entrypoints.rest.app import create_app
from wework_message.entrypoints.rest.config import Config, HttpExchange
from wework_message.entrypoints.rest.routes import routes
from wework_message.entrypoints.wire.body import Limits

BACKLOG: Final = 2048
"""Connections the kernel may hold while the loop is busy."""

KEEP_ALIVE_S: Final = 75
"""Idle connections of clients; longer than the usual 60 s of a proxy, so that the proxy closes first."""

CLOSE_S: Final = 21
"""How long open requests may take to end after SIGTERM; with the rest of the drain the exit is within 25 s."""


HTTP_ENDED: Final = 70
"""Exit code of a process whose HTTP server ended by itself: a defect, and a supervisor should start it again."""

_TYPED: Final = re.compile(r":[a-z]+}")
"""The type in a path parameter; templates in metrics go without."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: the process drains first."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell when requests are taken."""
        await super().startup(sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 -- uvicorn's own signature has none here
        """Leave signals to us."""
        yield


def serve(loaded: Loaded) -> int:
    """Serve until SIGTERM or SIGINT; a second one ends the process at once. Raises `SettingsError` before it opens."""
    require_startable(loaded.settings, loaded.profile)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(loaded))


def migrate(loaded: Loaded) -> str:
    """Bring the schema up by hand; returns what it was before."""
    return asyncio.run(_migrate(loaded))


async def _serve(loaded: Loaded) -> int:
    stop = _signalled()
    with listening(loaded) as listener:
        async with service(loaded, listener) as http:
            asked = asyncio.create_task(stop.wait())
            await asyncio.wait({asked, http}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
    return 0 if stop.is_set() else HTTP_ENDED


def _signalled() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stop.is_set():
            loop.remove_signal_handler(number)
            signal.raise_signal(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stop


def listening(loaded: Loaded) -> socket.socket:
    """The bound socket; whoever has it knows the port before anything else starts."""
    host = loaded.listen_host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Naming the protocol lets asyncio turn Nagle's delay off (40 ms an answer otherwise).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, loaded.settings.server.port))
    except BaseException:
        listener.close()
        raise
    return listener


@asynccontextmanager
async def service(loaded: Loaded, listener: socket.socket) -> AsyncIterator["asyncio.Task[None]"]:
    """The whole service on a bound socket; gives the HTTP server's task, which ends only by a defect. Leaving it drains."""
    async with AsyncExitStack() as stack:
        settings = loaded.settings
        logs = configure(
            LogSettings(version=__version__, level=settings.logging.level, file=settings.logging.file.name)
        )
        stack.callback(logs.close)
        config = _config(loaded)
        policy = policy_of(loaded)
        metrics = Metrics(
            providers=policy.providers.values(),
            routes=[(_TYPED.sub("}", one.path), one.method) for one in routes(config)],
        )
        counts = PrometheusObserver(
            metrics,
            horizon_ms=policy.horizon_ms,
            longest_call_ms=max((one.timeout_ms for one in policy.providers.values()), default=0),
            now=config.now,
        )
        observers = Observers(counts, LoggingObserver(logs.facts))
        process = await stack.enter_async_context(
            running(loaded, observers, own_url=_own_url(loaded, listener), watch_redis=metrics.redis_call)
        )
        counts.watch_health(process.board, tuple(policy.providers))
        await _sample_lag(stack, metrics)
        app = create_app(process.application, _observed(config, metrics, observers))
        http = await _open_http(stack, app, listener, process)
        _announce(logs, loaded, listener)
        _settle_memory()
        yield http


async def _open_http(
    stack: AsyncExitStack, app: object, listener: socket.socket, process: Process
) -> "asyncio.Task[None]":
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application; uvicorn's alias is stricter than the specification
        http="httptools", loop="none", ws="none", lifespan="off", log_config=None, access_log=False,
        backlog=BACKLOG, server_header=False, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=CLOSE_S,
    )  # fmt: skip
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")

    async def close() -> None:
        process.begin_drain()
        server.should_exit = True
        await asyncio.gather(task, process.drain())

    stack.push_async_callback(close)
    listens = asyncio.create_task(server.listens.wait())
    await asyncio.wait({listens, task}, return_when=asyncio.FIRST_COMPLETED)
    listens.cancel()
    return task


async def _sample_lag(stack: AsyncExitStack, metrics: Metrics) -> None:
    lag = LoopLag(metrics.loop_lag.set)
    task = asyncio.create_task(lag.run(), name="loop lag")

    async def stop() -> None:
        lag.stop()
        await task

    stack.push_async_callback(stop)


def _settle_memory() -> None:
    """What is loaded by now stays: the collector need not walk it again (its full runs stopped the loop for 50 ms)."""
    gc.collect()
    gc.freeze()


def _config(loaded: Loaded) -> Config:
    limits = loaded.settings.app.message.limits
    return Config(
        version=__version__,
        context_path=loaded.settings.server.context_path,
        limits=Limits(max_text_length=limits.max_text_length, max_batch_size=limits.max_batch_size),
    )


def _observed(config: Config, metrics: Metrics, observers: Observers) -> Config:
    def observe(exchange: HttpExchange) -> None:
        observers.http_request(exchange.route, exchange.method, exchange.status, exchange.seconds)

    return Config(
        version=config.version, context_path=config.context_path, limits=config.limits, metrics=metrics.render,
        observe=observe,
    )  # fmt: skip


def _own_url(loaded: Loaded, listener: socket.socket) -> str:
    host = loaded.listen_host
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 -- compared, not bound
    return f"http://{reachable}:{listener.getsockname()[1]}{loaded.settings.server.context_path}"


def _announce(logs: LogHandle, loaded: Loaded, listener: socket.socket) -> None:
    for warning in loaded.warnings:
        logs.facts.warning("service.warning", text=warning)
    logs.facts.info("service.started", text="serving", port=listener.getsockname()[1], profile=loaded.profile)


async def _migrate(loaded: Loaded) -> str:
    async with open_store(loaded.settings.datasource) as store:
        return str(await store.transact(upgrade))
