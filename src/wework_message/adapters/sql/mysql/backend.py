"""The backend of MySQL and MariaDB."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from sqlalchemy import Connection

from wework_message.adapters.sql.core.database_backend import DatabaseBackend, Examination, Objection
from wework_message.adapters.sql.core.database_kind import DatabaseSource
from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.mysql.checks import mysql_checks
from wework_message.adapters.sql.mysql.kind import MysqlKind
from wework_message.adapters.sql.mysql.server import objections
from wework_message.domain.errors import UnavailableError

MIGRATION_LOCK_S: Final = 600
"""How long a process waits for another one that migrates."""


class MysqlBackend(DatabaseBackend):
    """A database on a server."""

    kind = MysqlKind()
    all_or_nothing = False  # each change is committed on its own, and half a schema has to be completed

    def open(self, source: DatabaseSource) -> Store:
        """Loads the driver."""
        from wework_message.adapters.sql.mysql.store import MysqlStore  # noqa: PLC0415 -- the driver is an extra

        return MysqlStore(
            self.kind.target(source), timeout_s=source.timeout_s, prepared_statements=source.prepared_statements
        )

    @contextmanager
    def migration_lock(self, connection: Connection) -> Iterator[None]:
        """A named lock of the server, one for each database: a change of the schema ends the transaction."""
        name = "LEFT(CONCAT('wm_schema.', DATABASE()), 64)"
        if connection.exec_driver_sql(f"SELECT GET_LOCK({name}, {MIGRATION_LOCK_S})").scalar() != 1:
            raise UnavailableError("database", "another process has been migrating it for too long")
        try:
            yield
            # The version's row is no change of the schema: before it is committed, no other process may look.
            connection.exec_driver_sql("COMMIT")
        finally:
            if not connection.invalidated:
                connection.exec_driver_sql(f"SELECT RELEASE_LOCK({name})")

    def prepare_migrations(self) -> None:
        """Its implementation of changes is registered by the import."""
        from wework_message.adapters.sql.mysql import repeatable as _repeatable  # noqa: F401, PLC0415 -- it imports Alembic

    async def objections(self, store: Store) -> Sequence[Objection]:
        """Read from the server's variables."""
        return await store.read(objections)

    @asynccontextmanager
    async def examining(
        self, source: DatabaseSource, *, auto_migrate: bool, accept_data_loss: bool
    ) -> AsyncIterator[Examination]:
        """On a store of its own, which it closes."""
        target, store = self.kind.target(source), self.open(source)
        try:
            yield Examination(
                store.read, store.dialect,
                mysql_checks(
                    store.read, target.host, target.port, auto_migrate=auto_migrate, accept_data_loss=accept_data_loss,
                    encrypted=target.tls is not None,
                ),
            )  # fmt: skip
        finally:
            await store.close()
