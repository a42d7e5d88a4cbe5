"""SQLite: one thread writes, a few read, each commit is synced to the disk (D-11).

SQLAlchemy's synchronous engine in our own threads, not an asynchronous driver: a whole step of a unit of work is one
hand-over to the thread, where a driver such as aiosqlite makes several for each statement (ADR 0010 has the numbers).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from wework_message.adapters.private_files import make_file, make_folder, take_from_others
from wework_message.adapters.sql.core.execution import Result, Step, translated
from wework_message.adapters.sql.sqlite.dialect import SqliteDialect
from wework_message.adapters.threads import Threads

BUSY_TIMEOUT_S: Final = 30
"""How long a writer waits for another process's transaction."""

WAL_BYTES: Final = 67_108_864
"""The write-ahead log is cut to this once it is folded into the file: one large transaction must not keep the disk."""

READERS: Final = 2
"""Threads for queries in one process."""

COMPANIONS: Final = ("-wal", "-shm")
"""Ends of the names of the files beside the database; SQLite gives new ones the mode of the database file."""

_log: Final = logging.getLogger(__name__)


class SqliteStore:
    """A SQLite file. `close` waits for running steps and closes every connection."""

    name: Final = "sqlite"

    def __init__(self, path: Path) -> None:
        """Creates the folder, and takes the rights of others on a file that exists; a new one comes with the first connection."""
        self.dialect = SqliteDialect()
        self.turn = asyncio.Lock()
        self.side_by_side = False
        make_folder(path.parent)
        _make_private(path)
        self._writer = Threads("sqlite-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sqlite-reader")
        self._engine = _engine(
            path, "journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", f"journal_size_limit={WAL_BYTES}"
        )
        self._reading = _engine(path, "query_only=ON")
        event.listen(self._engine, "begin", _begin_immediate)

    async def begin(self) -> "SqliteSession":
        """BEGIN IMMEDIATE with the first step: the only writer of the file until it ends."""
        return SqliteSession(self._write, self._engine)

    async def transact(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One function in a transaction of its own."""
        return await self._write(_transact, self._engine, work, *arguments)

    async def read(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One query; it sees the newest commit and waits for no writer."""
        query = asyncio.get_running_loop().run_in_executor(self._readers, _query, self._reading, work, *arguments)
        try:
            return await query
        except SQLAlchemyError as error:
            raise translated(error) from error

    async def close(self) -> None:
        """The last writer's connection also folds the write-ahead log into the file."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        self._writer.close(wait=True)
        self._readers.shutdown()
        self._reading.dispose()
        self._engine.dispose()

    async def _write(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        try:
            return await self._writer.run(work, *arguments)
        except SQLAlchemyError as error:
            raise translated(error) from error


class SqliteSession:
    """A transaction on the writer's thread, with as few hand-overs as it has steps.

    It begins with the first step, and the commit gives its connection back.
    """

    def __init__(self, write: Callable[..., Any], engine: Engine) -> None:
        """`write` runs a function on the writer's thread."""
        self._write = write
        self._engine = engine
        self._connection: Connection | None = None
        """Touched on the writer's thread only."""
        self._open = False
        """Whether something may have to be rolled back, as the event loop knows it."""

    async def run(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """`work(connection, *arguments)`."""
        self._open = True
        result: Result = await self._write(self._step, work, arguments)
        return result

    async def commit(self, steps: Sequence[Step] = ()) -> None:
        """The last steps, then COMMIT, synced."""
        if steps or self._open:
            self._open = True
            await self._write(self._commit, steps)
            self._open = False

    async def close(self) -> None:
        """Rolls back what was not committed."""
        if self._open:
            await self._write(self._rollback)

    def _step(self, work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
        if self._connection is None:
            self._connection = _begin(self._engine)
        return work(self._connection, *arguments)

    def _commit(self, steps: Sequence[Step]) -> None:
        for work, arguments in steps:
            self._step(work, arguments)
        if self._connection is not None:
            self._connection.commit()
            self._rollback()

    def _rollback(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _make_private(path: Path) -> None:
    loose = [file.name for file in files_of(path) if take_from_others(file)]
    if loose:
        _log.warning("others could read %s: now only this user can", ", ".join(loose))


def files_of(path: Path) -> Sequence[Path]:
    """The database file and the files beside it."""
    return [path, *(path.with_name(path.name + end) for end in COMPANIONS)]


def _engine(path: Path, *settings: str) -> Engine:
    options = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_S}
    engine = create_engine(f"sqlite:///{path}", connect_args=options, hide_parameters=True)

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver opens no transactions of its own
        for setting in settings:
            connection.execute(f"PRAGMA {setting}").close()

    def create(*_: object) -> None:
        with contextlib.suppress(OSError):  # SQLite reports it as its own error
            make_file(path)  # SQLite would give it the rights that the umask leaves

    event.listen(engine, "do_connect", create)
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
