"""Every column has a class, and what is erased leaves nothing of a content in any row."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection, inspect
from tests.support.builders.messages import NOW, a_message, a_receipt, an_outcome, begin_call, settle

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.core import schema
from wework_message.adapters.sql.mapping.data_classes import CLASSES
from wework_message.adapters.sql.mapping.tables import metadata
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.content import TextContent
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.echo_keys import content_key
from wework_message.domain.outcomes import OutcomeClass

MARK: Final = "the-marked-content"


def test_every_column_of_every_table_has_one_class() -> None:
    assert schema.revisions()  # its import has made every table known
    assert {table.name for table in metadata.tables.values()} == set(CLASSES)
    for table in metadata.tables.values():
        assert sorted(CLASSES[table.name]) == sorted(table.columns.keys()), table.name


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "wm.db")
    await migrate(store)
    yield store
    await store.close()


def _dump(connection: Connection) -> str:
    """Every value of every row."""
    names = inspect(connection).get_table_names()
    return "\n".join(str(connection.exec_driver_sql(f"SELECT * FROM {name}").all()) for name in names)  # noqa: S608


async def test_an_expired_content_leaves_nothing_in_any_row(store: SqliteStore) -> None:
    clock = SettableClock(NOW)
    units = sql_storage(store, clock, claims=False).units
    message = a_message(content=TextContent(content=MARK))
    message.options = message.options._replace(extra={"note": MARK})
    message.make_due(now=NOW)
    async with units() as unit:
        await unit.messages.add([message])
        await unit.commit()
    async with units() as unit:
        (loaded,) = (await unit.messages.get([message.id])).values()
        begin_call(loaded, content_key=content_key(MARK))
        receipt = a_receipt("1000001", content=MARK)
        settle(loaded, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt))
        await unit.messages.save([loaded])
        await unit.commit()
    before = await store.read(_dump)
    assert before.count(MARK) == 3
    assert content_key(MARK) in before
    clock.advance(11)
    async with units() as unit:
        step = await unit.pruning.contents(MessageStatus.SENT, older_than_ms=10, limit=10)
        await unit.commit()
    after = await store.read(_dump)
    assert step.deleted == 1
    assert MARK not in after
    assert content_key(MARK) not in after
    assert "1000001" in after  # what the provider calls it stays: callbacks name it
