"""Servers of the project's own tests (scripts/install-services), started for a comparison."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from bench.processes import Watched
from tests.support.servers.mariadb import MariaDb
from tests.support.servers.redis import Redis
from tests.support.servers.rocketmq import RocketMq
from tests.support.servers.server import HOST, Server

_S = TypeVar("_S", MariaDb, Redis)


@contextlib.contextmanager
def running(kind: type[_S], folder: Path) -> Iterator[_S]:
    """A server of this kind with its data below `folder`."""
    if missing := kind.missing():
        raise RuntimeError(f"{missing}; scripts/install-services installs it")
    server = kind(folder, folder)
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextlib.contextmanager
def running_rocketmq(folder: Path) -> Iterator[RocketMq]:
    """Name server, broker and proxy with their data below `folder`."""
    if missing := RocketMq.missing():
        raise RuntimeError(f"{missing}; scripts/install-services installs it")
    server = RocketMq(folder, folder)
    try:
        server.start()
        yield server
    finally:
        server.close()


def watched(server: Server) -> Watched:
    """Its CPU and memory."""
    return Watched("", server.pid)


def counters(server: MariaDb, names: str) -> dict[str, int]:
    """The server's counters whose names match the whole of a regular expression."""
    lines = server.sql(f"SHOW GLOBAL STATUS WHERE Variable_name RLIKE '^({names})$'").splitlines()
    return {name: int(count) for name, count in (line.split() for line in lines)}


def redis_info(server: Redis, section: str) -> list[str]:
    """Lines of INFO."""
    with socket.create_connection((HOST, server.port), 5) as connection, connection.makefile("rb") as answer:
        connection.sendall(f"INFO {section}\r\n".encode())
        length = int(answer.readline()[1:])
        return answer.read(length).decode().splitlines()
