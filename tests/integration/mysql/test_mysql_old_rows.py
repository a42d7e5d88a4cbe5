"""Rows that version 0007 wrote, in every state, after the upgrade: they come back as they were, and go on."""

from collections.abc import Sequence

from alembic import command
from sqlalchemy import Connection
from tests.support.builders.messages import (
    DAY_MS,
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_message,
    a_receipt,
    an_item,
    an_outcome,
    begin_call,
    settle,
)
from tests.support.mysql import opened_store, target_of
from tests.support.servers.mariadb import Database

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.core.migrating import config
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.domain.ids import DEFAULT_TENANT, MessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.message.projection import FactKind
from wework_message.domain.message.timeline import Note
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.outcomes import OutcomeClass

_AS_0007_WROTE = (
    "UPDATE wm_message SET provider_code = NULL WHERE attempt_count = 0",
    "UPDATE wm_attempt SET facts = '' WHERE facts = ',,,,'",
    "UPDATE wm_attempt SET receipt = NULL WHERE outcome IS NULL",
    "UPDATE wm_callback SET message_id = NULL",
)


_NEWER_COLUMNS = (
    ("wm_message", "status_callback_url", "VARCHAR(2048)"),
    ("wm_message", "trace", "VARCHAR(568)"),
    ("wm_attempt", "holder", "VARCHAR(16)"),
    ("wm_callback", "source", "VARCHAR(32)"),
)
"""Today's code writes them."""


async def test_rows_in_every_state_come_back_and_go_on(mariadb_database: Database) -> None:
    async with opened_store(target_of(mariadb_database)) as store:
        await store.transact(lambda connection: command.upgrade(config(connection), "0007"))
        for table, column, of_type in _NEWER_COLUMNS:
            await _run(store, f"ALTER TABLE {table} ADD COLUMN {column} {of_type}")
        clock = SettableClock(NOW)
        units = SqlUnitOfWorkFactory(store, store.dialect, clock, store.turn)
        resting = [a_message(status=status, conversation_id=f"S:{status}") for status in MessageStatus]
        called = [a_message(status=MessageStatus.QUEUED, conversation_id=f"R:{place}") for place in range(2)]
        async with units() as unit:
            await unit.messages.add([*resting, *called])
            await unit.inbox.store(PROVIDER, [an_item()], NOW)
            await unit.commit()
        for message in called:
            begin_call(message)
        await _save(units, called)
        assert await store.read(_rooms) == [480 + 5 * 4 // 3] * 2  # kept for the answers to "hello"
        for statement in _AS_0007_WROTE:
            await _run(store, statement)
        for table, column, _ in _NEWER_COLUMNS:
            await _run(store, f"ALTER TABLE {table} DROP COLUMN {column}")
        await migrate(store)
        stored = await _stored(store)
        assert {row[0]: row[1] for row in stored} == {message.id: message.status for message in [*resting, *called]}
        await _settle_and_echo(units, called)
        reader = SqlMessageReader(store.read, store.search)
        for status in MessageStatus:
            page = await reader.page(DEFAULT_TENANT, MessageFilter(status=status), limit=50, before=None)
            assert {view.message.status for view in page.messages} == {status}
        (callback,) = await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)
        assert callback.message_id is None


async def _run(store: MysqlStore, statement: str) -> None:
    await store.transact(lambda connection: connection.exec_driver_sql(statement).close())


async def _save(units: SqlUnitOfWorkFactory, messages: Sequence[Message]) -> None:
    async with units() as unit:
        assert not await unit.messages.save(messages)
        await unit.commit()


async def _settle_and_echo(units: SqlUnitOfWorkFactory, called: Sequence[Message]) -> None:
    async with units() as unit:
        messages = list((await unit.messages.get([message.id for message in called])).values())
        for message in messages:
            settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt()))
            note = Note(FactKind.ECHO, NOW, attempt=1)
            assert message.learn(1, FactKind.ECHO, horizon_ms=HORIZON_MS, now=NOW + DAY_MS, note=note)
        assert not await unit.messages.save(messages)
        await unit.commit()
    async with units() as unit:
        again = await unit.messages.get([message.id for message in called])
        assert {message.status for message in again.values()} == {MessageStatus.DELIVERED}
        assert [message.attempts.last for message in again.values()] == [message.attempts.last for message in messages]


def _rooms(connection: Connection) -> list[int]:
    return list(connection.exec_driver_sql("SELECT LENGTH(receipt) FROM wm_attempt WHERE outcome IS NULL").scalars())


async def _stored(store: MysqlStore) -> Sequence[tuple[MessageId, MessageStatus]]:
    def read(connection: Connection) -> list[tuple[MessageId, MessageStatus]]:
        query = "SELECT id, status FROM wm_message"
        return [(row[0], MessageStatus(row[1])) for row in connection.exec_driver_sql(query)]

    return await store.read(read)
