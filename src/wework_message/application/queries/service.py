"""Whether this process can work (D-48)."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from wework_message.application.role import Role
from wework_message.application.writes import Writes
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


PING_S: Final = 0.7
"""How long a probe waits for the store."""

BUSY_S: Final = 2.0
"""A store that committed within the last two seconds is busy where it does not answer a probe in time."""


@dataclass(slots=True)
class Service:
    """The process as probes see it. No probe waits longer than `PING_S`, whatever hangs."""

    reader: MessageReader
    store_metrics: StoreMetrics | None = None
    role: Role = Role.ALL
    writes: Writes = field(default_factory=lambda: Writes(time.monotonic))
    leaving: bool = False
    """Set by the first SIGTERM: balancers shall send no more requests. Those that come all the same are taken."""
    draining: bool = False
    """Set when the balancers have had their time: no new work is taken."""
    parts: Mapping[str, Backend] = field(default_factory=dict)
    """What each part runs on: queue, cache, database. All but the database only ever degrade (D-48)."""

    _ping: "asyncio.Task[str | None] | None" = field(init=False, default=None)
    """One for all probes that come meanwhile: those that a store leaves unanswered must not add up."""
    _oldest: "asyncio.Task[float | None] | None" = field(init=False, default=None)

    @property
    def out_of_service(self) -> bool:
        """Whether it is about to end."""
        return self.leaving or self.draining

    async def database(self) -> ServiceState:
        """UP if the store answers a trivial query and takes writes."""
        return ServiceState.UP if await self.database_problem() is None else ServiceState.DOWN

    async def database_problem(self) -> str | None:
        """Why the store is DOWN, for operators; None = it is UP."""
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(self._ask(), name="ping")
        await asyncio.wait({self._ping}, timeout=PING_S)
        if self._ping.done():
            return self._ping.result()
        return None if self.writes.succeeded_within(BUSY_S) else "database: no answer"

    async def _ask(self) -> str | None:
        try:
            await self.reader.ping()
        except UnavailableError as error:
            return str(error)
        return self.writes.cause

    async def oldest_due_s(self) -> float | None:
        """For how long the oldest due message has waited to be claimed, seconds; None where that is unknown."""
        if self._oldest is None or self._oldest.done():
            self._oldest = asyncio.create_task(self._oldest_due_s(), name="oldest due")
        await asyncio.wait({self._oldest}, timeout=PING_S)
        return self._oldest.result() if self._oldest.done() else None

    async def _oldest_due_s(self) -> float | None:
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
        return not self.out_of_service and await self.database_answers()
