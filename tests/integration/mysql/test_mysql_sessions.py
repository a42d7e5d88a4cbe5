"""Transactions on MariaDB that meet another transaction, or lose their connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import Connection
from tests.support.builders.messages import (
    NOW,
    PROVIDER,
    a_due_message,
    a_receipt,
    an_item,
    an_outcome,
    begin_call,
    settle,
)
from tests.support.mysql import EmptyDatabase, opened_store
from tests.support.polling import until

from wework_message.adapters.memory.system import FixedRandom, SettableClock
from wework_message.adapters.sql.core.database_kind import SEARCHES
from wework_message.adapters.sql.mysql.connections.driver import driver_connection
from wework_message.adapters.sql.mysql.connections.session import MysqlSession
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.application.commit.group_commit import GroupCommit
from wework_message.application.commit.scope import CommitScope
from wework_message.domain.account import implicit_account_id
from wework_message.domain.content import TextContent
from wework_message.domain.errors import ConflictError, TryAgainError, UnavailableError
from wework_message.domain.ids import DEFAULT_TENANT, Guid, ProviderCode
from wework_message.domain.lifecycle import HoldReason, MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.repositories import IdempotencyKey, InboxState, InboxVerdict, LaneBlock


@pytest.fixture
async def store(migrated: EmptyDatabase) -> AsyncIterator[MysqlStore]:
    async with opened_store(migrated.target) as store:
        yield store


@pytest.fixture
def units(store: MysqlStore) -> SqlUnitOfWorkFactory:
    return SqlUnitOfWorkFactory(store, store.dialect, SettableClock(NOW), store.turn)


def _write(connection: Connection, name: str) -> None:
    connection.exec_driver_sql("INSERT INTO wm_tenant (tenant_id, name, created_at) VALUES (%s, '', 0)", (name,))


def _names(connection: Connection) -> set[str]:
    return {row[0] for row in connection.exec_driver_sql("SELECT tenant_id FROM wm_tenant")} - {"default"}


def _scalar(connection: Connection, sql: str) -> Any:
    return connection.exec_driver_sql(sql).scalar()


def _do(connection: Connection, sql: str) -> None:
    connection.exec_driver_sql(sql)


def _connections(database: EmptyDatabase) -> set[int]:
    user = f"user = '{database.target.username}'"
    return {int(line) for line in database.sql(f"SELECT id FROM information_schema.processlist WHERE {user}").split()}  # noqa: S608 - our own name


async def _lock(session: MysqlSession, name: str) -> None:
    await session.run(_scalar, f"SELECT name FROM wm_tenant WHERE tenant_id = '{name}' FOR UPDATE")  # noqa: S608 - our own names


async def _kill(session: MysqlSession, database: EmptyDatabase) -> None:
    database.sql(f"KILL CONNECTION {await session.run(_scalar, 'SELECT CONNECTION_ID()')}")


async def test_what_a_session_did_is_undone_unless_it_commits(store: MysqlStore) -> None:
    session = await store.begin()
    await session.run(_write, "lost")
    await session.close()
    session = await store.begin()
    await session.run(_write, "kept")
    await session.commit([(_write, ("with-the-commit",))])
    await session.close()
    assert await store.read(_names) == {"kept", "with-the-commit"}


async def test_a_last_step_that_fails_takes_the_whole_transaction_along(store: MysqlStore) -> None:
    session = await store.begin()
    await session.run(_write, "first")
    with pytest.raises(ConflictError):
        await session.commit([(_write, ("first",))])
    await session.close()
    assert await store.read(_names) == set()


async def test_a_session_without_a_step_needs_no_connection(store: MysqlStore, migrated: EmptyDatabase) -> None:
    session = await store.begin()
    await session.commit()
    await session.close()
    assert _connections(migrated) == set()


async def test_a_connection_is_kept_from_one_transaction_to_the_next(
    store: MysqlStore, migrated: EmptyDatabase
) -> None:
    numbers = set()
    for name in ("committed", "rolled-back", "refused"):
        session = await store.begin()
        numbers.add(await session.run(_scalar, "SELECT CONNECTION_ID()"))
        await session.run(_write, name)
        if name == "committed":
            await session.commit()
        elif name == "refused":
            with pytest.raises(ConflictError):
                await session.run(_write, "committed")
        await session.close()
    assert len(numbers) == 1
    assert await store.read(_names) == {"committed"}


async def test_a_connection_is_not_used_for_longer_than_it_may(
    store: MysqlStore, migrated: EmptyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await _committed(store)
    monkeypatch.setattr("wework_message.adapters.sql.mysql.connections.session.MAX_CONNECTION_AGE_S", 0)
    assert await _committed(store) != first
    assert first not in _connections(migrated)


async def test_a_connection_whose_step_did_not_end_is_dropped(store: MysqlStore, migrated: EmptyDatabase) -> None:
    async def fails(error: BaseException) -> int:
        def step(connection: Connection) -> None:
            _write(connection, "lost")
            raise error

        session = await store.begin()
        number = int(await session.run(_scalar, "SELECT CONNECTION_ID()"))
        with pytest.raises(type(error)):
            await session.run(step)
        await session.close()
        return number

    for error in (ValueError(), asyncio.CancelledError()):
        assert await fails(error) != await _committed(store)
    assert await store.read(_names) == set()


async def _committed(store: MysqlStore) -> int:
    """The number of the connection."""
    session = await store.begin()
    number = int(await session.run(_scalar, "SELECT CONNECTION_ID()"))
    await session.commit()
    return number


async def test_the_last_steps_that_take_too_long_commit_nothing(migrated: EmptyDatabase) -> None:
    store = MysqlStore(migrated.target, timeout_s=0.5)
    session = await store.begin()
    with pytest.raises(UnavailableError, match="no answer within"):
        await session.commit([(_write, ("lost",)), (_scalar, ("SELECT SLEEP(60)",))])
    await session.close()
    assert await store.read(_names) == set()
    await store.close()


@pytest.mark.parametrize("prepared", [True, False])
async def test_statements_are_prepared_on_the_server_unless_the_setting_forbids_it(
    migrated: EmptyDatabase, *, prepared: bool
) -> None:
    async with opened_store(migrated.target, prepared_statements=prepared) as store:
        units = SqlUnitOfWorkFactory(store, store.dialect, SettableClock(NOW), store.turn)
        before = int(migrated.sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_prepare'").split()[1])
        async with units() as unit:
            await unit.messages.add([a_due_message()])
            await unit.commit()
        after = int(migrated.sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_prepare'").split()[1])
        assert (after > before) is prepared


async def test_a_server_that_takes_no_more_prepared_statements_gets_text(
    store: MysqlStore, units: SqlUnitOfWorkFactory, migrated: EmptyDatabase
) -> None:
    migrated.sql("SET GLOBAL max_prepared_stmt_count = 0")
    try:
        message = a_due_message()
        async with units() as unit:
            await unit.messages.add([message])
            await unit.commit()
    finally:
        migrated.sql("SET GLOBAL max_prepared_stmt_count = DEFAULT")
    assert await SqlMessageReader(store.read, store.search).messages(DEFAULT_TENANT, [message.id])


async def test_a_session_that_a_proxy_has_changed_is_a_lost_connection(
    store: MysqlStore, units: SqlUnitOfWorkFactory
) -> None:
    def forget(connection: Connection) -> None:
        driver = driver_connection(connection)
        for statement in driver._stmt_cache.values():
            statement._execute_header = (999_999).to_bytes(4, "little") + b"\x00\x01\x00\x00\x00"

    message = a_due_message()
    async with units() as unit:
        await unit.messages.add([a_due_message(conversation_id="S:2")])
        await unit.commit()
    session = await store.begin()
    await session.run(forget)
    await session.commit()
    async with units() as unit:
        await unit.messages.add([message])
        await unit.commit()
    assert await SqlMessageReader(store.read, store.search).messages(DEFAULT_TENANT, [message.id])


async def _sending(units: SqlUnitOfWorkFactory, count: int) -> list[Message]:
    messages = [a_due_message(conversation_id=f"S:{number}") for number in range(count)]
    async with units() as unit:
        await unit.messages.add(messages)
        await unit.commit()
    async with units() as unit:
        sending = [*(await unit.messages.get([message.id for message in messages])).values()]
        for message in sending:
            begin_call(message)
        await unit.messages.save(sending)
        await unit.commit()
    return sending


async def test_values_may_be_longer_than_those_that_a_statement_was_prepared_with(
    store: MysqlStore, units: SqlUnitOfWorkFactory
) -> None:
    for texts in (("a", "b"), ("中" * 900, "b"), ("a", "x" * 2_000)):
        ids = [message.id for message in await _sending(units, 2)]
        async with units() as unit:
            messages = [(await unit.messages.get(ids))[message_id] for message_id in ids]
            for message, text in zip(messages, texts, strict=True):
                message.written()
                settle(message, an_outcome(OutcomeClass.ACCEPTED, receipt=a_receipt(text=text)))
            assert await unit.messages.save(messages) == frozenset()
            await unit.commit()
        async with units() as unit:
            stored = await unit.messages.get(ids)
        outcomes = [stored[message_id].attempts.numbered(1).outcome for message_id in ids]
        receipts = [outcome.receipt for outcome in outcomes if outcome is not None]
        assert [receipt.details["text"] for receipt in receipts if receipt is not None] == list(texts)


async def test_a_connection_that_is_killed_within_a_transaction_leaves_nothing_and_raises_try_again(
    store: MysqlStore, migrated: EmptyDatabase
) -> None:
    session = await store.begin()
    await session.run(_write, "lost")
    await _kill(session, migrated)
    with pytest.raises(TryAgainError) as caught:
        await session.run(_write, "lost-too")
    assert caught.value.lost_connection
    await session.close()
    assert await store.read(_names) == set()


async def test_a_connection_that_died_in_the_pool_is_replaced_without_an_error(
    store: MysqlStore, migrated: EmptyDatabase
) -> None:
    session = await store.begin()
    number = await session.run(_scalar, "SELECT CONNECTION_ID()")
    await session.commit()
    migrated.sql(f"KILL CONNECTION {number}")
    session = await store.begin()
    await session.run(_write, "kept")
    assert await session.run(_scalar, "SELECT CONNECTION_ID()") != number
    await session.commit()
    assert await store.read(_names) == {"kept"}


async def test_a_query_whose_connection_died_runs_again(store: MysqlStore, migrated: EmptyDatabase) -> None:
    number = await store.read(_scalar, "SELECT CONNECTION_ID()")
    migrated.sql(f"KILL CONNECTION {number}")
    assert await store.read(_scalar, "SELECT CONNECTION_ID()") != number


async def test_a_server_that_dies_while_it_accepts_a_connection_is_unavailable(
    store: MysqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut(**_: Any) -> None:
        raise RuntimeError("Transport does not expose socket instance")  # asyncmy's own words on uvloop

    monkeypatch.setattr("asyncmy.connect", cut)
    with pytest.raises(UnavailableError):
        await store.read(_names)
    session = await store.begin()
    with pytest.raises(UnavailableError):
        await session.run(_write, "lost")
    await session.close()


async def test_a_commit_whose_connection_is_gone_is_not_tried_again_by_itself(
    store: MysqlStore, migrated: EmptyDatabase
) -> None:
    session = await store.begin()
    await session.run(_write, "who-knows")
    await _kill(session, migrated)
    with pytest.raises(UnavailableError, match="the answer to COMMIT was lost") as caught:
        await session.commit()
    assert not isinstance(caught.value, TryAgainError)
    await session.close()


async def test_an_idle_transaction_is_rolled_back_and_loses_its_locks(
    migrated: EmptyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wework_message.adapters.sql.mysql.connections.connector.MAX_IDLE_IN_TRANSACTION_S", 1)
    async with opened_store(migrated.target) as store:
        frozen, other = await store.begin(), await store.begin()
        await _lock(frozen, "default")
        await _lock(other, "default")  # waits for less than LOCK_WAIT_TIMEOUT_S
        with pytest.raises(TryAgainError) as caught:
            await frozen.run(_write, "too-late")
        assert caught.value.lost_connection
        for session in (frozen, other):
            await session.close()
        assert await store.read(_names) == set()


async def test_a_wait_is_seen_while_somebody_looks_at_all_waits_again_and_again(
    store: MysqlStore, migrated: EmptyDatabase
) -> None:
    looks = "; ".join(["SELECT COUNT(*) FROM information_schema.innodb_lock_waits", "DO SLEEP(0.02)"] * 10)
    seen = asyncio.Event()

    async def look() -> None:
        while not seen.is_set():
            await asyncio.to_thread(migrated.sql, looks)

    await store.transact(_write, "row")
    first, second = await store.begin(), await store.begin()
    await _lock(first, "row")
    await asyncio.to_thread(migrated.sql, looks)
    looking, waiting = asyncio.create_task(look()), asyncio.create_task(_lock(second, "row"))
    await migrated.transaction_waits()
    seen.set()
    await looking
    await first.commit()
    await waiting
    await second.close()


async def test_a_cancelled_statement_gives_its_locks_back(store: MysqlStore, migrated: EmptyDatabase) -> None:
    await store.transact(_write, "row")
    first, second = await store.begin(), await store.begin()
    await _lock(first, "row")
    await second.run(_write, "lost")
    waiting = asyncio.create_task(_lock(second, "row"))
    await migrated.transaction_waits()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await second.close()
    await first.commit()  # only now does the server see that the wait has ended
    third = await store.begin()
    await _lock(third, "row")
    await third.run(_write, "lost")
    await third.commit()
    assert await store.read(_names) == {"row", "lost"}


async def _deadlock(store: MysqlStore) -> list[BaseException | None]:
    await store.transact(_write, "a")
    await store.transact(_write, "b")
    first, second = await store.begin(), await store.begin()
    await _lock(first, "a")
    await _lock(second, "b")
    ends = list(await asyncio.gather(_lock(first, "b"), _lock(second, "a"), return_exceptions=True))
    await first.close()
    await second.close()
    return ends


async def test_of_a_deadlock_one_transaction_goes_on_and_the_other_raises_try_again(store: MysqlStore) -> None:
    ends = await _deadlock(store)
    assert sorted(type(end).__name__ for end in ends) == ["NoneType", "TryAgainError"]


async def test_the_wait_for_a_locked_row_ends(store: MysqlStore) -> None:
    await store.transact(_write, "row")
    first, second = await store.begin(), await store.begin()
    await _lock(first, "row")
    await second.run(_do, "SET SESSION innodb_lock_wait_timeout = 0")
    with pytest.raises(TryAgainError):
        await _lock(second, "row")
    await second.close()
    await first.close()


class FailingOperation:
    """An operation whose first `times` runs fail."""

    def __init__(self, fail: Callable[[], Any], times: int) -> None:
        self.fail = fail
        self.times = times
        self.runs = 0

    async def __call__(self, scope: CommitScope, items: Any, /) -> list[str]:
        await scope.unit.messages.add(list(items))
        self.runs += 1
        if self.runs <= self.times:
            await self.fail()
        return [item.id for item in items]


async def _nothing(_commit_batch: CommitScope, /) -> None:
    return None


@pytest.mark.parametrize(("times", "stored"), [(0, True), (1, True), (4, True), (5, False)])
async def test_the_group_commit_tries_a_whole_transaction_again_a_few_times(
    store: MysqlStore, units: SqlUnitOfWorkFactory, *, times: int, stored: bool
) -> None:
    async def fail() -> None:
        raise TryAgainError("database", "deadlock")

    commits = GroupCommit(units, _nothing, FixedRandom())
    await commits.start()
    operation, message = FailingOperation(fail, times), a_due_message()
    (end,) = await asyncio.gather(commits.submit(operation, message), return_exceptions=True)
    assert (end == message.id) is stored
    assert isinstance(end, UnavailableError) is not stored
    assert operation.runs == min(times + 1, 5)
    assert bool(await SqlMessageReader(store.read, store.search).messages(DEFAULT_TENANT, [message.id])) is stored
    await commits.close()


async def test_a_real_deadlock_costs_no_caller_its_message(store: MysqlStore, units: SqlUnitOfWorkFactory) -> None:
    async def fail() -> None:
        (error,) = [end for end in await _deadlock(store) if end is not None]
        raise error

    commits = GroupCommit(units, _nothing, FixedRandom())
    await commits.start()
    message = a_due_message()
    operation = FailingOperation(fail, 1)
    assert await commits.submit(operation, message) == message.id
    assert operation.runs == 2
    assert await SqlMessageReader(store.read, store.search).messages(DEFAULT_TENANT, [message.id])
    await commits.close()


TEXTS = ["😀👩‍👩‍👧‍👦", "𠜎𠮷𪚥", "中文，！", "a\\'\"%s%%\x1a", " blanks "]


@pytest.mark.parametrize("text", TEXTS)
async def test_texts_come_back_as_they_went(units: SqlUnitOfWorkFactory, store: MysqlStore, text: str) -> None:
    message = a_due_message(content=TextContent(content=text), extra={"x": text})
    async with units() as unit:
        await unit.messages.add([message])
        await unit.inbox.store(PROVIDER, [an_item(raw=text)], NOW)
        await unit.commit()
    async with units() as unit:
        stored = (await unit.messages.get([message.id]))[message.id]
        (entry,) = await unit.inbox.pending(10)
    assert (stored.content, stored.options.extra) == (message.content, message.options.extra)
    assert entry.raw == text


async def test_a_callback_of_four_mebibytes_is_kept_whole(units: SqlUnitOfWorkFactory) -> None:
    raw = '"\\' * 2**21
    async with units() as unit:
        await unit.inbox.store(PROVIDER, [an_item(raw=raw), an_item(raw=raw, event_key="other")], NOW)
        await unit.commit()
    for _ in range(2):  # a portion has four mebibytes
        async with units() as unit:
            (entry,) = await unit.inbox.pending(10)
            assert entry.raw == raw
            await unit.inbox.decide([InboxVerdict(entry.id, InboxState.APPLIED)])
            await unit.commit()


@pytest.mark.parametrize("other", ["KEY", "kéy", "key ", " key", "key\t"])
async def test_keys_that_look_alike_are_different(units: SqlUnitOfWorkFactory, other: str) -> None:
    async with units() as unit:
        keys = [IdempotencyKey(DEFAULT_TENANT, key, b"f" * 32, f"of {key}") for key in ("key", other)]
        assert [owner.fresh for owner in await unit.messages.claim_keys(keys)] == [True, True]
        await unit.commit()
    async with units() as unit:
        assert [owner.target for owner in await unit.messages.claim_keys(keys)] == ["of key", f"of {other}"]


async def test_a_value_that_does_not_fit_is_refused_and_not_cut(units: SqlUnitOfWorkFactory) -> None:
    async with units() as unit:
        await unit.messages.add([a_due_message(client_message_id="x" * 256)])
        with pytest.raises(ConflictError):
            await unit.commit()


async def test_a_second_process_waits_for_a_key_that_is_about_to_be_taken(
    units: SqlUnitOfWorkFactory, migrated: EmptyDatabase
) -> None:
    async def claim(factory: SqlUnitOfWorkFactory, target: str) -> tuple[str, bool]:
        async with factory() as unit:
            (owner,) = await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "k", b"f" * 32, target)])
            await unit.commit()
        return owner.target, owner.fresh

    async with opened_store(migrated.target) as other:
        others = SqlUnitOfWorkFactory(other, other.dialect, SettableClock(NOW), other.turn)
        async with units() as unit:
            await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "k", b"f" * 32, "first")])
            second = asyncio.create_task(claim(others, "second"))
            await migrated.transaction_waits()
            assert not second.done()
            await unit.commit()
        assert await second == ("first", False)


async def test_many_processes_that_race_for_a_key_leave_one_owner(migrated: EmptyDatabase) -> None:
    async def claim(target: str) -> str:
        async with opened_store(migrated.target) as store:
            units = SqlUnitOfWorkFactory(store, store.dialect, SettableClock(NOW), store.turn)
            async with units() as unit:
                (owner,) = await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "k", b"f" * 32, target)])
                await unit.commit()
            return owner.target

    assert len(set(await asyncio.gather(*(claim(str(number)) for number in range(8))))) == 1


@pytest.mark.parametrize("off_ms", [-600_000, 600_000])
async def test_a_process_whose_clock_is_wrong_changes_nothing_of_what_is_due(
    store: MysqlStore, units: SqlUnitOfWorkFactory, off_ms: int
) -> None:
    server = await store.read(_scalar, "SELECT CAST(UNIX_TIMESTAMP(CURRENT_TIMESTAMP(3)) * 1000 AS SIGNED)")
    wrong = SqlUnitOfWorkFactory(store, store.dialect, SettableClock(server + off_ms), store.turn)
    now, later = a_due_message(), a_due_message(conversation_id="S:2")
    assert later.due is not None
    later.due = type(later.due)(in_ms=60_000, place=later.due.place)
    async with wrong() as unit:
        await unit.messages.add([now, later])
        await unit.commit()
    for factory in (wrong, units):
        async with factory() as unit:
            assert [due.message.id for due in await unit.messages.due(10)] == [now.id]
    view = (await SqlMessageReader(store.read, store.search).messages(DEFAULT_TENANT, [later.id]))[later.id]
    assert view.next_attempt_at is not None
    assert server + 60_000 <= view.next_attempt_at <= server + 90_000


async def test_a_message_that_is_being_changed_is_neither_claimed_nor_overwritten(
    units: SqlUnitOfWorkFactory, migrated: EmptyDatabase
) -> None:
    message, free = a_due_message(), a_due_message(conversation_id="S:2")
    async with units() as unit:
        await unit.messages.add([message, free])
        await unit.commit()
    async with units() as unit:
        known = (await unit.messages.get([message.id]))[message.id]

    async def cancel() -> frozenset[str]:
        async with units() as unit:
            known.cancel(now=NOW)
            lost = await unit.messages.save([known])
            await unit.commit()
        return lost

    async with units() as unit:
        (locked,) = (await unit.messages.get([message.id])).values()
        async with units() as claiming:
            assert [due.message.id for due in await claiming.messages.due(10)] == [free.id]
        late = asyncio.create_task(cancel())
        await migrated.transaction_waits()
        locked.hold(HoldReason.BUDGET, 5, now=NOW)
        await unit.messages.save([locked])
        await unit.commit()
    assert await late == {message.id}
    async with units() as unit:
        assert (await unit.messages.get([message.id]))[message.id].status is MessageStatus.HELD


async def test_a_lane_that_is_released_wakes_a_message_that_a_claim_is_parking(
    units: SqlUnitOfWorkFactory, migrated: EmptyDatabase
) -> None:
    first, second = a_due_message(), a_due_message()
    async with units() as unit:
        await unit.messages.add([first, second])
        await unit.commit()
    async with units() as unit:
        sending = (await unit.messages.get([first.id]))[first.id]
        begin_call(sending)
        await unit.messages.save([sending])
        await unit.commit()
    sending.written()

    async def answer() -> None:
        async with units() as unit:
            settle(sending, an_outcome(OutcomeClass.ACCEPTED))
            assert await unit.messages.save([sending]) == frozenset()
            await unit.commit()

    async with units() as unit:
        (behind,) = await unit.messages.due(10)
        assert (behind.message.id, behind.blocked) == (second.id, LaneBlock.BEHIND)
        answered = asyncio.create_task(answer())
        await migrated.transaction_waits()
        behind.message.wait_in_lane(now=NOW)
        await unit.messages.save([behind.message])
        await unit.commit()
    await answered
    async with units() as unit:
        assert [(due.message.id, due.blocked) for due in await unit.messages.due(10)] == [(second.id, None)]


@pytest.mark.parametrize("accepted", ["before", "while"])
async def test_a_message_whose_lane_is_being_released_is_not_parked(units: SqlUnitOfWorkFactory, accepted: str) -> None:
    first, second, third = a_due_message(), a_due_message(), a_due_message()
    async with units() as unit:
        await unit.messages.add([first, *([second] if accepted == "before" else [])])
        await unit.commit()
    async with units() as unit:
        sending = (await unit.messages.get([first.id]))[first.id]
        begin_call(sending)
        await unit.messages.save([sending])
        await unit.commit()
    sending.written()
    async with units() as answering:
        settle(sending, an_outcome(OutcomeClass.ACCEPTED))
        assert await answering.messages.save([sending]) == frozenset()  # it has woken whatever is parked
        async with units() as unit:
            await unit.messages.add([third] if accepted == "before" else [second, third])
            await unit.commit()
        async with units() as unit:  # the lane is still busy for everybody else
            for item in await unit.messages.due(10):
                assert item.blocked is not None
                item.message.wait_in_lane(now=NOW)
                await unit.messages.save([item.message])
            await unit.commit()
        await answering.commit()
    async with units() as unit:
        assert [(item.message.id, item.blocked) for item in await unit.messages.due(1)] == [(second.id, None)]


async def test_the_longest_names_fit(units: SqlUnitOfWorkFactory) -> None:
    guid, conversation = Guid("g" * 128), "R:" + "1" * 126
    message = a_due_message(guid=guid, account_id=implicit_account_id(guid), conversation_id=conversation)
    async with units() as unit:
        await unit.accounts.open(DEFAULT_TENANT, [(guid, ProviderCode("P" * 32))])
        await unit.messages.add([message])
        await unit.messages.save([(await unit.messages.get([message.id]))[message.id]])
        await unit.inbox.store(PROVIDER, [an_item(guid=guid, event_key="e" * 160)], NOW)
        await unit.commit()


async def test_lists_that_hang_delay_no_query_and_are_stopped_by_the_server(
    migrated: EmptyDatabase,
) -> None:
    store = MysqlStore(migrated.target, search_s=1.0)
    lists = [asyncio.create_task(store.search(_scalar, f"SELECT SLEEP({60 + number})")) for number in range(9)]
    await until(lambda: _sleeps(store, SEARCHES))
    refused = await asyncio.gather(*lists, return_exceptions=True)
    assert {type(error) for error in refused} == {UnavailableError}
    assert {"ask again, or for less" in str(error) for error in refused} == {True}
    await until(lambda: _sleeps(store, 0))
    assert await store.search(_scalar, "SELECT 1") == 1
    await store.close()


async def _sleeps(store: MysqlStore, count: int) -> bool:
    running = "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(6%'"
    return bool(await store.read(_scalar, running.replace("%", "%%")) == count)


async def test_the_pools_show_the_connections_and_count_every_wait(
    store: MysqlStore, units: SqlUnitOfWorkFactory
) -> None:
    waits: dict[str, list[float]] = {}
    for pool in store.pools:
        pool.waited = waits.setdefault(pool.name, []).append
    write, read, _ = store.pools
    async with units() as unit:
        await unit.messages.get([a_due_message().id])
        assert (write.used, write.idle) == (1, 0)
    assert (write.used, write.idle) == (0, 1)
    await store.read(_names)
    await store.search(_names)
    assert (read.used, read.idle, read.limit) == (0, 1, 8)
    assert {name: len(times) for name, times in waits.items()} == {"write": 1, "read": 1, "search": 1}
