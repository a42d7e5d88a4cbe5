"""Accepting and dispatching at the same time on MariaDB, with the committers that bootstrap makes for them."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.support.apps.doubles import RecordingObserver
from tests.support.builders.messages import NOW, a_due_message
from tests.support.mysql import EmptyDatabase, opened_store

from wework_message.adapters.local.health import MemoryHealthBoard
from wework_message.adapters.local.notifier import LocalNotifier
from wework_message.adapters.local.rate_limiter import MemoryRateLimiter
from wework_message.adapters.memory.system import CountingIds, FixedRandom, SettableClock
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.application.accept.accept import Entry, StoreMessages
from wework_message.application.callbacks.projector import LocalInboxNotifier
from wework_message.application.commit.scope import CommitScope
from wework_message.application.errors import DrainingError
from wework_message.bootstrap.container import UseCases
from wework_message.bootstrap.shared_state.local import Shared
from wework_message.bootstrap.storage import sql_storage
from wework_message.domain.ids import DEFAULT_TENANT


class Slow:
    """Work that ends when the test lets it."""

    def __init__(self) -> None:
        self.inside = asyncio.Event()
        self.let_go = asyncio.Event()

    async def __call__(self, _commit_batch: CommitScope, items: Sequence[int], /) -> Sequence[int]:
        self.inside.set()
        await self.let_go.wait()
        return items


@pytest.fixture
async def store(migrated: EmptyDatabase) -> AsyncIterator[MysqlStore]:
    async with opened_store(migrated.target) as store:
        yield store


def _use_cases(store: MysqlStore | SqliteStore) -> UseCases:
    clock = SettableClock(NOW)
    return UseCases(
        clock=clock, ids=CountingIds(), random_source=FixedRandom(), storage=sql_storage(store, clock), observer=RecordingObserver(),
        shared=Shared(MemoryHealthBoard(clock, FixedRandom()), MemoryRateLimiter(clock)), notifier=LocalNotifier(),
        inbox_notifier=LocalInboxNotifier(),
    )  # fmt: skip


def _entry() -> Entry:
    message = a_due_message()
    return Entry((message,), message.id, grouped=False, key=None)


async def test_a_message_is_accepted_while_a_dispatching_transaction_is_open(store: MysqlStore) -> None:
    use_cases, slow, entry = _use_cases(store), Slow(), _entry()
    intake, commits = use_cases.intake(), use_cases.commits()
    await commits.start()
    working = asyncio.create_task(commits.submit(slow, 1))
    await slow.inside.wait()
    accepted = await intake.submit(StoreMessages(SettableClock(NOW)), entry)
    assert await SqlMessageReader(store.read, store.search).messages(DEFAULT_TENANT, [entry.messages[0].id])
    assert (accepted.target, working.done()) == (entry.target, False)
    slow.let_go.set()
    await working
    await commits.close()


async def test_closing_waits_for_running_acceptances_and_refuses_new_ones(store: MysqlStore) -> None:
    use_cases, entry = _use_cases(store), _entry()
    intake, commits = use_cases.intake(), use_cases.commits()
    await commits.start()
    accepting = asyncio.create_task(intake.submit(StoreMessages(SettableClock(NOW)), entry))
    await asyncio.sleep(0)
    await commits.close()
    assert accepting.done()
    assert await SqlMessageReader(store.read, store.search).messages(DEFAULT_TENANT, [entry.messages[0].id])
    with pytest.raises(DrainingError):
        await intake.submit(StoreMessages(SettableClock(NOW)), _entry())
