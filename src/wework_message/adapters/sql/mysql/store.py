"""MySQL and MariaDB: a pool of connections, transactions side by side, READ COMMITTED (D-8).

The same plain functions as on SQLite, run by SQLAlchemy on asyncmy in the event loop.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

from sqlalchemy import NullPool
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from wework_message.adapters.sql.core.database_kind import TIMEOUT_S
from wework_message.adapters.sql.core.execution import Result, Step
from wework_message.adapters.sql.core.prepared import ROW_WRITER
from wework_message.adapters.sql.mysql.dialect import MysqlDialect
from wework_message.adapters.sql.mysql.driver import asyncmy
from wework_message.adapters.sql.mysql.failures import lost, translated
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.sql.mysql.multirow import MultirowWriter
from wework_message.adapters.sql.mysql.schema_options import COLLATIONS
from wework_message.adapters.sql.mysql.wrong_server import drop_of_wrong_server
from wework_message.domain.errors import TryAgainError

WRITERS: Final = 8
"""Units of work of one process at a time; each has a connection."""

READERS: Final = 8
"""Connections for queries in one process."""

CONNECT_TIMEOUT_S: Final = 5
"""How long a server may take to accept a connection."""

GIVE_BACK_S: Final = 2
"""How long the rollback of a unit of work may take; then its connection is dropped."""

MAX_CONNECTION_AGE_S: Final = 1_800
"""Connections are not used for longer: proxies and servers close old ones."""

LOCK_WAIT_TIMEOUT_S: Final = 5
"""How long a statement waits for a row; then the whole transaction is tried again."""

MAX_IDLE_IN_TRANSACTION_S: Final = 20
"""A transaction that is idle for so long is rolled back: its process hangs or is out of reach.

Otherwise claims would skip the rows it has locked until it comes back, or for the server's `wait_timeout` of 8 h. MariaDB
only.
"""

MAX_IDLE_S: Final = 300
"""The same on MySQL, which has no limit for transactions alone: it closes any connection that is idle for so long."""

ENGINE_OPTIONS: Final = {ROW_WRITER: MultirowWriter()}
"""Execution options that `Prepared` statements read from a connection."""


class MysqlStore:
    """A database on a server. `close` ends every connection."""

    name: Final = "mysql"

    def __init__(self, target: MysqlTarget, dialect: MysqlDialect | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """Connects with the first step. `timeout_s` is that of `Store`."""
        self.dialect = dialect or MysqlDialect()
        self.timeout_s = timeout_s
        self.turn = asyncio.Semaphore(WRITERS)
        self.side_by_side = True
        self._engine = _engine(target, timeout_s, pool_size=WRITERS)
        self._reading = _engine(target, timeout_s, autocommit=True, pool_size=READERS)
        self._maintenance = _engine(target, timeout_s, poolclass=NullPool)
        drop_of_wrong_server((self._engine.sync_engine, self._reading.sync_engine))

    async def begin(self) -> "MysqlSession":
        """The server's transaction begins with the first statement."""
        return MysqlSession(self._engine, self.timeout_s)

    async def transact(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One function in a transaction and on a connection of its own, for as long as it takes: migrations."""
        async with _translating(committing=True), self._maintenance.begin() as connection:
            return await connection.run_sync(work, *arguments)

    async def read(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One query; it runs a second time where its connection turns out to be lost."""
        try:
            return await self._read(work, *arguments)
        except TryAgainError:
            return await self._read(work, *arguments)

    async def close(self) -> None:
        """Running statements are cut off."""
        for engine in (self._engine, self._reading, self._maintenance):
            await engine.dispose()
        await asyncio.sleep(0)  # a transport closes its socket in the loop's next round

    async def _read(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        async with _translating(), asyncio.timeout(self.timeout_s), self._reading.connect() as connection:
            return await connection.run_sync(work, *arguments)


class MysqlSession:
    """A transaction on a connection, which the commit gives back."""

    def __init__(self, engine: AsyncEngine, timeout_s: float) -> None:
        """Takes its connection with the first step; `timeout_s` is for each step."""
        self._engine = engine
        self._timeout_s = timeout_s
        self._connection: AsyncConnection | None = None

    async def run(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """`work(connection, *arguments)`; a first step that meets a dead connection gets another one."""
        if self._connection is not None:
            return await self._step(self._connection, work, *arguments)
        try:
            return await self._step(await self._connect(), work, *arguments)
        except TryAgainError as error:
            if error.lost_connection:
                await self.close()
                return await self._step(await self._connect(), work, *arguments)
            raise

    async def commit(self, steps: Sequence[Step] = ()) -> None:
        """The last steps, then COMMIT; `UnavailableError`, not `TryAgainError`, where it is unknown whether it happened."""
        if steps:
            await self.run(_in_order, steps)
        if self._connection is not None:
            async with _translating(committing=True), asyncio.timeout(self._timeout_s):
                await self._connection.commit()
            await self.close()

    async def close(self) -> None:
        """Rolls back what was not committed; a cancelled caller does not stop it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.shield(asyncio.create_task(_give_back(connection)))

    async def _connect(self) -> AsyncConnection:
        async with _translating(), asyncio.timeout(self._timeout_s):
            self._connection = await self._engine.connect()
        return self._connection

    async def _step(self, connection: AsyncConnection, work: Callable[..., Result], /, *arguments: Any) -> Result:
        async with _translating(), asyncio.timeout(self._timeout_s):
            return await connection.run_sync(work, *arguments)


async def _give_back(connection: AsyncConnection) -> None:
    try:
        async with asyncio.timeout(GIVE_BACK_S):
            await connection.close()
    except (SQLAlchemyError, OSError, EOFError, TimeoutError):
        with contextlib.suppress(SQLAlchemyError, OSError, EOFError):
            await connection.invalidate()
            await connection.close()


def _in_order(connection: Any, steps: Sequence[Step]) -> None:
    for work, arguments in steps:
        work(connection, *arguments)


def _engine(target: MysqlTarget, timeout_s: float, *, autocommit: bool = False, **pool: Any) -> AsyncEngine:
    if "pool_size" in pool:
        # The code that began a transaction ends it: the pool need not roll back once more.
        pool |= {
            "max_overflow": 0,
            "pool_timeout": timeout_s,
            "pool_recycle": MAX_CONNECTION_AGE_S,
            "pool_reset_on_return": None,
        }
    if autocommit:
        pool |= {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
    creator = partial(_connected, target, autocommit=autocommit)
    return create_async_engine(
        "mysql+asyncmy://", async_creator=creator, hide_parameters=True, execution_options=ENGINE_OPTIONS, **pool
    )


async def _connected(target: MysqlTarget, *, autocommit: bool) -> Any:
    try:
        connection = await asyncmy.connect(
            host=target.host, port=target.port, user=target.username, password=target.password,
            database=target.database, charset="utf8mb4", autocommit=autocommit, connect_timeout=CONNECT_TIMEOUT_S,
            # Without FOUND_ROWS, which SQLAlchemy would set: a known callback is not a changed row.
            client_flag=0,
        )  # fmt: skip
    except RuntimeError as error:
        # A server that dies while it accepts the connection closes the socket before the driver has set its options.
        raise ConnectionResetError(str(error)) from error
    try:
        async with connection.cursor() as cursor:
            for statement in _session(mariadb="mariadb" in connection.get_server_info().lower()):
                await cursor.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _session(*, mariadb: bool) -> tuple[str, ...]:
    """Independent of the server's defaults: exact comparison, errors instead of cut values, no snapshot older than a statement."""
    return (
        f"SET NAMES utf8mb4 COLLATE {COLLATIONS[mariadb]}",
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
        f"SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_WAIT_TIMEOUT_S}",
        f"SET SESSION idle_transaction_timeout = {MAX_IDLE_IN_TRANSACTION_S}"
        if mariadb
        else f"SET SESSION wait_timeout = {MAX_IDLE_S}",
    )


@asynccontextmanager
async def _translating(*, committing: bool = False) -> AsyncIterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise translated(error, committing=committing) from error
    except (OSError, EOFError) as error:  # TimeoutError is an OSError
        raise lost(type(error).__name__, committing=committing) from error
