"""The backend of SQLite."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import Connection

from wework_message.adapters.sql.core.database_backend import DatabaseBackend, Examination, Objection
from wework_message.adapters.sql.core.database_kind import DatabaseSource
from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.sqlite.checks import ReadOnlyFile, sqlite_checks
from wework_message.adapters.sql.sqlite.dialect import SqliteDialect
from wework_message.adapters.sql.sqlite.kind import SqliteKind
from wework_message.adapters.sql.sqlite.store import SqliteStore


class SqliteBackend(DatabaseBackend):
    """A file of this machine."""

    kind = SqliteKind()
    all_or_nothing = True

    def open(self, source: DatabaseSource) -> SqliteStore:
        """Creates the folder."""
        return SqliteStore(self.kind.path(source), source.timeout_s)

    @contextmanager
    def migration_lock(self, connection: Connection) -> Iterator[None]:
        """The transaction itself: the store begins it IMMEDIATE, and a change of the schema does not end it."""
        driver = connection.connection.driver_connection
        if driver is None or not driver.in_transaction:
            raise RuntimeError("the lock for migrations is a transaction begun IMMEDIATE, and there is none")
        yield

    def prepare_migrations(self) -> None:
        """Nothing differs."""

    async def objections(self, store: Store) -> Sequence[Objection]:  # noqa: ARG002 -- a file has no server
        return ()

    @asynccontextmanager
    async def examining(
        self,
        source: DatabaseSource,
        *,
        auto_migrate: bool,
        accept_data_loss: bool,  # noqa: ARG002 -- a file loses none
    ) -> AsyncIterator[Examination]:
        """On the file, opened for reading only and never created."""
        path = self.kind.path(source)
        run = ReadOnlyFile(path)
        yield Examination(run, SqliteDialect(), sqlite_checks(run, path, auto_migrate=auto_migrate))
