"""Who is told what the queue did: for metrics."""

from collections.abc import Callable
from dataclasses import dataclass


def _nobody(*_: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class QueueMetrics:
    """Called on the event loop; they never raise."""

    published: Callable[[str, float], None] = _nobody
    """A ring was published: `ok` or `failed`, and after how many seconds."""
    received: Callable[[str], None] = _nobody
    """A ring came: `ok`, `garbage` or `given_up`."""
    backlog: Callable[[str, int | None], None] = _nobody
    """Of a consumer group: messages that nobody has acknowledged; None = unknown."""
