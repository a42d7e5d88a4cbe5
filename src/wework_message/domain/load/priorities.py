"""What is refused first while a process is overloaded (ADR 71)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Priority(StrEnum):
    """Kinds of requests, the one that is refused last first; the values are labels of a metric."""

    CALLBACK = "callback"
    """Evidence: its sender may not repeat it."""
    READ = "read"
    """Cheap, and whoever sends looks there before it repeats anything."""
    SEND = "send"
    BATCH = "batch"
    """It can be repeated as a whole, later."""


ROOM: Final[Mapping[Priority, float]] = {Priority.READ: 1.0, Priority.SEND: 0.9, Priority.BATCH: 0.7}
"""The part of the limit that a kind may fill together with all others. Callbacks have room of their own."""

CALLBACK_ROOM: Final = 4
"""Callbacks that may be in flight, in largest limits: they are refused where only memory would be left to protect."""


def fair_share(limit: float, tenants: int) -> int:
    """Requests in flight that one of so many tenants has room for whatever the others do; at least 1."""
    return max(1, int(limit / max(1, tenants)))
