"""Ports of 127.0.0.1 for servers that are started again on the same one."""

import contextlib
import os
import random
import socket
from collections.abc import Sequence
from typing import Final

_WORKERS: Final = 8
_SHARE: Final = 12_000 // _WORKERS
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_RANGE: Final = range(20_000 + _WORKER * _SHARE, 20_000 + (_WORKER + 1) * _SHARE)
"""Below the range from which the kernel takes ports for outgoing connections: nobody else takes one while we restart.

Tests that run side by side take theirs from ranges of their own.
"""
_given: Final[set[int]] = set()


def free_port(*offsets: int, preferred: int | None = None) -> int:
    """A port that nobody listens on, nor on those at the `offsets` from it; `preferred` is taken where it is free.

    No port is given twice in one process.
    """
    if preferred is not None and _free(preferred, offsets):
        return preferred
    while True:
        port = random.choice(_RANGE)
        wanted = {port + offset for offset in (0, *offsets)}
        if not wanted & _given and _free(port, offsets):
            _given.update(wanted)
            return port


def _free(port: int, offsets: Sequence[int]) -> bool:
    with contextlib.ExitStack() as probes:
        try:
            for offset in (0, *offsets):
                probe = probes.enter_context(socket.socket())
                # As servers do it: a connection of yesterday that lingers in TIME_WAIT is no listener.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port + offset))
        except OSError:
            return False
    return True
