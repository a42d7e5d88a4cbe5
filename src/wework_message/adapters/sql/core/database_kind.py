"""How the settings name a database: its kind, its address, and the driver that it needs.

Nothing here, and in the modules of the kinds, imports SQLAlchemy or a driver: every command reads the settings, and most
of them open no database. What works on an open database is the kind's `DatabaseBackend`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import ClassVar


class DatabaseAddressError(ValueError):
    """The address names no database that this version can use. The text never contains the address."""


@dataclass(frozen=True, slots=True)
class Driver:
    """A package that speaks to a database, and the extra of this package that installs it."""

    module: str
    extra: str

    @property
    def installed(self) -> bool:
        """Whether it can be imported; nothing is imported for that."""
        return find_spec(self.module) is not None


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """What the settings say about the database: its URL, and the user and password beside it."""

    url: str = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class DatabaseKind(ABC):
    """One kind of database, as far as it is known before it is opened."""

    name: ClassVar[str]
    """Scheme of its URLs, name of its SQLAlchemy dialect and of its stores."""
    title: ClassVar[str]
    """Its name for people."""
    prefixes: ClassVar[tuple[str, ...]]
    """How a value of ``datasource.url`` may begin."""
    jdbc: ClassVar[frozenset[str]] = frozenset()
    """What stands after ``jdbc:`` in the URLs of Java services for it."""
    driver: ClassVar[Driver | None]
    """None where Python brings it along."""
    split_warning: ClassVar[str | None]
    """What to know before several processes share such a database; None = nothing."""

    @abstractmethod
    def check(self, source: DatabaseSource) -> None:
        """Raise `DatabaseAddressError` where the address names no database."""

    @abstractmethod
    def missing(self, source: DatabaseSource) -> Mapping[str, str]:
        """Reasons by the settings beside the URL (``username``, ``password``) without which it cannot be opened."""

    @abstractmethod
    def shown(self, source: DatabaseSource) -> str:
        """How a start names it to people, without secrets."""
