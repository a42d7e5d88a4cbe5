"""How SQL code runs: it is written once, as plain functions over a SQLAlchemy `Connection`, and a session calls them.

One call is one hand-over to the owner of the connection (a thread for SQLite, a driver's event loop for a server),
however many statements the function executes.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection
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
    """Takes a function whose result is not needed: it runs with the next step of the transaction, or with the commit."""

    def __call__(self, work: Callable[..., object], /, *arguments: Any) -> None:
        """`work(connection, *arguments)`; its error is raised by the step that it runs with."""
        ...


class Session(Protocol):
    """An open transaction."""

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

    async def begin(self, ends_at: float | None = None) -> Session:
        """A new one; raises `UnavailableError`, then or at its first step.

        Its steps end at `ends_at`, seconds of the event loop's clock; None = `Store.timeout_s` from now. The commit has
        `Store.timeout_s` of its own.
        """
        ...


class Executed(NamedTuple):
    """What a statement did."""

    rows: Sequence[tuple[Any, ...]]
    changed: int
    """Rows of the table that it changed (SQLite: matched)."""


class Executor(Protocol):
    """Executes statements on a driver's connection; errors are the driver's own."""

    def __call__(self, connection: Connection, sql: str, parameters: tuple[Any, ...], /) -> Executed:
        """`sql` is in the driver's style."""
        ...


EXECUTOR: Final = "wm_executor"
"""Execution option of an engine: the `Executor` of its driver. Without it SQLAlchemy executes."""


def executed(connection: Connection, sql: str, parameters: tuple[Any, ...] = ()) -> Executed:
    """Execute a statement in the driver's style past what SQLAlchemy does around each one, where the engine has an `Executor`."""
    executor: Executor | None = connection.get_execution_options().get(EXECUTOR)
    if executor is not None:
        return executor(connection, sql, parameters)
    result: Any = connection.exec_driver_sql(sql, parameters)
    if not result.returns_rows:
        return Executed((), result.rowcount)
    rows = result.cursor.fetchall()
    result.close()
    return Executed(rows, 0)


def timed_out(seconds: float) -> UnavailableError:
    """The refusal of work that took longer than `seconds`; nothing was committed."""
    return UnavailableError("database", f"no answer within {seconds:.0f} s")


def search_stopped(seconds: float) -> UnavailableError:
    """The refusal of a list that took longer than `seconds`."""
    return UnavailableError("database", f"the list took longer than {seconds:g} s; ask again, or for less")


def translated(error: SQLAlchemyError) -> ConflictError | UnavailableError:
    """A violated guard is a conflict; any other error means that the store did not do the work. Texts carry no values."""
    if isinstance(error, IntegrityError):
        return ConflictError("a unique guard of the store refused the write")
    cause = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
    return UnavailableError("database", cause)
