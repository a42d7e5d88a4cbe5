"""MySQL and MariaDB: connections that are kept, transactions side by side, READ COMMITTED (D-8).

The same plain functions as on SQLite, compiled by SQLAlchemy and run by asyncmy in the event loop.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import NullPool, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from wework_message.adapters.sql.core.database_kind import SEARCH_S, SEARCHES, TIMEOUT_S
from wework_message.adapters.sql.core.execution import EXECUTOR, Result, search_stopped
from wework_message.adapters.sql.core.pools import EnginePool, Turn
from wework_message.adapters.sql.core.prepared import ROW_WRITER
from wework_message.adapters.sql.mysql.connections.connector import Connector
from wework_message.adapters.sql.mysql.connections.driver import DriverExecutor, StatementListener
from wework_message.adapters.sql.mysql.connections.session import MAX_CONNECTION_AGE_S, KeptConnections, MysqlSession
from wework_message.adapters.sql.mysql.connections.translation import lost, translated
from wework_message.adapters.sql.mysql.connections.wrong_server import Generations
from wework_message.adapters.sql.mysql.dialect import MysqlDialect
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.sql.mysql.multirow import MultirowWriter
from wework_message.domain.errors import TryAgainError
from wework_message.domain.ports.connection_pools import Pool

WRITERS: Final = 8
"""Units of work of one process at a time; each has a connection."""

READERS: Final = 8
"""Connections for queries in one process."""

ENGINE_OPTIONS: Final = {ROW_WRITER: MultirowWriter()}
"""Execution options that `Prepared` statements read from a connection."""


class MysqlStore:
    """A database on a server. `close` ends every connection."""

    name: Final = "mysql"

    def __init__(
        self,
        target: MysqlTarget,
        dialect: MysqlDialect | None = None,
        timeout_s: float = TIMEOUT_S,
        *,
        search_s: float = SEARCH_S,
        prepared_statements: bool = True,
        listener: StatementListener | None = None,
    ) -> None:
        """Connects with the first step. `timeout_s` is that of `Store`, `search_s` the time for `search`.

        `prepared_statements`: a MariaDB server keeps the statements of units of work prepared. `listener` is told of each
        statement of units of work and queries.
        """
        self.dialect = dialect or MysqlDialect()
        self.timeout_s = timeout_s
        self.turn = Turn(WRITERS, lambda: self._connections.idle)
        self.side_by_side = True
        self._writing = _engine(
            Connector(target, prepared=prepared_statements),
            poolclass=NullPool,
            execution_options=ENGINE_OPTIONS | {EXECUTOR: DriverExecutor(listener)},
        )
        self._search_s = search_s
        self._reading = _reading_engine(Connector(target, autocommit=True), READERS, timeout_s)
        self._searching = _reading_engine(Connector(target, autocommit=True, statement_s=search_s), SEARCHES, timeout_s)
        self._maintenance = _engine(Connector(target), poolclass=NullPool)
        generations = Generations()
        for engine in (self._reading, self._searching):
            generations.watch(engine.sync_engine)
        self._connections = KeptConnections(self._writing, generations)
        self._read_pool = EnginePool("read", READERS, self._reading.sync_engine.pool)
        self._search_pool = EnginePool("search", SEARCHES, self._searching.sync_engine.pool)
        self.pools: Sequence[Pool] = (self.turn, self._read_pool, self._search_pool)
        if listener is not None:
            for engine in (self._writing, self._reading, self._searching):
                _listen(engine, listener)

    async def begin(self, ends_at: float | None = None) -> MysqlSession:
        """The server's transaction begins with the first statement."""
        if ends_at is None:
            ends_at = asyncio.get_running_loop().time() + self.timeout_s
        return MysqlSession(self._connections, ends_at, self.timeout_s)

    async def transact(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One function in a transaction and on a connection of its own, for as long as it takes: migrations."""
        async with _translating(committing=True), self._maintenance.begin() as connection:
            return await connection.run_sync(work, *arguments)

    async def read(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One query; it runs a second time where its connection turns out to be lost."""
        return await self._read(self._reading, self._read_pool, work, *arguments)

    async def search(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """On connections of its own, whose statements the server stops."""
        try:
            async with asyncio.timeout(self._search_s):
                return await self._read(self._searching, self._search_pool, work, *arguments)
        except TimeoutError as error:
            raise search_stopped(self._search_s) from error

    async def close(self) -> None:
        """Running statements are cut off."""
        await self._connections.close()
        for engine in (self._writing, self._reading, self._searching, self._maintenance):
            await engine.dispose()
        await asyncio.sleep(0)  # a transport closes its socket in the loop's next round

    async def _read(self, engine: AsyncEngine, pool: Pool, work: Callable[..., Result], /, *arguments: Any) -> Result:
        try:
            return await self._read_once(engine, pool, work, *arguments)
        except TryAgainError:
            return await self._read_once(engine, pool, work, *arguments)

    async def _read_once(
        self, engine: AsyncEngine, pool: Pool, work: Callable[..., Result], /, *arguments: Any
    ) -> Result:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with _translating(), asyncio.timeout(self.timeout_s), engine.connect() as connection:
            pool.waited(loop.time() - began)
            return await connection.run_sync(work, *arguments)


def _engine(connector: Connector, **options: Any) -> AsyncEngine:
    options = {"execution_options": ENGINE_OPTIONS} | options
    return create_async_engine("mysql+asyncmy://", async_creator=connector, hide_parameters=True, **options)


def _reading_engine(connector: Connector, pool_size: int, timeout_s: float) -> AsyncEngine:
    return _engine(
        connector,
        isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True,
        pool_size=pool_size, max_overflow=0, pool_timeout=timeout_s, pool_recycle=MAX_CONNECTION_AGE_S,
        pool_reset_on_return=None,  # there is nothing to roll back
    )  # fmt: skip


def _listen(engine: AsyncEngine, listener: StatementListener) -> None:
    def executing(*arguments: Any) -> None:
        _, _, statement, parameters, _, many = arguments
        listener(statement, parameters[0] if many else parameters)

    event.listen(engine.sync_engine, "before_cursor_execute", executing)


@asynccontextmanager
async def _translating(*, committing: bool = False) -> AsyncIterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise translated(error, committing=committing) from error
    except (OSError, EOFError) as error:  # TimeoutError is an OSError
        raise lost(type(error).__name__, committing=committing) from error
