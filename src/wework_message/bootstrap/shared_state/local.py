"""What processes share in addition to the database: in memory of each, or through Redis."""

from collections.abc import Callable, Sequence

from wework_message.application.dispatch.routing import CACHE_TTL_S
from wework_message.application.queries.service import Backend, InProcess
from wework_message.domain.ids import AccountId
from wework_message.domain.message.sent_message import NewVersion
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.queries import StatusReader
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.ports.repositories import UnitOfWorkFactory

WatchRedis = Callable[[str, str, float], None]
"""Called with every call to Redis: its purpose, its result, seconds."""


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
        """The factory to use: `units`, or one that caches accounts."""
        return units

    def statuses(self, reader: StatusReader) -> StatusReader:
        """The reader for clients that poll: `reader`, or one that caches."""
        return reader

    def committed(self, messages: Sequence[NewVersion]) -> None:
        """Called after new versions are committed."""

    async def start(self) -> None:
        """Start the loops."""

    async def stop(self) -> None:
        """Stop the loops, after everything else."""


class DividedRateLimiter:
    """An equal part of every budget: several processes that know nothing of each other do not exceed it together."""

    def __init__(self, alone: RateLimiter, processes: int) -> None:
        """`alone` paces this process."""
        self._alone = alone
        self._processes = processes

    async def reserve(self, account_id: AccountId, per_minute: int) -> int:
        """As the port says, with a `processes`-th of `per_minute`, at least 1."""
        return await self._alone.reserve(account_id, max(1, per_minute // self._processes))


def _conforms(limiter: DividedRateLimiter) -> RateLimiter:
    return limiter
