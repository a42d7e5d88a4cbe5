"""How SQL code runs: written once as plain functions over a SQLAlchemy `Connection`, called through a session.

One call is one hand-over to whoever owns the connection (a thread for SQLite, a driver's event loop for a server),
however many statements the function holds.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from wework_message.domain.errors import ConflictError, UnavailableError

Result = TypeVar("Result")
Step: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function over a connection, and its other arguments."""


class Run(Protocol):
    """Runs a function on a connection."""

    async def __call__(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """`work(connection, *arguments)`; raises `UnavailableError` and `ConflictError` only."""
        ...


class Later(Protocol):
    """Takes a function whose result nobody needs: it runs with the next step of the transaction, or with the commit."""

    def __call__(self, work: Callable[..., object], /, *arguments: Any) -> None:
        """`work(connection, *arguments)`; what it raises is raised by the step that takes it along."""
        ...


class Session(Protocol):
    """A begun transaction."""

    async def run(self, work: Callable[..., Result], /, *arguments: Any) -> Result:
        """As `Run`, inside the transaction."""
        ...

    async def commit(self, steps: Sequence[Step] = ()) -> None:
        """The last steps, then COMMIT, all in one hand-over; raises as `run` does."""
        ...

    async def close(self) -> None:
        """Roll back what was not committed; the session is not used again."""
        ...


class Sessions(Protocol):
    """Begins transactions."""

    async def begin(self) -> Session:
        """A new one; raises `UnavailableError`, then or at its first step."""
        ...


def translated(error: SQLAlchemyError) -> ConflictError | UnavailableError:
    """A guard that said no is a conflict; everything else means that the store did not do it. Texts carry no values."""
    if isinstance(error, IntegrityError):
        return ConflictError("a unique guard of the store refused the write")
    cause = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
    return UnavailableError("database", cause)
