"""The database that the settings name: opened, looked at, and brought up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wework_message.adapters.sql.core.schema import SchemaState, schema_state, upgrade
from wework_message.adapters.sql.mysql.server import objections
from wework_message.adapters.sql.repositories.unit_of_work import Store
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.bootstrap.settings import SettingsError, mysql_address, sqlite_path
from wework_message.bootstrap.settings.model import DatasourceSettings


class SchemaError(SettingsError):
    """The database's schema is not this version's, and must not be, or may not be, brought up (decision 37)."""


class UnsafeDatabaseError(SettingsError):
    """The server would lose accepted messages, or cannot do what we need."""


@asynccontextmanager
async def open_store(datasource: DatasourceSettings) -> AsyncIterator[Store]:
    """The database, closed at the end. Nothing is connected yet. Raises `SettingsError`."""
    store = _store(datasource)
    try:
        yield store
    finally:
        await store.close()


def _store(datasource: DatasourceSettings) -> Store:
    if datasource.url is None or datasource.url.scheme != "mysql":
        return SqliteStore(sqlite_path(datasource.url))
    from wework_message.adapters.sql.mysql.store import MysqlStore, MysqlTarget  # noqa: PLC0415 -- the driver is an extra

    address = mysql_address(datasource)
    return MysqlStore(
        MysqlTarget(address.host, address.port, address.database, address.username, address.password.reveal())
    )


async def bring_up(store: Store, datasource: DatasourceSettings) -> SchemaState:
    """Migrate under a lock, or only look (decision 37); returns what the schema was.

    Raises `UnsafeDatabaseError`, `SchemaError`, `UnavailableError`.
    """
    await _demand_safety(store, datasource)
    before: SchemaState = await store.transact(upgrade if datasource.auto_migrate else schema_state)
    if before is SchemaState.AHEAD:
        raise SchemaError("datasource.url", "the schema is newer than this version; start the newer version")
    if before is not SchemaState.CURRENT and not datasource.auto_migrate:
        raise SchemaError("datasource.auto-migrate", "the schema is behind; run: wework-message migrate")
    return before


async def _demand_safety(store: Store, datasource: DatasourceSettings) -> None:
    """What loses data needs an explicit word (reliability B.6)."""
    if store.name != "mysql":
        return
    for objection in await store.read(objections):
        if objection.loses_data and datasource.accept_data_loss:
            continue
        unless = ", or set datasource.accept-data-loss: true" if objection.loses_data else ""
        raise UnsafeDatabaseError("datasource.url", f"the server's {objection.variable}: {objection.text}{unless}")
