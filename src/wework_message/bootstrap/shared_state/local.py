"""What processes share in addition to the database: in memory of each, or through Redis."""

from collections.abc import Callable, Sequence

from wework_message.application.dispatch.fence import CACHE_TTL_S
from wework_message.application.maintenance.fleet import Fleet
from wework_message.application.queries.service import Backend, InProcess
from wework_message.domain.message.sent_message import NewVersion
from wework_message.domain.ports.health import HealthBoard
from wework_message.domain.ports.queries import StatusReader
from wework_message.domain.ports.rate_limiter import RateLimiter
from wework_message.domain.ports.repositories import UnitOfWorkFactory
from wework_message.domain.ports.request_limiter import RequestLimiter, SoloRequestLimiter

WatchRedis = Callable[[str, str, float], None]
"""Called with every call to Redis: its purpose, its result, seconds."""


class Shared:
    """Nothing is shared: every part is the process's own."""

    backend: Backend = InProcess("memory")
    remember_s: float = CACHE_TTL_S
    """How long the router remembers accounts."""
    shares_health: bool = False
    """Whether every process sees the same health: then one of them probes for all."""

    def __init__(self, board: HealthBoard, limiter: RateLimiter, fleet: Fleet | None = None) -> None:
        """`board` and `limiter` are of this process alone; `fleet` knows how many there are (None = one)."""
        self.fleet = fleet or Fleet()
        """How many processes send."""
        self.board = board
        """What is known of providers and bindings."""
        self.limiter = limiter
        """Budgets of accounts and providers."""

    def units(self, units: UnitOfWorkFactory) -> UnitOfWorkFactory:
        """The factory to use: `units`, or one that caches accounts."""
        return units

    def requests(self, alone: SoloRequestLimiter) -> RequestLimiter:
        """What counts the requests of callers: `alone`, or one that shares the counts with other processes."""
        return alone

    def statuses(self, reader: StatusReader) -> StatusReader:
        """The reader for clients that poll: `reader`, or one that caches."""
        return reader

    def committed(self, messages: Sequence[NewVersion]) -> None:
        """Called after new versions are committed."""

    async def start(self) -> None:
        """Start the loops."""

    async def stop(self) -> None:
        """Stop the loops, after everything else."""
