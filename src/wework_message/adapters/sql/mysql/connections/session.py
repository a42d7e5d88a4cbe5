"""Units of work on connections that are kept from one to the next.

All that a step does around its statements is one greenlet and one timeout, and the last steps share theirs with COMMIT.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from asyncmy.errors import MySQLError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from wework_message.adapters.sql.core.execution import Result, Step, timed_out
from wework_message.adapters.sql.mysql.connections.driver import commit, driver_connection, in_greenlet, rollback
from wework_message.adapters.sql.mysql.connections.translation import lost, translated
from wework_message.adapters.sql.mysql.connections.wrong_server import Generations
from wework_message.domain.errors import ConflictError, TryAgainError, UnavailableError

MAX_CONNECTION_AGE_S: Final = 1_800
"""Connections are not used for longer: proxies and servers close old ones."""

GIVE_BACK_S: Final = 2
"""How long the rollback of a unit of work may take; then its connection is dropped."""

_DRIVER_ERRORS: Final = (SQLAlchemyError, MySQLError)
_LOST_ERRORS: Final = (OSError, EOFError)


@dataclass(frozen=True, slots=True)
class KeptConnection:
    """A connection, when it was opened on the event loop's clock, and its generation."""

    connection: AsyncConnection
    opened_at: float
    generation: int


class KeptConnections:
    """Connections between two units of work. None of them is in a transaction, and none has an answer to read."""

    def __init__(self, engine: AsyncEngine, generations: Generations) -> None:
        """`engine` opens a connection each time it is asked."""
        self.generations = generations
        self._engine = engine
        self._kept: list[KeptConnection] = []

    @property
    def idle(self) -> int:
        """How many there are."""
        return len(self._kept)

    async def take(self) -> KeptConnection:
        """One that may be used, or a new one. Raises errors of SQLAlchemy and `OSError`."""
        while self._kept:
            kept = self._kept.pop()
            if self._usable(kept):
                return kept
            await drop(kept)
        generation = self.generations.current
        return KeptConnection(await self._engine.connect(), asyncio.get_running_loop().time(), generation)

    def keep(self, kept: KeptConnection) -> None:
        """Give one back whose transaction has ended."""
        self._kept.append(kept)

    async def close(self) -> None:
        """Drop all that are not in use."""
        while self._kept:
            await drop(self._kept.pop())

    def _usable(self, kept: KeptConnection) -> bool:
        young = asyncio.get_running_loop().time() - kept.opened_at < MAX_CONNECTION_AGE_S
        return young and kept.generation == self.generations.current


async def drop(kept: KeptConnection) -> None:
    """Close it, whatever state it is in: nothing is sent on it, and nothing is read."""
    connection = kept.connection
    with contextlib.suppress(*_DRIVER_ERRORS, *_LOST_ERRORS):
        if connection.sync_connection is not None and not connection.invalidated:
            driver_connection(connection.sync_connection).close()
            await connection.invalidate()
    with contextlib.suppress(*_DRIVER_ERRORS, *_LOST_ERRORS):
        await connection.close()


class MysqlSession:
    """A transaction on a connection, which the commit gives back."""

    def __init__(self, connections: KeptConnections, ends_at: float, timeout_s: float) -> None:
        """Takes its connection with the first step. Steps end at `ends_at`, loop time; the commit has `timeout_s`."""
        self._connections = connections
        self._ends_at = ends_at
        self._timeout_s = timeout_s
        self._kept: KeptConnection | None = None
        self._sound = True
        """Whether the connection has no answer to read, as far as is known."""
        self._committing = False

    async def run(self, work: Callable[..., Result], /, *arguments: object) -> Result:
        """`work(connection, *arguments)`; a first step that meets a dead connection gets another one."""
        return await self._in_time(self._ends_at, work, *arguments)

    async def commit(self, steps: Sequence[Step] = ()) -> None:
        """The last steps, then COMMIT; `UnavailableError`, not `TryAgainError`, where it is unknown whether it happened."""
        if self._kept is None and not steps:
            return
        ends_at = asyncio.get_running_loop().time() + self._timeout_s
        await self._in_time(ends_at, self._finish, steps)
        kept, self._kept = self._kept, None
        if kept is not None:
            self._connections.keep(kept)

    async def close(self) -> None:
        """Rolls back what was not committed; a cancelled caller does not stop it."""
        kept, self._kept = self._kept, None
        if kept is not None:
            await asyncio.shield(asyncio.create_task(self._give_back(kept)))

    async def _in_time(self, ends_at: float, work: Callable[..., Result], /, *arguments: object) -> Result:
        try:
            async with asyncio.timeout_at(ends_at):
                return await self._from_first(work, *arguments)
        except TimeoutError as error:
            if self._committing:
                raise lost(type(error).__name__, committing=True) from error
            raise timed_out(self._timeout_s) from error

    async def _from_first(self, work: Callable[..., Result], /, *arguments: object) -> Result:
        first = self._kept is None
        try:
            return await self._step(work, *arguments)
        except TryAgainError as error:
            if not (first and error.lost_connection) or self._committing:
                raise
        await self.close()
        return await self._step(work, *arguments)

    async def _step(self, work: Callable[..., Result], /, *arguments: object) -> Result:
        self._sound = False
        try:
            kept = self._kept
            if kept is None:
                kept = self._kept = await self._connections.take()
            result: Result = await in_greenlet(work, kept.connection.sync_connection, *arguments)
        except _DRIVER_ERRORS as error:
            raise self._noted(error, translated(error, committing=self._committing)) from error
        except _LOST_ERRORS as error:  # TimeoutError is an OSError: the driver's, ours comes later
            raise self._noted(error, lost(type(error).__name__, committing=self._committing)) from error
        self._sound = True
        return result

    def _finish(self, connection: Connection, steps: Sequence[Step]) -> None:
        for work, arguments in steps:
            work(connection, *arguments)
        self._committing = True
        commit(connection)

    def _noted(
        self, error: BaseException, translation: ConflictError | UnavailableError
    ) -> ConflictError | UnavailableError:
        """What the error says about connections: this one, and all that were opened before."""
        generations = self._connections.generations
        generation = generations.current if self._kept is None else self._kept.generation
        if generations.failed(error, generation):
            return translation
        if isinstance(translation, TryAgainError) and translation.lost_connection:
            generations.end(generation)
        else:  # the server has answered
            self._sound = not self._committing
        return translation

    async def _give_back(self, kept: KeptConnection) -> None:
        if self._sound:
            try:
                async with asyncio.timeout(GIVE_BACK_S):
                    await in_greenlet(rollback, kept.connection.sync_connection)
            except (*_DRIVER_ERRORS, *_LOST_ERRORS):
                pass  # the server rolls back what a dropped connection has begun
            else:
                self._connections.keep(kept)
                return
        await drop(kept)
