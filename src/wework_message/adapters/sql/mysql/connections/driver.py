"""Statements on the driver's own connection: what SQLAlchemy does around each one costs more than the driver (ADR 30).

SQLAlchemy compiles the texts; nothing of it is needed to execute them. Its functions here run in a greenlet, which waits for
the driver.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.util import await_, greenlet_spawn

from wework_message.adapters.sql.core.execution import Executed, Executor, Result

StatementListener: TypeAlias = Callable[[str, Sequence[Any]], object]
"""Takes the text of each statement before it is executed, in the driver's style, and its parameters."""


class DriverExecutor:
    """Executes statements of units of work by asyncmy."""

    def __init__(self, listener: StatementListener | None = None) -> None:
        """`listener` is told of each statement."""
        self._listener = listener

    def __call__(self, connection: Connection, sql: str, parameters: tuple[Any, ...], /) -> Executed:
        """Rows come as tuples; errors are the driver's own."""
        if self._listener is not None:
            self._listener(sql, parameters)
        return await_(_executed(driver_connection(connection), sql, parameters))


def driver_connection(connection: Connection) -> Any:
    """The driver's connection below SQLAlchemy's."""
    return connection.connection.driver_connection


async def in_greenlet(work: Callable[..., Result], /, *arguments: Any) -> Result:
    """`work(*arguments)`, which may execute statements."""
    return await greenlet_spawn(work, *arguments)


def commit(connection: Connection) -> None:
    """COMMIT, by SQLAlchemy where it began the transaction. Raises errors of both."""
    if connection.in_transaction():
        connection.commit()
    else:
        await_(driver_connection(connection).commit())


def rollback(connection: Connection) -> None:
    """ROLLBACK, as `commit`."""
    if connection.in_transaction():
        connection.rollback()
    else:
        await_(driver_connection(connection).rollback())


async def _executed(driver: Any, sql: str, parameters: tuple[Any, ...]) -> Executed:
    cursor = driver.cursor()
    await cursor.execute(sql, parameters)
    if cursor.description is None:
        return Executed((), cursor.rowcount)
    return Executed(await cursor.fetchall(), 0)


def _conforms(executor: DriverExecutor) -> Executor:
    return executor
