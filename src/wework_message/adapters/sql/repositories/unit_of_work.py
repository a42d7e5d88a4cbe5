"""One transaction on SQL. Leaving without `commit` rolls back."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection

from wework_message.adapters.sql.core.database_kind import TIMEOUT_S
from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Result, Session, Sessions, Step, timed_out
from wework_message.adapters.sql.core.pools import Turn
from wework_message.adapters.sql.mapping.secret_columns import CLEAR, SecretColumns
from wework_message.adapters.sql.repositories.accounts import SqlAccountRepository
from wework_message.adapters.sql.repositories.api_keys import SqlApiKeys, SqlTenants
from wework_message.adapters.sql.repositories.audit import SqlAuditTrail
from wework_message.adapters.sql.repositories.callback_tokens import SqlCallbackTokens
from wework_message.adapters.sql.repositories.dead_letters import SqlDeadLetters
from wework_message.adapters.sql.repositories.due_times import SqlDueTimes
from wework_message.adapters.sql.repositories.echoes import SqlEchoes
from wework_message.adapters.sql.repositories.erasures import SqlErasures
from wework_message.adapters.sql.repositories.inbox import SqlCallbackInbox
from wework_message.adapters.sql.repositories.leases import SqlLeaseStore
from wework_message.adapters.sql.repositories.mass import SqlMass
from wework_message.adapters.sql.repositories.media import SqlMedia
from wework_message.adapters.sql.repositories.messages import SqlMessageRepository
from wework_message.adapters.sql.repositories.pauses import SqlPauses
from wework_message.adapters.sql.repositories.placements import SqlPlacements
from wework_message.adapters.sql.repositories.pruning import SqlPruning
from wework_message.adapters.sql.repositories.remembered import RememberedMessages
from wework_message.adapters.sql.repositories.replays import SqlReplays
from wework_message.adapters.sql.repositories.streams import SqlStreamPositions
from wework_message.adapters.sql.repositories.webhooks import SqlWebhooks
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory
from wework_message.domain.ports.system import Clock


class SqlUnitOfWork:
    """A session of the store, one transaction, and the ports on it."""

    def __init__(
        self,
        sessions: Sessions,
        dialect: Dialect,
        clock: Clock,
        turn: Turn,
        timeout_s: float,
        remembered: RememberedMessages,
        secrets: SecretColumns,
    ) -> None:
        """Nothing is opened before `__aenter__`; `turn` admits as many units of work of the process as the store takes.

        `timeout_s` is for everything up to the commit; `remembered` is shared by the units of work of the process.
        """
        self._sessions = sessions
        self._turn = turn
        self._timeout_s = timeout_s
        self._session: Session | None = None
        self._deferred: list[Step] = []
        self.alone = dialect.writes_alone
        self.messages = SqlMessageRepository(self._run, self._later, dialect, clock, remembered)
        self.echoes = SqlEchoes(self._run, self._later)
        self.inbox = SqlCallbackInbox(self._run, dialect, clock)
        self.accounts = SqlAccountRepository(self._run, dialect)
        self.leases = SqlLeaseStore(self._run, dialect, clock)
        self.due_times = SqlDueTimes(self._run, dialect, clock)
        self.pruning = SqlPruning(self._run, dialect, clock)
        self.dead_letters = SqlDeadLetters(self._run, dialect)
        self.pauses = SqlPauses(self._run, dialect)
        self.placements = SqlPlacements(self._run, dialect)
        self.audit = SqlAuditTrail(self._run)
        self.callback_tokens = SqlCallbackTokens(self._run)
        self.api_keys = SqlApiKeys(self._run)
        self.tenants = SqlTenants(self._run)
        self.replays = SqlReplays(self._run)
        self.erasures = SqlErasures(self._run, dialect)
        self.streams = SqlStreamPositions(self._run)
        self.mass = SqlMass(self._run, self._later, dialect, clock)
        self.webhooks = SqlWebhooks(self._run, self._later, dialect, secrets)
        self.media = SqlMedia(self._run, self._later, dialect, clock, secrets)

    async def __aenter__(self) -> Self:
        """Begin; raises `UnavailableError`."""
        ends_at = asyncio.get_running_loop().time() + self._timeout_s
        try:
            async with asyncio.timeout_at(ends_at):
                await self._turn.acquire()
        except TimeoutError as error:
            raise timed_out(self._timeout_s) from error
        try:
            self._session = await self._sessions.begin(ends_at)
        except BaseException:
            self._turn.release()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed, and give the session back."""
        session, self._session = self._session, None
        try:
            if session is not None:
                await session.close()
        finally:
            self._turn.release()

    async def commit(self) -> None:
        """COMMIT; raises `UnavailableError` if its answer does not come (it may have happened)."""
        await self._open_session().commit(self._take_deferred())
        self.messages.committed()

    async def _run(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        session = self._open_session()
        if self._deferred:
            return await session.run(_in_order, self._take_deferred(), work, arguments)
        return await session.run(work, *arguments)

    def _later(self, work: Callable[..., object], /, *arguments: Any) -> None:
        self._open_session()
        self._deferred.append((work, arguments))

    def _take_deferred(self) -> list[Step]:
        deferred, self._deferred = self._deferred, []
        return deferred

    def _open_session(self) -> Session:
        if self._session is None:
            raise UnavailableError("database", "the unit of work is closed")
        return self._session


def _in_order(
    connection: Connection, first: Sequence[Step], work: Callable[..., Result], arguments: tuple[Any, ...]
) -> Result:
    for step, step_arguments in first:
        step(connection, *step_arguments)
    return work(connection, *arguments)


@dataclass(frozen=True, slots=True)
class SqlUnitOfWorkFactory:
    """Opens units of work on one store."""

    sessions: Sessions
    dialect: Dialect
    clock: Clock
    turn: Turn = field(default_factory=Turn)
    timeout_s: float = TIMEOUT_S
    remembered: RememberedMessages = field(default_factory=RememberedMessages)
    secrets: SecretColumns = CLEAR

    def __call__(self) -> SqlUnitOfWork:
        """A new one, not yet begun."""
        return SqlUnitOfWork(
            self.sessions, self.dialect, self.clock, self.turn, self.timeout_s, self.remembered, self.secrets
        )


def _conforms(factory: SqlUnitOfWorkFactory, unit: SqlUnitOfWork) -> tuple[UnitOfWorkFactory, UnitOfWork]:
    return factory, unit
