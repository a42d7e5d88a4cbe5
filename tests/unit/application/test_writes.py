"""Whether the database takes writes: from commits, and from a write that is tried where there are none."""

import asyncio
import logging

import pytest
from tests.support.builders.messages import NOW, a_due_message
from tests.support.polling import until

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.memory.unit_of_work import MemoryUnitOfWorkFactory
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.commit.scope import CommitScope
from wework_message.application.maintenance import probe_writes
from wework_message.application.maintenance.probe_writes import ProbeWrites
from wework_message.application.writes import Writes
from wework_message.domain.errors import TryAgainError, UnavailableError
from wework_message.domain.message.message import Message

FULL = UnavailableError("database", "the disk is full")


class BootClock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_each_change_is_logged_once_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    writes = Writes(BootClock())
    writes.succeeded()
    writes.failed(FULL)
    writes.failed(FULL)
    causes = [writes.cause]
    writes.succeeded()
    assert [*causes, writes.cause] == ["database: the disk is full", None]
    assert [record.getMessage() for record in caplog.records] == [
        "nothing can be written, readiness is down: database: the disk is full",
        "the database takes writes again",
    ]


def test_a_transaction_that_was_in_the_way_of_another_says_nothing_about_the_database() -> None:
    writes = Writes(BootClock())
    writes.failed(TryAgainError("database", "deadlock"))
    assert writes.cause is None
    writes.failed(TryAgainError("database", "the server is read-only (1290)", lost_connection=True))
    assert writes.cause == "database: the server is read-only (1290)"


def test_a_success_grows_old() -> None:
    clock = BootClock()
    writes = Writes(clock)
    assert not writes.succeeded_within(60)
    writes.succeeded()
    clock.seconds += 2
    assert (writes.succeeded_within(2), writes.succeeded_within(1)) == (True, False)


async def test_a_commit_of_a_client_reports_what_became_of_it() -> None:
    async def add(scope: CommitScope, items: list[Message]) -> list[None]:
        await scope.unit.messages.add(items)
        return [None for _ in items]

    async def nothing(scope: CommitScope, /) -> None:
        """What follows a commit."""

    database, writes = MemoryDatabase(), Writes(BootClock())
    units = MemoryUnitOfWorkFactory(database, SettableClock(NOW))
    commits = GroupCommit(units, nothing, FixedRandom(), writes)
    other = commits.add_committer()
    await commits.start()
    for committer in (commits, other):
        database.away = True
        with pytest.raises(UnavailableError):
            await committer.submit(add, a_due_message())  # type: ignore[arg-type]  # a list is a sequence
        assert writes.cause is not None
        database.away = False
        await committer.submit(add, a_due_message())  # type: ignore[arg-type]
        assert writes.cause is None
    await commits.close()


async def test_without_commits_a_write_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    for interval in ("INTERVAL_S", "FAILING_INTERVAL_S"):
        monkeypatch.setattr(probe_writes, interval, 0.01)
    database, writes = MemoryDatabase(), Writes(BootClock())
    writes._succeeded_at = -1e9
    probe = ProbeWrites(MemoryUnitOfWorkFactory(database, SettableClock(NOW)), writes, "here")
    database.away = True
    running = asyncio.create_task(probe.run())

    async def failed() -> bool:
        return writes.cause is not None

    await until(failed)
    database.away = False

    async def succeeded() -> bool:
        return writes.cause is None

    await until(succeeded)
    await probe.stop()
    await running


async def test_a_process_that_commits_tries_nothing() -> None:
    def no_units() -> MemoryUnitOfWorkFactory:
        raise AssertionError

    writes = Writes(BootClock())
    writes.succeeded()
    probe = ProbeWrites(no_units, writes, "here")  # type: ignore[arg-type]  # never called
    running = asyncio.create_task(probe.run())
    await asyncio.sleep(0)
    await probe.stop()
    await running
    assert writes.cause is None


async def test_a_defect_of_the_try_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> MemoryUnitOfWorkFactory:
        raise ZeroDivisionError

    await ProbeWrites(broken, Writes(BootClock()), "here").write()  # type: ignore[arg-type]
    assert "a write could not be tried" in caplog.text
