"""Whether this process can work (decision 48)."""

from dataclasses import dataclass, field
from enum import StrEnum

from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.reading import MessageReader


class ServiceState(StrEnum):
    """What readiness says."""

    UP = "UP"
    DOWN = "DOWN"


@dataclass(slots=True)
class Service:
    """The process as probes see it."""

    reader: MessageReader
    draining: bool = False
    """Set by the first SIGTERM: no new work is taken."""
    parts: dict[str, str] = field(default_factory=dict)
    """Which backend each part runs on, such as database: sqlite, queue: in-process."""

    async def database(self) -> ServiceState:
        """UP if the store answers a trivial query."""
        try:
            await self.reader.ping()
        except UnavailableError:
            return ServiceState.DOWN
        return ServiceState.UP

    async def ready(self) -> bool:
        """Whether new work may come: the store answers and nothing drains."""
        return not self.draining and await self.database() is ServiceState.UP
