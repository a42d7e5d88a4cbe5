"""Ports of 127.0.0.1 for servers that restart on the same port."""

import contextlib
import os
import random
import socket
from collections.abc import Sequence
from typing import Final

_WORKERS: Final = 8
_PORTS_PER_WORKER: Final = 12_000 // _WORKERS
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_RANGE: Final = range(20_000 + _WORKER * _PORTS_PER_WORKER, 20_000 + (_WORKER + 1) * _PORTS_PER_WORKER)
"""Below the range of the kernel's ports for outgoing connections, so that no connection takes a port while a server restarts.

Each xdist worker has a range of its own.
"""
_reserved: Final[set[int]] = set()


def free_port(*offsets: int, preferred: int | None = None) -> int:
    """A port without a listener, also at the `offsets` from it; `preferred` where that is free.

    No port is returned twice in one process.
    """
    if preferred is not None and _free(preferred, offsets):
        return preferred
    while True:
        port = random.choice(_RANGE)
        ports = {port + offset for offset in (0, *offsets)}
        if not ports & _reserved and _free(port, offsets):
            _reserved.update(ports)
            return port


def _free(port: int, offsets: Sequence[int]) -> bool:
    with contextlib.ExitStack() as probes:
        try:
            for offset in (0, *offsets):
                probe = probes.enter_context(socket.socket())
                # As servers do: a former connection in TIME_WAIT is no listener.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port + offset))
        except OSError:
            return False
    return True
