"""COMMIT happens, its answer does not arrive: the caller gets a 503, and its key leads to the one message."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.support.builders.messages import NOW, a_due_message
from tests.support.mysql import EmptyDatabase, opened_store

from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.sql.mysql.kind import MysqlTarget
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.application.accept.accept import Accepted, Entry, StoreMessages
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.commit.scope import CommitScope
from wework_message.domain.errors import TryAgainError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT
from wework_message.domain.ports.repositories import IdempotencyKey


class Wire:
    """A proxy between a process and the server: cuts the connection at the next statement that begins with a word."""

    def __init__(self, target: MysqlTarget) -> None:
        self._far = target
        self.cut_at: bytes | None = None
        self.answered = False
        """Whether the server executes the statement before the connection is cut."""
        self.delivered: asyncio.Event | None = None
        """Where it is set: the process loses the connection first, and the server gets the statement once this event happens."""
        self.reachable = True
        """Whether new connections get through."""
        self._tasks: set[asyncio.Task[None]] = set()

    def has_cut(self) -> bool:
        return self.cut_at is None

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[MysqlTarget]:
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield dataclasses.replace(self._far, port=port)
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if not self.reachable:
            writer.close()
            return
        self._tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection(self._far.host, self._far.port)
        back = asyncio.create_task(_copy(far_reader, writer))
        try:
            while data := await reader.read(65_536):
                if self.cut_at is not None and data[5:].startswith(self.cut_at):
                    self.cut_at = None
                    back.cancel()
                    if self.delivered is not None:
                        writer.close()
                        await self.delivered.wait()
                    if self.answered:
                        far_writer.write(data)
                        assert await far_reader.read(65_536)
                    return
                far_writer.write(data)
        finally:
            back.cancel()
            far_writer.close()
            writer.close()
            self._tasks.discard(task)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)


async def _nothing(_commit_batch: CommitScope, /) -> None:
    return None


@pytest.mark.parametrize("happened", [True, False])
async def test_a_commit_without_an_answer_is_503_and_the_key_finds_its_result(
    migrated: EmptyDatabase, *, happened: bool
) -> None:
    wire = Wire(migrated.target)
    async with wire.laid() as target, opened_store(target) as store:
        units = SqlUnitOfWorkFactory(store, store.dialect, SettableClock(NOW), store.turn)
        commits, operation = GroupCommit(units, _nothing, FixedRandom()), StoreMessages(SettableClock(NOW))
        await commits.start()

        async def accept() -> tuple[str, Accepted]:
            message = a_due_message()
            key = IdempotencyKey(DEFAULT_TENANT, "key", b"f" * 32, message.id)
            end = await commits.submit(operation, Entry((message,), message.id, grouped=False, key=key))
            assert isinstance(end, Accepted)
            return message.id, end

        wire.cut_at, wire.answered = b"COMMIT", happened
        with pytest.raises(UnavailableError, match="the answer to COMMIT was lost") as caught:
            await accept()
        assert not isinstance(caught.value, TryAgainError)
        assert migrated.sql("SELECT COUNT(*) FROM wm_message") == f"{int(happened)}\n"
        own, again = await accept()
        assert again.duplicate is happened
        assert (again.target == own) is not happened
        assert migrated.sql("SELECT id FROM wm_message") == f"{again.target}\n"
        await commits.close()


async def test_a_connection_that_is_cut_before_the_commit_costs_the_caller_nothing(migrated: EmptyDatabase) -> None:
    wire = Wire(migrated.target)
    async with wire.laid() as target, opened_store(target) as store:
        units = SqlUnitOfWorkFactory(store, store.dialect, SettableClock(NOW), store.turn)
        commits, operation = GroupCommit(units, _nothing, FixedRandom()), StoreMessages(SettableClock(NOW))
        await commits.start()
        message = a_due_message()
        key = IdempotencyKey(DEFAULT_TENANT, "key", b"f" * 32, message.id)
        wire.cut_at, wire.answered = b"INSERT INTO wm_message", True
        end = await commits.submit(operation, Entry((message,), message.id, grouped=False, key=key))
        assert isinstance(end, Accepted)
        assert not end.duplicate
        assert wire.has_cut()
        assert migrated.sql("SELECT id FROM wm_message") == f"{message.id}\n"
        await commits.close()
