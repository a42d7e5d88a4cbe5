"""How busy the connections of a store are: numbers for operators."""

from collections.abc import Callable
from typing import Final, Literal, Protocol, get_args

PoolName = Literal["write", "read", "search"]
"""Units of work, queries, and queries that may be long."""

POOLS: Final[tuple[PoolName, ...]] = get_args(PoolName)


class Pool(Protocol):
    """Connections for one kind of work. Reading its numbers asks nobody and waits for nothing."""

    name: PoolName
    limit: int
    """How many may be used at a time."""
    waited: Callable[[float], None]
    """Called each time that work has got its place, with the seconds that it waited; also by threads."""

    @property
    def used(self) -> int:
        """Those that work has now."""
        ...

    @property
    def idle(self) -> int:
        """Those that are open, and that no work has."""
        ...
