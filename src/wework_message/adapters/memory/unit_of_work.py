"""One transaction at a time on a `MemoryDatabase`."""

from types import TracebackType
from typing import Self

from wework_message.adapters.memory.accounts import MemoryAccountRepository
from wework_message.adapters.memory.api_keys import MemoryApiKeys, MemoryTenants
from wework_message.adapters.memory.audit import MemoryAuditTrail
from wework_message.adapters.memory.callback_tokens import MemoryCallbackTokens
from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.dead_letters import MemoryDeadLetters
from wework_message.adapters.memory.echoes import MemoryEchoes
from wework_message.adapters.memory.erasures import MemoryErasures
from wework_message.adapters.memory.inbox import MemoryCallbackInbox
from wework_message.adapters.memory.leases import MemoryLeaseStore
from wework_message.adapters.memory.maintenance import MemoryDueTimes, MemoryPruning
from wework_message.adapters.memory.mass_sends import MemoryMass
from wework_message.adapters.memory.media import MemoryMedia
from wework_message.adapters.memory.messages import MemoryMessageRepository
from wework_message.adapters.memory.pauses import MemoryPauses
from wework_message.adapters.memory.placements import MemoryPlacements
from wework_message.adapters.memory.replays import MemoryReplays
from wework_message.adapters.memory.streams import MemoryStreamPositions
from wework_message.adapters.memory.webhooks import MemoryWebhooks
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory
from wework_message.domain.ports.system import Clock


class MemoryUnitOfWork:
    """Leaving it without `commit` means it never happened. Exclusive: opening a second one waits for the first."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """`clock` is the database's own: it decides what is due."""
        self._database = database
        self.alone = True
        self.messages = MemoryMessageRepository(database, clock)
        self.echoes = MemoryEchoes(database, self.messages)
        self.inbox = MemoryCallbackInbox(database, clock)
        self.accounts = MemoryAccountRepository(database)
        self.leases = MemoryLeaseStore(database, clock)
        self.due_times = MemoryDueTimes(database, clock)
        self.pruning = MemoryPruning(database, clock)
        self.dead_letters = MemoryDeadLetters(database)
        self.pauses = MemoryPauses(database)
        self.placements = MemoryPlacements(database)
        self.audit = MemoryAuditTrail(database)
        self.callback_tokens = MemoryCallbackTokens(database)
        self.api_keys = MemoryApiKeys(database)
        self.tenants = MemoryTenants(database)
        self.replays = MemoryReplays(database)
        self.erasures = MemoryErasures(database)
        self.streams = MemoryStreamPositions(database)
        self.mass = MemoryMass(database, clock)
        self.webhooks = MemoryWebhooks(database)
        self.media = MemoryMedia(database, clock)

    async def commit(self) -> None:
        self._database.commit()

    async def __aenter__(self) -> Self:
        """Become the writer."""
        await self._database.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Undo what was not committed."""
        self._database.end()


class MemoryUnitOfWorkFactory:
    """Opens units of work on one database."""

    def __init__(self, database: MemoryDatabase, clock: Clock) -> None:
        """Several factories on one database act as several processes."""
        self._database = database
        self._clock = clock

    def __call__(self) -> MemoryUnitOfWork:
        """A new one, not yet begun."""
        return MemoryUnitOfWork(self._database, self._clock)


def _conforms(factory: MemoryUnitOfWorkFactory, unit: MemoryUnitOfWork) -> tuple[UnitOfWorkFactory, UnitOfWork]:
    return factory, unit
