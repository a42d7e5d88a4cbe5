"""How the settings name a database: its kind, its address, and the driver that it needs.

Neither this module nor the modules of the kinds import SQLAlchemy or a driver: every command reads the settings, and most
commands open no database. The kind's `DatabaseBackend` works on an open database.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import ClassVar, Final

from wework_message.adapters.tls import TlsFiles


class DatabaseAddressError(ValueError):
    """The address names no database that this version can use. The text never contains the address."""


@dataclass(frozen=True, slots=True)
class Driver:
    """A package that speaks to a database, and the extra of this package that installs it."""

    module: str
    extra: str

    @property
    def installed(self) -> bool:
        """Whether it can be imported. The look-up imports nothing."""
        return find_spec(self.module) is not None


TIMEOUT_S: Final = 10.0
"""How long the statements of a unit of work, its commit, and a query may take each."""

SEARCH_S: Final = 5.0
"""How long a page of a list may take, the wait for its turn included; then the request is refused and the query stopped."""

SEARCHES: Final = 2
"""Pages of lists that one process reads at a time."""


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """The settings of the database: its URL, and the user and password that have settings of their own."""

    url: str = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_s: float = TIMEOUT_S
    """That of `Store`."""
    prepared_statements: bool = True
    """Whether a server may keep statements prepared."""
    tls: TlsFiles | None = None
    """How the link to a server is encrypted; None = clear text."""


@dataclass(frozen=True, slots=True)
class DatabaseLogin:
    """Where a database's server is, and who opens it."""

    host: str
    username: str
    has_password: bool


class DatabaseKind(ABC):
    """One kind of database, as far as it is known before it is opened."""

    name: ClassVar[str]
    """Scheme of its URLs, name of its SQLAlchemy dialect and of its stores."""
    title: ClassVar[str]
    """Its name for people."""
    prefixes: ClassVar[tuple[str, ...]]
    """How a value of ``datasource.url`` may begin."""
    driver: ClassVar[Driver | None]
    """None where Python contains it."""
    split_warning: ClassVar[str | None]
    """A warning for several processes that share such a database; None = none is needed."""
    one_process: ClassVar[str | None]
    """Why several workers of one service gain nothing on it and are refused; None = any number may work."""

    @abstractmethod
    def check(self, source: DatabaseSource) -> None:
        """Raise `DatabaseAddressError` where the address names no database."""

    @abstractmethod
    def missing(self, source: DatabaseSource) -> Mapping[str, str]:
        """The settings (``username``, ``password``) that it needs besides the URL and does not have, with the reasons."""

    @abstractmethod
    def login(self, source: DatabaseSource) -> DatabaseLogin | None:
        """Its server and user; None = it has no server. Raises `DatabaseAddressError`."""

    def obstacle(self, source: DatabaseSource) -> str | None:  # noqa: ARG002 -- of a server nothing is seen from here
        """What on this machine keeps the database from being opened, with its path; None where there is nothing to be seen."""
        return None

    @abstractmethod
    def shown(self, source: DatabaseSource) -> str:
        """How the service names it at start, without secrets."""
