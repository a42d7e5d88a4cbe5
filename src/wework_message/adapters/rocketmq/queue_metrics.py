"""Callbacks that count what the queue did, for metrics."""

from collections.abc import Callable
from dataclasses import dataclass


def _ignore(*_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """Called on the event loop; they never raise."""

    published: Callable[[str, float], None] = _ignore
    """A publish of a wake-up ended: `ok` or `failed`, and its seconds."""
    received: Callable[[str], None] = _ignore
    """A wake-up was received: `ok`, `garbage` or `given_up`."""
    backlog: Callable[[str, int | None], None] = _ignore
    """The unacknowledged messages of a consumer group; None = unknown."""
