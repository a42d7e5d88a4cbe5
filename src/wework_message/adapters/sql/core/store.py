"""A database as units of work and queries see it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Result, Sessions
from wework_message.adapters.sql.core.pools import Turn
from wework_message.domain.ports.connection_pools import Pool


class Store(Sessions, Protocol):
    """A database. Units of work begin on it, and queries read what is committed."""

    @property
    def name(self) -> str:
        """Name of the kind of database (`DatabaseKind.name`)."""
        ...

    @property
    def dialect(self) -> Dialect:
        """Its statements."""
        ...

    @property
    def turn(self) -> Turn:
        """Admits as many units of work of the process as the database takes at a time."""
        ...

    @property
    def pools(self) -> Sequence[Pool]:
        """Its connections by what they are for, `turn` among them."""
        ...

    @property
    def timeout_s(self) -> float:
        """How long the statements of a unit of work, its commit, and a query may take each, seconds."""
        ...

    @property
    def side_by_side(self) -> bool:
        """Whether the database takes more than one unit of work of the process at a time."""
        ...

    async def transact(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One function in a transaction of its own; raises as a session does."""
        ...

    async def read(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """One query on what is committed; raises `UnavailableError`."""
        ...

    async def search(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """As `read`, for queries that may be long: no other query waits for them, and after `SEARCH_S` they are stopped."""
        ...

    async def close(self) -> None:
        """End every connection."""
        ...
