"""SQLite: one thread writes, a few read, each commit is synced to the disk (D-11).

SQLAlchemy's synchronous engine in our own threads, not an asynchronous driver: a whole step of a unit of work is one
hand-over to the thread, where a driver such as aiosqlite makes several for each statement (ADR 0010 has the numbers).
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from wework_message.adapters.private_files import make_file, make_folder, rights_of_others, take_from_others
from wework_message.adapters.sql.core.database_kind import SEARCH_S, SEARCHES, TIMEOUT_S
from wework_message.adapters.sql.core.execution import Result, Step, search_stopped
from wework_message.adapters.sql.core.pools import Turn, unwatched
from wework_message.adapters.sql.core.prepared import ROW_WRITER
from wework_message.adapters.sql.sqlite.dialect import SqliteDialect
from wework_message.adapters.sql.sqlite.failures import translated
from wework_message.adapters.sql.sqlite.open_files import OpenFiles, files_of, is_database
from wework_message.adapters.sql.sqlite.sparse_rows import SparseRows
from wework_message.adapters.threads import Threads
from wework_message.domain.errors import UnavailableError
from wework_message.domain.ports.connection_pools import Pool, PoolName

BUSY_TIMEOUT_S: Final = 8
"""How long a writer waits for another process's transaction; shorter than the time for its own."""

ROLLBACK_S: Final = 1.0
"""How long a unit of work waits for its rollback; the thread does it in any case."""

WAL_BYTES: Final = 67_108_864
"""The write-ahead log is cut to this once it is folded into the file: one large transaction must not keep the disk."""

WAL_PAGES: Final = 4_000
"""Pages in the write-ahead log after which a commit folds it into the file. A page that many commits change, such as the end of an
index, is folded once; with more of them the log's own index would have a second part, which every read would search."""

WRITER_CACHE_BYTES: Final = 8_388_608
"""Pages that the writer keeps: each new message changes a page in most indexes, and what has no room is written before the commit, and once more with it."""

READERS: Final = 2
"""Threads for queries in one process."""

STEPS_BETWEEN_CHECKS: Final = 20_000
"""Steps of SQLite's machine after which a query of a list looks whether its time is up: less than a millisecond."""

_log: Final = logging.getLogger(__name__)


class SqliteStore:
    """A SQLite file. `close` waits for running steps and closes every connection."""

    name: Final = "sqlite"

    def __init__(self, path: Path, timeout_s: float = TIMEOUT_S, *, search_s: float = SEARCH_S) -> None:
        """Creates the folder, and takes the rights of others on a file that exists; a new one comes with the first connection.

        `timeout_s` is that of `Store`, `search_s` the time for `search`.
        """
        self.dialect = SqliteDialect()
        self.timeout_s = timeout_s
        self._search_s = search_s
        self.side_by_side = False
        make_folder(path.parent)
        _make_private(path)
        self._writer = Threads("sqlite-writer")
        self._readers = Threads("sqlite-reader", READERS)
        self._searchers = Threads("sqlite-search", SEARCHES)
        self._files = OpenFiles(path)
        self._engine = _engine(
            path,
            self._files,
            "journal_mode=WAL",
            "synchronous=FULL",
            "temp_store=MEMORY",
            f"wal_autocheckpoint={WAL_PAGES}",
            f"cache_size=-{WRITER_CACHE_BYTES // 1024}",
            f"journal_size_limit={WAL_BYTES}",
        )
        self._reading = _engine(path, self._files, "query_only=ON")
        self.turn = Turn(1, lambda: self._writer.count - self.turn.used)
        self._read_pool = ReaderThreads("read", READERS, self._readers)
        self._search_pool = ReaderThreads("search", SEARCHES, self._searchers)
        self.pools: Sequence[Pool] = (self.turn, self._read_pool, self._search_pool)
        event.listen(self._engine, "begin", _begin_immediate)

    async def begin(self, ends_at: float | None = None) -> "SqliteSession":
        """BEGIN IMMEDIATE with the first step: the only writer of the file until it ends."""
        return SqliteSession(self._writer, self._engine, self._files, self.timeout_s, ends_at)

    async def transact(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One function in a transaction of its own, for as long as it takes."""
        return await _within(None, self._writer, _transact, self._engine, self._files, work, *arguments)

    async def read(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One query; it sees the newest commit and waits for no writer."""
        query = self._read_pool.timed(_query)
        return await _within(self.timeout_s, self._readers, query, self._reading, work, *arguments)

    async def search(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """In threads of its own; a query whose caller has given up ends by itself."""
        end = time.monotonic() + self._search_s
        try:
            async with asyncio.timeout(self._search_s):
                query = self._search_pool.timed(_search)
                return await _within(None, self._searchers, query, end, self._reading, work, *arguments)
        except TimeoutError as error:
            raise search_stopped(self._search_s) from error

    async def close(self) -> None:
        """The last writer's connection also folds the write-ahead log into the file."""
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        self._writer.close(wait=True)
        self._readers.close(wait=True)
        self._searchers.close(wait=True)
        self._reading.dispose()
        self._engine.dispose()


class ReaderThreads:
    """Threads that read, each on a connection: which of them work, and how long a query waited for one."""

    def __init__(self, name: PoolName, limit: int, threads: Threads) -> None:
        """`limit` is that of `threads`."""
        self.name = name
        self.limit = limit
        self.waited: Callable[[float], None] = unwatched
        self._threads = threads
        self._working: set[int] = set()
        """Idents of threads: a set, because adding to one needs no lock."""

    @property
    def used(self) -> int:
        return len(self._working)

    @property
    def idle(self) -> int:
        return max(0, self._threads.count - self.used)

    def timed(self, query: Callable[..., Result]) -> Callable[..., Result]:
        """`query` for one of the threads, which waits from now on."""
        began = time.monotonic()

        def run(*arguments: Any) -> Result:
            self.waited(time.monotonic() - began)
            ident = threading.get_ident()
            self._working.add(ident)
            try:
                return query(*arguments)
            finally:
                self._working.discard(ident)

        return run


class SqliteSession:
    """A transaction on the writer's thread, with as few hand-overs as it has steps.

    It begins with the first step, and the commit gives its connection back.
    """

    def __init__(
        self, writer: Threads, engine: Engine, files: OpenFiles, timeout_s: float, ends_at: float | None
    ) -> None:
        """`writer` is one thread. Steps end at `ends_at`, loop time, None = `timeout_s` from now, which the commit has, too."""
        self._writer = writer
        self._engine = engine
        self._files = files
        self._timeout_s = timeout_s
        self._ends_at = asyncio.get_running_loop().time() + timeout_s if ends_at is None else ends_at
        self._connection: Connection | None = None
        """Touched on the writer's thread only."""
        self._open = False
        """Whether something may have to be rolled back, as the event loop knows it."""

    async def run(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """`work(connection, *arguments)`."""
        self._open = True
        left_s = self._ends_at - asyncio.get_running_loop().time()
        result: Result = await _within(left_s, self._writer, self._step, work, arguments)
        return result

    async def commit(self, steps: Sequence[Step] = ()) -> None:
        """The last steps, then COMMIT, synced. One that does not end in time may have happened."""
        if steps or self._open:
            self._open = True
            await _within(self._timeout_s, self._writer, self._commit, steps)
            self._open = False

    async def close(self) -> None:
        """Rolls back what was not committed. The thread does it even where it hangs now, or the caller is cancelled."""
        if self._open and not self._writer.closed:
            self._open = False
            await asyncio.wait({self._writer.start(self._rollback)}, timeout=ROLLBACK_S)

    def _step(self, work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
        if self._connection is None:
            self._connection = _begin(self._engine)
        return work(self._connection, *arguments)

    def _commit(self, steps: Sequence[Step]) -> None:
        for work, arguments in steps:
            self._step(work, arguments)
        if self._connection is not None:
            self._files.demand()
            self._connection.commit()
            self._files.committed()
            self._rollback()

    def _rollback(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _make_private(path: Path) -> None:
    # Only a file that others can read is opened: a close would release the locks that SQLite holds on it in this process.
    if rights_of_others(path) and not is_database(path):
        return  # a slip in the settings: the rights on a file of another program stay
    loose = [file.name for file in files_of(path) if take_from_others(file)]
    if loose:
        _log.warning("others could read %s: now only this user can", ", ".join(loose))


def _engine(path: Path, files: OpenFiles, *settings: str) -> Engine:
    options = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_S}
    engine = create_engine(
        f"sqlite:///{path}", connect_args=options, hide_parameters=True, execution_options={ROW_WRITER: SparseRows()}
    )

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver opens no transactions of its own
        for setting in settings:
            connection.execute(f"PRAGMA {setting}").close()

    def create(*_: object) -> None:
        files.demand()  # a connection would make an empty file in the place of one that was moved, and take its log
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


def _transact(engine: Engine, files: OpenFiles, work: Callable[..., Result], *arguments: Any) -> Result:
    files.demand()
    with engine.begin() as connection:
        result = work(connection, *arguments)
    files.committed()
    return result


def _query(engine: Engine, work: Callable[..., Result], *arguments: Any) -> Result:
    with engine.connect() as connection:
        return work(connection, *arguments)


def _search(end: float, engine: Engine, work: Callable[..., Result], *arguments: Any) -> Result:
    """Raises `TimeoutError` at `end`, as the monotonic clock has it."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(lambda: time.monotonic() >= end, STEPS_BETWEEN_CHECKS)
        try:
            return work(connection, *arguments)
        except OperationalError as error:
            if time.monotonic() >= end:
                raise TimeoutError from error
            raise
        finally:
            driver.set_progress_handler(None, 0)


async def _within(seconds: float | None, threads: Threads, work: Callable[..., Result], /, *arguments: Any) -> Result:
    """`work` in one of `threads`; raises `UnavailableError` where that takes too long: a disk that hangs, or a lock."""
    try:
        async with asyncio.timeout(seconds):
            return await threads.run(work, *arguments)
    except SQLAlchemyError as error:
        raise translated(error) from error
    except TimeoutError as error:
        if seconds is None:
            raise
        raise UnavailableError("database", "no answer from the file in time") from error
