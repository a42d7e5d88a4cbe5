"""Starts the simulator: as a process of its own, or inside a loop that already runs."""

import asyncio
import contextlib
import signal
import socket
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wework_message.simulator.answers import Json
from wework_message.simulator.faults.rules import Rules
from wework_message.simulator.http.app import SimulatorApp
from wework_message.simulator.options import SimulatorOptions

_BACKLOG = 1024
_GRACE_S = 1
"""Seconds that running answers get at stop; calls that only wait are closed at once."""


_LINGER_NOT = struct.pack("ii", 1, 0)
"""SO_LINGER on, for 0 s: a close sends a reset and drops what is not sent."""


class _Connection:
    """A connection as the application sees it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def close(self, *, is_reset: bool) -> None:
        """Close at once, without the rest of an answer; `is_reset`: by a TCP reset."""
        if is_reset:
            connected = self._transport.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()


class _SimulatorProtocol(HttpToolsProtocol):
    """Shows the application its connection, which some faults close."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["connection"] = _Connection(self.transport)


class RunningSimulator:
    """A simulator that serves. `url` has no trailing slash; `ledger_path` is the file of calls."""

    def __init__(self, app: SimulatorApp, server: uvicorn.Server, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self.ledger_path: Path = app.ledger.path
        self._app = app
        self._server = server
        self._main_loop = asyncio.create_task(server.main_loop())
        self._stopped = False

    @property
    def faults(self) -> Rules:
        """The faults in force, to script from within the process."""
        return self._app.faults

    def counters(self) -> Json:
        """The answer of `GET /_sim/state`."""
        return self._app.control.state()

    async def stop(self) -> None:
        """End answers, callbacks and the ledger, and close every socket; a second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        self._main_loop.cancel()
        await asyncio.gather(self._main_loop, return_exceptions=True)
        self._app.end_pauses()
        await self._server.shutdown()
        await asyncio.gather(*self._server.server_state.tasks, return_exceptions=True)
        await self._app.stop()


async def start(options: SimulatorOptions, host: str = "127.0.0.1", port: int = 0) -> RunningSimulator:
    """Serve in the running loop; port 0 takes a free one. It answers when this returns.

    Raises:
        OSError: the address is taken, or the ledger cannot be opened.
        msgspec.DecodeError: the ledger file is no ledger.
    """
    listener = _listen(host, port)
    try:
        app = SimulatorApp(options)
    except BaseException:
        listener.close()
        raise
    config = uvicorn.Config(
        app,
        http=_SimulatorProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_S,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    app.start()
    return RunningSimulator(app, server, listener)


@contextlib.asynccontextmanager
async def running(
    options: SimulatorOptions | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RunningSimulator]:
    """A simulator for the length of a block; see `start` for what it raises."""
    simulator = await start(options or SimulatorOptions(), host, port)
    try:
        yield simulator
    finally:
        await simulator.stop()


def serve(
    options: SimulatorOptions, host: str = "127.0.0.1", port: int = 23456, on_ready: Callable[[str], None] | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` gets the URL once it answers. See `start` for what it raises."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(options, host, port, on_ready))


async def _serve(options: SimulatorOptions, host: str, port: int, on_ready: Callable[[str], None] | None) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with running(options, host, port) as simulator:
        if on_ready is not None:
            on_ready(simulator.url)
        await ended.wait()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay (40 ms an answer) off only for sockets that name their protocol
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - optional: the standard loop serves as well, only slower
    except ImportError:
        return None
    return uvloop.new_event_loop
