"""Bound sockets and the HTTP servers on them, by role: the REST API, and health and metrics."""

import asyncio
import contextlib
import errno
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import uvicorn

from wework_message.application.role import Role
from wework_message.bootstrap.settings import Loaded, operating_port
from wework_message.bootstrap.settings.environment import variables_of
from wework_message.bootstrap.settings.errors import InvalidSettingError
from wework_message.bootstrap.settings.http import ServerLimitSettings
from wework_message.entrypoints.rest.config import Config
from wework_message.entrypoints.rest.edge import Edge
from wework_message.entrypoints.rest.server.connection import Connection
from wework_message.entrypoints.rest.server.limits import ConnectionLimits, Peers
from wework_message.entrypoints.rest.server.listener_state import ListenerState
from wework_message.entrypoints.rest.server.own_answers import OwnAnswers

BACKLOG: Final = 2048
"""Connections that the kernel may hold while the loop is busy."""

KEEP_ALIVE_S: Final = 75
"""Idle connections of clients; longer than the usual 60 s of a proxy, so that the proxy closes first."""

HOST: Final = "server.host"
API_PORT: Final = "server.port"
MANAGEMENT_PORT: Final = "management.server.port"

_OF_PORTS: Final = frozenset({errno.EADDRINUSE, errno.EACCES})
_OF_HOSTS: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL, errno.ENODEV})

CLOSE_S: Final = 21
"""How long open requests may take to end after SIGTERM; with the rest of the drain the exit is within 25 s."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """The listening sockets of a process; at least one of the two."""

    api: socket.socket | None
    """The REST API, health and metrics included."""
    operating: socket.socket | None
    """Health and metrics only."""

    @property
    def port(self) -> int:
        """The port of the API, or of the operating listener where there is no API."""
        (first, *_) = (listener for listener in (self.api, self.operating) if listener is not None)
        port: int = first.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that several processes share; at least one of the two."""

    api: int | None
    operating: int | None

    @property
    def first(self) -> int:
        """As `Listeners.port`."""
        return next(port for port in (self.api, self.operating) if port is not None)


@contextmanager
def listening(loaded: Loaded, role: Role, ports: Ports | None = None) -> Iterator[Listeners]:
    """The bound sockets; their ports are known before anything else starts. `ports` are shared with other workers.

    Raises `InvalidSettingError` for an address that cannot be listened at.
    """
    shared = ports is not None
    ports = ports or _ports_of(loaded, role)
    with ExitStack() as stack:

        def bound(port: int | None) -> socket.socket | None:
            return None if port is None else stack.enter_context(_bound(loaded.listen_host, port, shared=shared))

        with _named(loaded, ports.api, API_PORT):
            api = bound(ports.api)
        with _named(loaded, ports.operating, MANAGEMENT_PORT):
            operating = bound(ports.operating)
        yield Listeners(api, operating)


@contextmanager
def held_ports(loaded: Loaded, role: Role) -> Iterator[Ports]:
    """The ports for several workers; nobody listens at them yet, and nobody else can take them until the end.

    Raises `InvalidSettingError` where somebody listens there already, also another supervisor's workers.
    """
    ports = _ports_of(loaded, role)
    with ExitStack() as stack:

        def held(port: int | None) -> int | None:
            if port is None:
                return None
            with _bound(loaded.listen_host, port) as alone:  # a shared socket would join those of another service
                free: int = alone.getsockname()[1]
            stack.enter_context(_bound(loaded.listen_host, free, shared=True))
            return free

        with _named(loaded, ports.api, API_PORT):
            api = held(ports.api)
        with _named(loaded, ports.operating, MANAGEMENT_PORT):
            operating = held(ports.operating)
        yield Ports(api, operating)


@contextmanager
def _named(loaded: Loaded, port: int | None, key: str) -> Iterator[None]:
    """Make the setting at fault of an address that the system refuses: the port of `key`, or the host."""
    try:
        yield
    except OSError as error:
        place = f"{loaded.listen_host}:{port}: {error.strerror}"
        if error.errno in _OF_PORTS:
            advice = "another process may listen there, or this user may not; choose another one here or with --port"
            raise InvalidSettingError(key, f"{place}; {advice} ({variables_of(key)})") from None
        if isinstance(error, socket.gaierror) or error.errno in _OF_HOSTS:
            advice = "this machine has no such address; choose another one here or with --host"
            raise InvalidSettingError(HOST, f"{place}; {advice} ({variables_of(HOST)})") from None
        raise


def _ports_of(loaded: Loaded, role: Role) -> Ports:
    return Ports(loaded.settings.server.port if role.accepts else None, operating_port(loaded.settings, role))


def _bound(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A socket that does not listen yet. With `shared`, the kernel spreads connections over all that listen on the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Naming the protocol lets asyncio turn Nagle's delay off (40 ms an answer otherwise).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener


def connection_limits(settings: ServerLimitSettings) -> ConnectionLimits:
    """The limits of one listener. Files that the process may open are needed for other things than connections, too."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    connections = settings.connections if files == resource.RLIM_INFINITY else min(settings.connections, files * 3 // 4)
    return ConnectionLimits(
        head_bytes=settings.head_bytes,
        head_s=settings.head_seconds,
        body_bytes_per_s=settings.body_bytes_per_second,
        connections=connections,
        per_peer=settings.connections_per_peer,
    )


def allow_many_files() -> None:
    """Raise the number of files that this process may open to what the system allows it: 1,024 is the usual default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: the process drains first."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state: ListenerState = ListenerState()
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Set `listens` once requests are taken."""
        await super().startup(sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 -- uvicorn's own signature has none here
        """Leave signals to us."""
        yield


class HttpServer:
    """One application on one socket, in the running loop."""

    def __init__(self, app: Edge, rest: Config, listener: socket.socket, limits: ConnectionLimits) -> None:
        """Serve `app`, which was made with `rest`."""
        own_answers = OwnAnswers(rest.now, rest.observe, rest.answers)
        connection = partial(Connection, limits=limits, peers=Peers(limits), own_answers=own_answers)
        config = uvicorn.Config(
            app,
            http=connection,  # type: ignore[arg-type]  # it is called as the class is
            loop="none", ws="none", lifespan="off", log_config=None, access_log=False,
            backlog=BACKLOG, server_header=False, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=CLOSE_S,
        )  # fmt: skip
        self._server = _Server(config)
        self.task = asyncio.create_task(self._server.serve(sockets=[listener]), name="http")
        """Ends only by `close`, or by a defect."""

    @property
    def open_connections(self) -> int:
        """How many there are."""
        return len(self._server.server_state.connections)

    async def opened(self) -> None:
        """Return once requests are taken."""
        listens = asyncio.create_task(self._server.listens.wait())
        await asyncio.wait({listens, self.task}, return_when=asyncio.FIRST_COMPLETED)
        listens.cancel()

    def leave(self) -> None:
        """Go on, but let every answer end its connection: clients open the next one elsewhere."""
        self._server.server_state.leaving = True
        for connection in self._connections():
            connection.leave()

    def close_idle(self) -> None:
        """Close the connections on which no request has come since `leave`."""
        for connection in self._connections():
            connection.close_idle()

    async def close(self, seconds: int = CLOSE_S) -> None:
        """Take no more connections, and let open requests end, for `seconds` at most."""
        self.leave()
        self._server.config.timeout_graceful_shutdown = seconds
        self._server.should_exit = True
        await self.task

    def _connections(self) -> "list[Connection]":
        return [
            connection for connection in self._server.server_state.connections if isinstance(connection, Connection)
        ]
