"""MySQL and MariaDB: a pool of connections, transactions side by side, READ COMMITTED (D-8).

The same plain functions as on SQLite, run by SQLAlchemy on asyncmy in the event loop.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import asyncmy
from sqlalchemy import NullPool
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from wework_message.adapters.sql.core.execution import Result, Step
from wework_message.adapters.sql.core.prepared import ROW_WRITER
from wework_message.adapters.sql.mysql.dialect import MysqlDialect
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.sql.mysql.multirow import MultirowWriter
from wework_message.adapters.sql.mysql.schema_options import COLLATIONS
from wework_message.domain.errors import ConflictError, TryAgainError, UnavailableError

WRITERS: Final = 8
"""Units of work of one process at a time; each has a connection."""

READERS: Final = 8
"""Connections for queries in one process."""

CONNECT_TIMEOUT_S: Final = 5
"""How long a server may take to accept a connection."""

STEP_TIMEOUT_S: Final = 30
"""How long a step of a unit of work, its commit or a query may take."""

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

_RETRYABLE: Final = frozenset({1020, 1205, 1213})
"""The server ended this transaction in favour of another: changed since read, lock wait, deadlock."""

_LOST: Final = frozenset({1053, 1927, 2006, 2013, 2014, 2055})
"""The connection is lost: shutting down, killed, gone away, lost during the query, out of step, lost."""

_UNREACHABLE: Final = frozenset({1040, 1203, 2002, 2003, 2005})
"""No connection can be opened."""

_REFUSED: Final = {
    1044: "this user may not use the database",
    1045: "user or password are wrong",
    1049: "there is no database of this name",
    1142: "this user lacks a right on a table",
    1290: "the server is read-only",
    1040: "the server has no connection left",
    2003: "does not answer",
}
"""Numbers that an operator can do something about."""

_COMMIT_ANSWER_LOST: Final = "the answer to COMMIT was lost"


class MysqlStore:
    """A database on a server. `close` ends every connection."""

    name: Final = "mysql"

    def __init__(self, target: MysqlTarget, dialect: MysqlDialect | None = None) -> None:
        """Connects with the first step."""
        self.dialect = dialect or MysqlDialect()
        self.turn = asyncio.Semaphore(WRITERS)
        self.side_by_side = True
        self._engine = _engine(target, pool_size=WRITERS)
        self._reading = _engine(target, autocommit=True, pool_size=READERS)
        self._maintenance = _engine(target, poolclass=NullPool)

    async def begin(self) -> "MysqlSession":
        """The server's transaction begins with the first statement."""
        return MysqlSession(self._engine)

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
        async with _translating(), asyncio.timeout(STEP_TIMEOUT_S), self._reading.connect() as connection:
            return await connection.run_sync(work, *arguments)


class MysqlSession:
    """A transaction on a connection, which the commit gives back."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Takes its connection with the first step."""
        self._engine = engine
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
            async with _translating(committing=True), asyncio.timeout(STEP_TIMEOUT_S):
                await self._connection.commit()
            await self.close()

    async def close(self) -> None:
        """Rolls back what was not committed; a cancelled caller does not stop it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.shield(asyncio.create_task(_give_back(connection)))

    async def _connect(self) -> AsyncConnection:
        async with _translating(), asyncio.timeout(STEP_TIMEOUT_S):
            self._connection = await self._engine.connect()
        return self._connection

    async def _step(self, connection: AsyncConnection, work: Callable[..., Result], /, *arguments: Any) -> Result:
        async with _translating(), asyncio.timeout(STEP_TIMEOUT_S):
            return await connection.run_sync(work, *arguments)


async def _give_back(connection: AsyncConnection) -> None:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await connection.close()
    except (SQLAlchemyError, OSError, EOFError, TimeoutError):
        with contextlib.suppress(SQLAlchemyError, OSError, EOFError):
            await connection.invalidate()
            await connection.close()


def _in_order(connection: Any, steps: Sequence[Step]) -> None:
    for work, arguments in steps:
        work(connection, *arguments)


def _engine(target: MysqlTarget, *, autocommit: bool = False, **pool: Any) -> AsyncEngine:
    if "pool_size" in pool:
        # The code that began a transaction ends it: the pool need not roll back once more.
        pool |= {
            "max_overflow": 0,
            "pool_timeout": STEP_TIMEOUT_S,
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
        raise _lost(type(error).__name__, committing=committing) from error


def translated(error: SQLAlchemyError, *, committing: bool = False) -> ConflictError | UnavailableError:
    """The domain's error for what became of the transaction. Texts carry no values."""
    if isinstance(error, (IntegrityError, DataError)):
        return ConflictError("a guard of the store refused the write")
    number = _number(error)
    cause = f"{type(error.orig).__name__} {number}" if isinstance(error, DBAPIError) else type(error).__name__
    if number in _RETRYABLE:
        return TryAgainError("database", cause)
    broken = isinstance(error, DBAPIError) and error.connection_invalidated
    if number not in _UNREACHABLE and (number in _LOST or broken):
        return _lost(cause, committing=committing)
    return UnavailableError("database", f"{_REFUSED[number]} ({number})" if number in _REFUSED else cause)


def _lost(cause: str, *, committing: bool) -> UnavailableError:
    if committing:
        return UnavailableError("database", f"{_COMMIT_ANSWER_LOST} ({cause})")
    return TryAgainError("database", cause, lost_connection=True)


def _number(error: SQLAlchemyError) -> int:
    args = error.orig.args if isinstance(error, DBAPIError) and error.orig is not None else ()
    return args[0] if args and isinstance(args[0], int) else 0
