"""How SQL code runs: written once as plain functions over a SQLAlchemy `Connection`, called through `Run`.

One call of `Run` is one step of the event loop's cooperation with the driver, however many statements it holds.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

Result = TypeVar("Result")


class Run(Protocol):
    """Runs a function on the transaction's connection."""

    async def __call__(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """`work(connection, *arguments)`; raises `UnavailableError` and `ConflictError` only."""
        ...


Work = Callable[[Connection], Result]
"""What runs on a connection."""
