"""The backends of all kinds of databases, and what works alike with each."""

from functools import partial
from typing import Final

from wework_message.adapters.sql.core.database_backend import DatabaseBackend
from wework_message.adapters.sql.core.schema import SchemaState, upgrade
from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.database_kinds import kind_of
from wework_message.adapters.sql.mysql.backend import MysqlBackend
from wework_message.adapters.sql.sqlite.backend import SqliteBackend

BACKENDS: Final[dict[str, DatabaseBackend]] = {
    backend.kind.name: backend for backend in (SqliteBackend(), MysqlBackend())
}
"""By the name of the kind."""


def backend_of(name: str) -> DatabaseBackend:
    """The backend of a scheme or of a store's name; there is no default. Raises `DatabaseAddressError`, which lists those that exist."""
    return BACKENDS[kind_of(name).name]


async def migrate(store: Store) -> SchemaState:
    """Upgrade the schema under the lock of the store's kind; returns its state before.

    Raises `DatabaseAddressError` for a store of a kind that has no backend, `UnavailableError`.
    """
    backend = backend_of(store.name)
    upgrading = partial(upgrade, all_or_nothing=backend.all_or_nothing)
    return await store.transact(upgrading, backend.migration_lock)
