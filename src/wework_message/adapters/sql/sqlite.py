"""SQLite: one thread writes, a few read, each commit is synced to the disk (decision 11).

SQLAlchemy's synchronous engine in threads of ours, not an asynchronous driver: a whole step of a unit of work is one
hand-over to the thread, where a driver such as aiosqlite makes several for each statement (ADR 0010 has the numbers).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from wework_message.adapters.sql.running import Result, translated

BUSY_S: Final = 30
"""How long a writer waits for another process's transaction."""

READERS: Final = 2
"""Threads for queries in one process."""


class SqliteStore:
    """A SQLite file. `close` waits for what runs and closes every connection."""

    def __init__(self, path: Path) -> None:
        """Creates the folder; the file comes with the first connection."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._engine = _engine(path, "journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY")
        self._reading = _engine(path, "query_only=ON")
        event.listen(self._engine, "begin", _begin_immediate)

    async def begin(self) -> "SqliteSession":
        """BEGIN IMMEDIATE: the only writer of the file until it ends."""
        return SqliteSession(self._write, await self._write(_begin, self._engine))

    async def transact(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One function in a transaction of its own."""
        return await self._write(_transact, self._engine, work, *arguments)

    async def read(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One query; it sees the newest commit and waits for no writer."""
        return await _in_thread(self._readers, _query, self._reading, work, *arguments)

    async def close(self) -> None:
        """The last writer's connection also folds the write-ahead log into the file."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
        self._reading.dispose()
        self._engine.dispose()

    async def _write(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        return await _in_thread(self._writer, work, *arguments)


class SqliteSession:
    """A transaction on the writer's thread."""

    def __init__(self, write: Callable[..., Any], connection: Connection) -> None:
        """`connection` is touched on the writer's thread only."""
        self._write = write
        self._connection = connection

    async def run(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """`work(connection, *arguments)`."""
        result: Result = await self._write(work, self._connection, *arguments)
        return result

    async def commit(self) -> None:
        """COMMIT, synced."""
        await self._write(self._connection.commit)

    async def close(self) -> None:
        """Rolls back what was not committed."""
        await self._write(self._connection.close)


async def _in_thread(threads: ThreadPoolExecutor, work: Callable[..., Result], /, *arguments: Any) -> Result:
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, work, *arguments)
    except SQLAlchemyError as error:
        raise translated(error) from error


def _engine(path: Path, *settings: str) -> Engine:
    options = {"check_same_thread": False, "timeout": BUSY_S}
    engine = create_engine(f"sqlite:///{path}", connect_args=options, hide_parameters=True)

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver opens no transactions of its own
        for setting in settings:
            connection.execute(f"PRAGMA {setting}").close()

    event.listen(engine, "connect", prepare)
    return engine


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(engine: Engine) -> Connection:
    connection = engine.connect()
    try:
        connection.begin()
    except BaseException:
        connection.close()
        raise
    return connection


def _transact(engine: Engine, work: Callable[..., Result], *arguments: Any) -> Result:
    with engine.begin() as connection:
        return work(connection, *arguments)


def _query(engine: Engine, work: Callable[..., Result], *arguments: Any) -> Result:
    with engine.connect() as connection:
        return work(connection, *arguments)
