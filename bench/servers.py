"""Servers of the project's own tests (scripts/install-services), started for a comparison."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from tests.support.servers.mariadb import MariaDb
from tests.support.servers.redis import Redis
from tests.support.servers.rocketmq import RocketMq

from bench.processes import Watched

_S = TypeVar("_S", MariaDb, Redis, RocketMq)


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


def watched(server: MariaDb | Redis) -> Watched:
    """Its CPU and memory."""
    return Watched("", server.pid)
