"""One transaction on SQL. Leaving without `commit` rolls back."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction

from wework_message.adapters.sql.accounts import SqlAccountBook
from wework_message.adapters.sql.dialect import Dialect
from wework_message.adapters.sql.inbox import SqlCallbackInbox
from wework_message.adapters.sql.journal import SqlMessageJournal
from wework_message.adapters.sql.running import Result
from wework_message.domain.errors import ConflictError, UnavailableError
from wework_message.domain.ports.persistence import UnitOfWork, UnitOfWorkFactory
from wework_message.domain.ports.system import Clock


def translated(error: SQLAlchemyError) -> ConflictError | UnavailableError:
    """A guard that said no is a conflict; everything else means that the store did not do it. Texts carry no values."""
    if isinstance(error, IntegrityError):
        return ConflictError("a unique guard of the store refused the write")
    cause = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
    return UnavailableError("database", cause)


class SqlUnitOfWork:
    """A connection from the pool, one transaction, and the ports on it."""

    def __init__(self, engine: AsyncEngine, dialect: Dialect, clock: Clock) -> None:
        """Nothing is opened before `__aenter__`."""
        self._engine = engine
        self._dialect = dialect
        self._clock = clock
        self._connection: AsyncConnection | None = None
        self._transaction: AsyncTransaction | None = None

    async def __aenter__(self) -> Self:
        """Begin; raises `UnavailableError`."""
        try:
            self._connection = await self._engine.connect()
            self._transaction = await self._connection.begin()
        except SQLAlchemyError as error:
            await self._leave()
            raise translated(error) from error
        self.messages = SqlMessageJournal(self._run, self._dialect, self._clock)
        self.inbox = SqlCallbackInbox(self._run, self._dialect)
        self.accounts = SqlAccountBook(self._run, self._dialect)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed, and give the connection back."""
        await self._leave()

    async def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def commit(self) -> None:
        """COMMIT; raises `UnavailableError` if its answer does not come (it may have happened)."""
        if self._connection is None:
            raise UnavailableError("database", "the unit of work is closed")
        try:
            await self._connection.commit()
        except SQLAlchemyError as error:
            raise translated(error) from error

    async def _run(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        if self._connection is None:
            raise UnavailableError("database", "the unit of work is closed")
        try:
            return await self._connection.run_sync(work, *arguments)
        except SQLAlchemyError as error:
            raise translated(error) from error


@dataclass(frozen=True, slots=True)
class SqlUnitOfWorkFactory:
    """Opens units of work on one engine."""

    engine: AsyncEngine
    dialect: Dialect
    clock: Clock

    def __call__(self) -> SqlUnitOfWork:
        """A new one, not yet begun."""
        return SqlUnitOfWork(self.engine, self.dialect, self.clock)


def _conforms(factory: SqlUnitOfWorkFactory, unit: SqlUnitOfWork) -> tuple[UnitOfWorkFactory, UnitOfWork]:
    return factory, unit


class ReadingRun:
    """Runs a query on a connection of the readers' pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        """The engine must be in AUTOCOMMIT: a query sees the newest commit and holds nothing open."""
        self._engine = engine

    async def __call__(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """Raises `UnavailableError`."""
        try:
            async with self._engine.connect() as connection:
                return await connection.run_sync(work, *arguments)
        except SQLAlchemyError as error:
            raise translated(error) from error


@asynccontextmanager
async def closing_engine(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """The engine, disposed of at the end."""
    try:
        yield engine
    finally:
        await engine.dispose()
