"""The backends of all kinds of databases, and what works alike with each."""

from collections.abc import Callable
from functools import partial
from typing import Final

from wework_message.adapters.sql.core.database_backend import DatabaseBackend
from wework_message.adapters.sql.core.schema import SchemaState, upgrade
from wework_message.adapters.sql.core.store import Store
from wework_message.adapters.sql.database_kinds import kind_of


def _sqlite() -> DatabaseBackend:
    from wework_message.adapters.sql.sqlite.backend import SqliteBackend  # noqa: PLC0415 - as `BACKENDS` says

    return SqliteBackend()


def _mysql() -> DatabaseBackend:
    from wework_message.adapters.sql.mysql.backend import MysqlBackend  # noqa: PLC0415 - as above

    return MysqlBackend()


BACKENDS: Final[dict[str, Callable[[], DatabaseBackend]]] = {"sqlite": _sqlite, "mysql": _mysql}
"""By the name of the kind. A backend is imported with its dialect and driver when a database of its kind is opened (ADR 29)."""


def backend_of(name: str) -> DatabaseBackend:
    """The backend of a scheme or of a store's name; there is no default. Raises `DatabaseAddressError`, which lists those that exist."""
    return BACKENDS[kind_of(name).name]()


async def migrate(store: Store) -> SchemaState:
    """Upgrade the schema under the lock of the store's kind; returns its state before.

    Raises `DatabaseAddressError` for a store of a kind that has no backend, `UnavailableError`.
    """
    backend = backend_of(store.name)
    upgrading = partial(upgrade, all_or_nothing=backend.all_or_nothing)
    return await store.transact(upgrading, backend.migration_lock)
