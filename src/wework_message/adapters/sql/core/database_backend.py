"""What a kind of database provides once it is opened: its store, its migration lock, its checks."""

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
    """A property of the server that the service cannot accept."""

    variable: str
    """The server's own name for the property."""
    text: str
    """Its value, and what the value must be."""
    loses_data: bool
    """True: the service works, but a crash of the server's machine may lose accepted messages."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What the doctor needs from a database. It only reads, and leaves no trace."""

    run: Run
    dialect: Dialect
    checks: Sequence[Check]
    """Whether it answers, is safe, has this version's schema, and agrees with this machine about the time."""


class DatabaseBackend(ABC):
    """One kind of database. A class without one of these methods cannot be used: every database has a lock."""

    kind: ClassVar[DatabaseKind]
    all_or_nothing: ClassVar[bool]
    """Whether changes of the schema end with their transaction, so that an empty database is empty and gets its schema in one go."""

    @abstractmethod
    def open(self, source: DatabaseSource) -> Store:
        """The database, not connected yet. Raises `DatabaseAddressError`."""

    @abstractmethod
    def migration_lock(self, connection: Connection) -> AbstractContextManager[None]:
        """Held by one process at a time, from before the schema is read until its change is committed.

        `connection` is in a transaction of `Store.transact`. Raises `UnavailableError` if another process does not
        release it.
        """

    @abstractmethod
    def prepare_migrations(self) -> None:
        """Tell Alembic what differs with this kind of database; called before a schema is changed."""

    @abstractmethod
    async def objections(self, store: Store) -> Sequence[Objection]:
        """What the service cannot accept about the server of `store`; empty = nothing. Raises `UnavailableError`."""

    @abstractmethod
    def examining(
        self, source: DatabaseSource, *, auto_migrate: bool, accept_data_loss: bool
    ) -> AbstractAsyncContextManager[Examination]:
        """The database for the doctor; nothing connects before a check runs."""
