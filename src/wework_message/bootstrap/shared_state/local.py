"""What processes share in addition to the database: in memory of each, or through the Redis that the settings name."""

from collections.abc import Callable, Sequence

from wework_message.application.dispatch.routing import CACHE_TTL_S
from wework_message.application.queries.service import Backend, InProcess
from wework_message.domain.message.message import Message
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.queries import StatusReader
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.ports.repositories import UnitOfWorkFactory

WatchRedis = Callable[[str, str, float], None]
"""Told of every call to Redis: what for, how it ended, seconds."""


class Shared:
    """Nothing is shared: every part is the process's own."""

    backend: Backend = InProcess("memory")
    remember_s: float = CACHE_TTL_S
    """How long the router remembers accounts."""
    shares_health: bool = False
    """Whether every process sees the same health: then one of them probes for all."""

    def __init__(self, board: HealthBoard, limiter: RateLimiter) -> None:
        """`board` and `limiter` are of this process alone."""
        self.board = board
        """What is known of providers and bindings."""
        self.limiter = limiter
        """Budgets of accounts."""

    def units(self, units: UnitOfWorkFactory) -> UnitOfWorkFactory:
        """What to use for `units`: the same, or one that remembers the account book."""
        return units

    def statuses(self, reader: StatusReader) -> StatusReader:
        """What to ask for clients that poll: `reader`, or one that caches."""
        return reader

    def committed(self, messages: Sequence[Message]) -> None:
        """New versions are committed."""

    async def start(self) -> None:
        """Begin whatever loops."""

    async def stop(self) -> None:
        """End what loops, once nothing else works any more."""
