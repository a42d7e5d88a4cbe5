"""A migrated database of MariaDB for tests: created once in a session, emptied after each test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

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
    """Of a user who may not change tables: all that serves must work for it."""
    ready: bool = False

    def sql(self, statements: str) -> str:
        return self.server.sql(f"USE `{self.target.database}`; {statements}")

    async def transaction_waits(self) -> None:
        """Return once a transaction waits for the lock of another one, in this database: others are on the server, too."""

        locked = f"of table `{self.target.database}`."

        async def waiting() -> bool:
            transactions = await asyncio.to_thread(self._transactions)
            return any(locked in line and line.endswith(" waiting") for line in transactions)

        await until(waiting, every_s=0.05)

    def _transactions(self) -> list[str]:
        """What InnoDB's monitor says of the transactions that are there now; above them are errors of the past.

        Not `information_schema.innodb_lock_waits`, nor its like: they show what was read before for as long as it was read
        less than 0.1 s ago, by anybody. Two tests that look at them again and again on one server may see nothing new for good.
        """
        status = self.server.sql("SHOW ENGINE INNODB STATUS").replace("\\n", "\n")
        return status.partition("\nTRANSACTIONS\n")[2].splitlines()

    def empty(self) -> None:
        """DELETE, since a TRUNCATE of InnoDB makes a file anew; serial numbers go on."""
        tables = [table.name for table in metadata.sorted_tables if table.name != "wm_tenant"]
        deletes = [f"DELETE FROM {name}" for name in tables]  # noqa: S608 - our own names
        self.sql("; ".join([*deletes, "DELETE FROM wm_tenant WHERE tenant_id <> 'default'"]))


@pytest.fixture(scope="session")
def shared_database(mariadb: MariaDb) -> EmptyDatabase:
    database = mariadb.create_database()
    return EmptyDatabase(mariadb, target_of(mariadb.create_app_user(database)))


@pytest.fixture
async def migrated(mariadb: MariaDb, shared_database: EmptyDatabase) -> AsyncIterator[EmptyDatabase]:
    if not shared_database.ready:
        # A user who may change tables, and owns this database, has its name and the same password.
        owner = replace(shared_database.target, username=shared_database.target.database)
        async with opened_store(owner) as store:
            await migrate(store)
        mariadb.grant_rows(str(shared_database.target.database), str(shared_database.target.username))
        shared_database.ready = True
    yield shared_database
    mariadb.restore()
    shared_database.empty()
