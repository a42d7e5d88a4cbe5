"""What a kind of database is to the service once it is opened: its store, its lock for migrations, its checks."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import Connection

from wework_message.adapters.sql.core.database_kind import DatabaseKind, DatabaseSource
from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.store import Store
from wework_message.domain.ports.checks import Check


@dataclass(frozen=True, slots=True)
class Objection:
    """Something about the server that does not do."""

    variable: str
    """The server's own name for it."""
    text: str
    """What it is, and what it must be."""
    loses_data: bool
    """True: it works, but a crash of the server's machine may take accepted messages along."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What the doctor needs of a database. It reads, and leaves no trace."""

    run: Run
    dialect: Dialect
    checks: Sequence[Check]
    """Whether it answers, is safe, has this version's schema, and agrees with this machine about the time."""


class DatabaseBackend(ABC):
    """One kind of database. Whatever lacks one of these methods cannot be made: no database goes without a lock."""

    kind: ClassVar[DatabaseKind]

    @abstractmethod
    def open(self, source: DatabaseSource) -> Store:
        """The database, not connected yet. Raises `DatabaseAddressError`."""

    @abstractmethod
    def migration_lock(self, connection: Connection) -> AbstractContextManager[None]:
        """Held by one process at a time from before the schema is looked at until its change is committed.

        `connection` is in a transaction of `Store.transact`. Raises `UnavailableError` where another process does not
        give it free.
        """

    @abstractmethod
    async def objections(self, store: Store) -> Sequence[Objection]:
        """What speaks against the server that `store` is on; empty = it does. Raises `UnavailableError`."""

    @abstractmethod
    def examining(
        self, source: DatabaseSource, *, auto_migrate: bool, accept_data_loss: bool
    ) -> AbstractAsyncContextManager[Examination]:
        """The database for the doctor; nothing is connected before a check is asked."""
