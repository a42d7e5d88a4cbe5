"""Every column has a class, and what is erased leaves nothing of a content in any row."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection, inspect
from tests.contracts.dead_letters_contract import a_letter
from tests.contracts.erasures_contract import an_erasure
from tests.support.builders.media import HOLDER, a_handle, an_asset, an_asset_of_url, an_upload, some_facts
from tests.support.builders.messages import (
    NOW,
    PROVIDER,
    a_message,
    a_receipt,
    an_item,
    an_outcome,
    begin_call,
    settle,
)
from tests.support.builders.webhooks import a_delivery

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.backends import migrate
from wework_message.adapters.sql.core import schema
from wework_message.adapters.sql.mapping.data_classes import CLASSES, ERASED, DataClass
from wework_message.adapters.sql.mapping.tables import metadata
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.content import TextContent
from wework_message.domain.erasure import Subject
from wework_message.domain.ids import DEFAULT_TENANT, AccountId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.handles import UploadKind
from wework_message.domain.message.echo_keys import content_key
from wework_message.domain.message.message import Message
from wework_message.domain.message.timeline import Note
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.media import MediaUse
from wework_message.domain.ports.repositories import IdempotencyKey, UnitOfWorkFactory

MARK: Final = "the-marked-content"
USER: Final = "7881300000000001"


def test_every_column_of_every_table_has_one_class() -> None:
    assert schema.revisions()  # its import has made every table known
    assert {table.name for table in metadata.tables.values()} == set(CLASSES)
    for table in metadata.tables.values():
        assert sorted(CLASSES[table.name]) == sorted(table.columns.keys()), table.name


def test_every_table_with_content_or_conversations_says_what_an_erasure_does_with_it() -> None:
    of_people = {DataClass.CONTENT, DataClass.CONVERSATION}
    assert set(ERASED) == {table for table, classes in CLASSES.items() if of_people & set(classes.values())}


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


async def _use_media(units: UnitOfWorkFactory, message: Message) -> None:
    """Everything that is kept of media repeats the mark."""
    asset = an_asset(file_name=f"{MARK}.png", url=f"https://files.example.com/{USER}", facts=some_facts(MARK))
    pending = an_asset_of_url(f"https://files.example.com/{MARK}", file_name=USER)
    upload = an_upload(asset)
    async with units() as unit:
        await unit.media.add([asset])
        await unit.media.for_urls([pending], fresh_ms=1)
        await unit.media.use([MediaUse(message.id, asset.media_id), MediaUse(message.id, pending.media_id)])
        await unit.media.request([upload])
        await unit.media.claim(10, lease_ms=1, holder=HOLDER)
        handle = a_handle(file_id=MARK, aes_key=MARK, md5=MARK, url=f"https://provider.example.com/{MARK}")
        await unit.media.uploaded(upload, handle, holder=HOLDER, now=NOW)
        await unit.media.request([an_upload(asset, kind=UploadKind.COVER)])
        await unit.commit()


async def test_an_erased_person_leaves_nothing_in_any_row_nor_in_the_file(store: SqliteStore, tmp_path: Path) -> None:
    clock = SettableClock(NOW)
    storage = sql_storage(store, clock, claims=False)
    message = a_message(content=TextContent(content=MARK), conversation_id=f"S:{USER}", status_callback_url=None)
    message.options = message.options._replace(extra={"note": MARK})
    message.make_due(now=NOW)
    named = f'{{"sender":"{USER}","content":"{MARK}"}}'
    erasure = an_erasure("ffffffff", subject=Subject(f"S:{USER}"))
    digest = some_facts(MARK).sha256
    async with storage.units() as unit:
        await unit.messages.add([message])
        await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "k", MARK.encode(), message.id)])
        await unit.inbox.store(PROVIDER, [an_item(raw=named, event_key=content_key(MARK))], NOW, [message.id])
        await unit.dead_letters.keep([a_letter(body=named.encode())])
        await unit.webhooks.record([a_delivery(body=named)])
        await unit.accounts.choose([PoolChoice(DEFAULT_TENANT, "p", f"S:{USER}", AccountId("a"))], now=NOW)
        await unit.erasures.add(erasure)
        await unit.commit()
    await _use_media(storage.units, message)
    async with storage.units() as unit:
        (loaded,) = (await unit.messages.get([message.id])).values()
        begin_call(loaded, content_key=content_key(MARK))
        receipt = a_receipt("1000001", content=MARK)
        settle(loaded, an_outcome(OutcomeClass.ACCEPTED, receipt=receipt, error_message=f"sent to {USER}"))
        loaded.notes.append(Note("ECHO", NOW, attempt=1, event_key=content_key(MARK), source="callback"))
        await unit.messages.save([loaded])
        await unit.commit()
    before = await store.read(_dump)
    for mark in (USER, MARK, content_key(MARK), digest):
        assert mark in before
    while (stored := await storage.erasures.next()) is not None:
        async with storage.units() as unit:
            stored.advance(await unit.erasures.erase(stored.step(now=NOW), limit=10), now=NOW)
            await unit.erasures.save(stored)
            await unit.commit()
    async with storage.units() as unit:  # once their bytes are deleted from the store
        await unit.media.deleted(await unit.media.unowned(9, lease_ms=1, holder=HOLDER), holder=HOLDER)
        await unit.commit()
    after = await store.read(_dump)
    for mark in (USER, MARK, content_key(MARK), digest):
        assert mark not in after
    assert message.id in after
    await store.close()
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())  # noqa: ASYNC240 -- nothing else runs
    for mark in (USER, MARK, content_key(MARK), digest):
        assert mark.encode() not in files
