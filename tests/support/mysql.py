"""A migrated database of MariaDB for tests: created once in a session, emptied after each test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from tests.support.polling import until
from tests.support.servers.mariadb import Database, MariaDb

from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.mapping.tables import metadata
from wework_message.adapters.sql.mysql.connections.driver import StatementListener
from wework_message.adapters.sql.mysql.dialect import MysqlDialect
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.sql.mysql.store import MysqlStore


def target_of(database: Database) -> MysqlTarget:
    return MysqlTarget(database.host, database.port, database.name, database.username, database.password)


def settings_of(target: MysqlTarget, options: str = "") -> dict[str, str]:
    """The database as the Java service's variables name it; `options` are JDBC's."""
    return {
        "SPRING_DATASOURCE_URL": f"jdbc:mysql://{target.host}:{target.port}/{target.database}{options}",
        "SPRING_DATASOURCE_USERNAME": target.username,
        "SPRING_DATASOURCE_PASSWORD": target.password,
    }


@asynccontextmanager
async def opened_store(
    target: MysqlTarget,
    *,
    server_clock: bool = True,
    prepared_statements: bool = True,
    listener: StatementListener | None = None,
) -> AsyncIterator[MysqlStore]:
    dialect = MysqlDialect(server_clock=server_clock)
    store = MysqlStore(target, dialect, prepared_statements=prepared_statements, listener=listener)
    try:
        yield store
    finally:
        await store.close()


@dataclass(slots=True)
class EmptyDatabase:
    server: MariaDb
    target: MysqlTarget
    ready: bool = False

    def sql(self, statements: str) -> str:
        return self.server.sql(f"USE `{self.target.database}`; {statements}")

    async def transaction_waits(self) -> None:
        """Return once a transaction waits for the lock of another one, in this database: others are on the server, too."""

        async def waiting() -> bool:
            count = (
                "SELECT COUNT(*) FROM information_schema.innodb_lock_waits JOIN information_schema.innodb_locks"
                " ON lock_id = requested_lock_id WHERE lock_table LIKE CONCAT('`', DATABASE(), '`.%')"
            )
            return await asyncio.to_thread(self.sql, count) != "0\n"

        await until(waiting, every_s=0.15)  # what was read less than 0.1 s ago is shown again

    def empty(self) -> None:
        """DELETE, since a TRUNCATE of InnoDB makes a file anew; serial numbers go on."""
        tables = [table.name for table in metadata.sorted_tables if table.name != "wm_tenant"]
        deletes = [f"DELETE FROM {name}" for name in tables]  # noqa: S608 - our own names
        self.sql("; ".join([*deletes, "DELETE FROM wm_tenant WHERE tenant_id <> 'default'"]))


@pytest.fixture(scope="session")
def shared_database(mariadb: MariaDb) -> EmptyDatabase:
    return EmptyDatabase(mariadb, target_of(mariadb.create_database()))


@pytest.fixture
async def migrated(mariadb: MariaDb, shared_database: EmptyDatabase) -> AsyncIterator[EmptyDatabase]:
    if not shared_database.ready:
        async with opened_store(shared_database.target) as store:
            await migrate(store)
        shared_database.ready = True
    yield shared_database
    mariadb.restore()
    shared_database.empty()
