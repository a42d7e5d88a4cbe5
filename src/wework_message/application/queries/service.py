"""Whether this process can work (D-48)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from wework_message.application.role import Role
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.queries import MessageReader
from wework_message.domain.ports.store_metrics import StoreMetrics


class ServiceState(StrEnum):
    """The result of the readiness probe."""

    UP = "UP"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class Condition:
    """The last observed condition of a backend."""

    healthy: bool | None = None
    """None = there is nothing to observe, or nothing was observed yet."""
    reason: str | None = None
    """What is wrong, for operators: no address, no credential."""


class Backend(Protocol):
    """What a part of this process depends on."""

    @property
    def kind(self) -> str:
        """Its name, such as in-process, memory, redis or rocketmq."""
        ...

    @property
    def server(self) -> bool:
        """Whether it is a server that may be away."""
        ...

    def condition(self) -> Condition:
        """The last observation; never waits."""
        ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """A part that needs no server."""

    kind: str
    server: bool = False

    def condition(self) -> Condition:
        """Always unknown: nothing is observed."""
        return Condition()


@dataclass(slots=True)
class Service:
    """The process as probes see it."""

    reader: MessageReader
    store_metrics: StoreMetrics | None = None
    role: Role = Role.ALL
    draining: bool = False
    """Set by the first SIGTERM: no new work is taken."""
    parts: Mapping[str, Backend] = field(default_factory=dict)
    """What each part runs on: queue, cache, database. All but the database only ever degrade (D-48)."""

    async def database(self) -> ServiceState:
        """UP if the store answers a trivial query."""
        try:
            await self.reader.ping()
        except UnavailableError:
            return ServiceState.DOWN
        return ServiceState.UP

    async def oldest_due_s(self) -> float | None:
        """For how long the oldest due message has waited to be claimed, seconds; None where that is unknown."""
        if self.store_metrics is None:
            return None
        try:
            return await self.store_metrics.oldest_due_ms() / 1000
        except UnavailableError:
            return None

    async def database_answers(self) -> bool:
        """Whether `database` is UP."""
        return await self.database() is ServiceState.UP

    async def ready(self) -> bool:
        """Whether new work may come: the store answers and nothing drains."""
        return not self.draining and await self.database_answers()
