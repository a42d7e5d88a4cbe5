"""Every statement of the SQL adapter: its plan on MariaDB, on tables with many rows, and its syntax on MySQL 8."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
import sqlglot
from sqlalchemy import Connection
from tests.contracts.dead_letters_contract import a_letter
from tests.contracts.replays_contract import a_replay
from tests.integration.test_query_plans import (
    change_erasures,
    change_media,
    change_messages,
    change_replays,
    maintain,
    pull_streams,
    read_failures,
    read_replays,
    receive_callbacks,
)
from tests.support.builders.messages import (
    CONVERSATION,
    GUID,
    NOW,
    PROVIDER,
    a_batch_id,
    a_due_message,
    a_message_id,
    an_item,
)
from tests.support.mysql import EmptyDatabase, opened_store

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.mysql.store import MysqlStore
from wework_message.adapters.sql.repositories.bindings import SqlBindingReader
from wework_message.adapters.sql.repositories.dead_letters import SqlDeadLetterReader
from wework_message.adapters.sql.repositories.erasures import SqlErasureReader
from wework_message.adapters.sql.repositories.failed_messages import SqlFailedMessageReader
from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.adapters.sql.repositories.replays import SqlReplayReader
from wework_message.adapters.sql.repositories.store_metrics import SqlStoreMetrics
from wework_message.adapters.sql.repositories.streams import SqlStreamReader
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.domain.account import implicit_account_id
from wework_message.domain.ids import DEFAULT_TENANT, Guid, ProviderMessageId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.ports.dead_letters import DeadLetterSource
from wework_message.domain.ports.repositories import IdempotencyKey
from wework_message.domain.replay import ItemState, ReplayItem
from wework_message.domain.routing.shares import Turn

PROVIDER_MESSAGE_ID: Final = ProviderMessageId("4711")
ROWS: Final = 2_000
TINY: Final = {"wm_finished", "v", "wm_tenant", "wm_pause", "wm_callback_token", "wm_api_key"}
"""Tables of a few rows, and the rows within a statement."""

_ATTEMPTS: Final = """
INSERT INTO wm_attempt (message_id, number, round, account_id, conversation_id, binding_id, provider_code, guid, epoch,
    started_at, outcome, facts, provider_message_id)
SELECT id, 1, 1, account_id, conversation_id, 'b', 'GUANGZHOU_GUXING', guid, 0, accepted_at, 'ACCEPTED', '', id FROM wm_message
"""


@dataclass(frozen=True, slots=True)
class Line:
    statement: str
    table: str
    kind: str
    key: str | None
    extra: str


class Statements:
    """The statements that the adapter executes, and their plans on MariaDB."""

    def __init__(self, database: EmptyDatabase) -> None:
        self._database = database
        self.seen: dict[str, Sequence[Any]] = {}

    def note(self, statement: str, parameters: Sequence[Any]) -> None:
        if statement.startswith(("SELECT", "(SELECT", "UPDATE", "DELETE", "INSERT")) and "wm_" in statement:
            self.seen.setdefault(statement, parameters)

    async def plans(self) -> list[Line]:
        async with opened_store(self._database.target) as store:
            return await store.read(_explained, self.seen)


def _explained(connection: Connection, seen: dict[str, Sequence[Any]]) -> list[Line]:
    return list(_lines(connection, seen))


def _lines(connection: Connection, seen: dict[str, Sequence[Any]]) -> Iterator[Line]:
    for statement, parameters in seen.items():
        if statement.startswith("INSERT"):
            continue
        for row in connection.exec_driver_sql(f"EXPLAIN {statement}", tuple(parameters)).mappings():
            if row["table"] is not None and not row["table"].startswith("<"):
                yield Line(statement, row["table"], row["type"] or "", row["key"], row["Extra"] or "")


@pytest.fixture
def executed(migrated: EmptyDatabase) -> Statements:
    return Statements(migrated)


@pytest.fixture
async def store(migrated: EmptyDatabase, executed: Statements) -> AsyncIterator[MysqlStore]:
    async with opened_store(migrated.target, server_clock=False, listener=executed.note) as store:
        yield store


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
async def units(store: MysqlStore, clock: SettableClock, migrated: EmptyDatabase) -> SqlUnitOfWorkFactory:
    """Units of work on large tables: other accounts' messages, due much later."""
    units = SqlUnitOfWorkFactory(store, store.dialect, clock, store.turn)
    guids = [Guid(f"other-{number % 50}") for number in range(ROWS)]
    messages = [
        a_due_message(guid=guid, account_id=implicit_account_id(guid), conversation_id=f"S:{number}", batch_id=a_batch_id(),
                      group_id=a_batch_id(), index=0)
        for number, guid in enumerate(guids)
    ]  # fmt: skip
    async with units() as unit:
        await unit.messages.claim_keys(
            [IdempotencyKey(DEFAULT_TENANT, message.id, b"f" * 32, message.id) for message in messages]
        )
        await unit.messages.add(messages)
        items = [an_item(guid=guid, event_key=f"e{number}") for number, guid in enumerate(guids)]
        await unit.inbox.store(PROVIDER, items, NOW)
        await unit.accounts.open(DEFAULT_TENANT, [(Guid(f"g{number}"), PROVIDER) for number in range(ROWS)])
        await unit.commit()
    notes = "INSERT INTO wm_note (message_id, kind, at) SELECT id, 'k', 1 FROM wm_message"
    batches = "INSERT INTO wm_batch (id, mode, total, created_at) SELECT batch_id, 'FANOUT', 1, 1 FROM wm_message"
    async with units() as unit:
        await unit.dead_letters.keep([a_letter(str(number)) for number in range(ROWS)])
        await unit.commit()
    uses = "INSERT INTO wm_media_use (message_id, media_id) SELECT id, 'many' FROM wm_message"
    states = "UPDATE wm_callback SET state = 'APPLIED'; UPDATE wm_message SET status = 'SENT'"
    later = f"UPDATE wm_due SET turn = '', due_at = {NOW + 10**9}"  # noqa: S608 - a number
    migrated.sql(f"{_ATTEMPTS}; {notes}; {batches}; {uses}; {states}; {later}")
    tables = (
        "wm_message, wm_due, wm_attempt, wm_callback, wm_note, wm_batch, wm_idempotency_key, wm_account, wm_binding, "
        "wm_dead_letter, wm_media_use"
    )
    migrated.sql(f"ANALYZE TABLE {tables}")
    return units


@pytest.fixture
def reader(store: MysqlStore) -> SqlMessageReader:
    return SqlMessageReader(store.read, store.search)


@pytest.fixture
def statements(units: SqlUnitOfWorkFactory, executed: Statements) -> Statements:
    """Those that come after the tables are filled."""
    assert units is not None
    executed.seen.clear()
    return executed


async def read_everything(reader: SqlMessageReader) -> None:
    message, batch = a_due_message(), a_batch_id()
    await reader.messages(DEFAULT_TENANT, [message.id])
    await reader.timeline(None, message.id)
    await reader.sent_as(DEFAULT_TENANT, GUID, PROVIDER_MESSAGE_ID)
    await reader.batch(DEFAULT_TENANT, batch)
    await reader.batch_items(None, batch, limit=10, after=-1)
    await reader.callbacks(None, GUID, notify_type=11010, limit=10, before=None)
    await reader.callbacks(None, GUID, notify_type=None, limit=10, before=7)
    await reader.counts()


async def _scanned(statements: Statements) -> list[Line]:
    return [line for line in await statements.plans() if line.kind in {"ALL", "index"} and line.table not in TINY]


async def _filesorted(statements: Statements) -> set[str]:
    return {
        line.statement for line in await statements.plans() if "filesort" in line.extra or "temporary" in line.extra
    }


async def test_writers_find_what_they_need_by_index_and_sort_only_what_is_bounded(
    units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_messages(units, clock)
    await receive_callbacks(units)
    assert len(statements.seen) > 25
    assert await _scanned(statements) == []
    for statement in await _filesorted(statements):
        assert "wm_attempt.message_id IN" in statement or "wm_attempt.started_at >=" in statement


async def test_pulls_read_ranges_of_indexes_and_sort_nothing(
    store: MysqlStore, units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_messages(units, clock)
    before = set(statements.seen)
    await pull_streams(units, SqlStreamReader(store.read))
    assert len(statements.seen) > len(before) + 5
    assert [line for line in await _scanned(statements) if line.statement not in before] == []
    assert await _filesorted(statements) - before == set()


async def test_limits_of_accounts_are_kept_by_reads_of_indexes_that_sort_nothing(
    units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    account_id = implicit_account_id(GUID)
    async with units() as unit:
        await unit.messages.add([a_due_message(conversation_id="R:9")])
        await unit.commit()
    statements.seen.clear()
    async with units() as unit:
        await unit.messages.last_starts([(account_id, CONVERSATION)])
        await unit.due_times.recheck_limited(account_id, 10)
        await unit.messages.due(10, turn=Turn(no_bulk=frozenset({account_id})))
    assert (await _scanned(statements), await _filesorted(statements)) == ([], set())
    keys = {(line.table, line.key) for line in await statements.plans()}
    assert {
        ("wm_message", "ix_wm_message_conversation"),
        ("wm_message", "ix_wm_message_status"),
        ("wm_due", "ix_wm_due_turn"),
    } <= keys


async def test_maintenance_reads_ranges_of_indexes(
    store: MysqlStore, units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_messages(units, clock)
    await receive_callbacks(units)
    before = len(statements.seen)
    await maintain(units, SqlStoreMetrics(store.read, store.dialect, clock))
    assert len(statements.seen) > before + 15
    assert [line for line in await _scanned(statements) if line.table != "wm_duty"] == []
    assert not [
        statement
        for statement in await _filesorted(statements)
        if statement.startswith("SELECT") and "LIMIT" in statement and "wm_attempt" not in statement
    ]


async def test_dead_letters_are_listed_and_marked_by_index_and_not_sorted(
    units: SqlUnitOfWorkFactory, store: MysqlStore, statements: Statements
) -> None:
    letters = SqlDeadLetterReader(store.read)
    for before in (None, 7):
        await letters.dead_letters(DEFAULT_TENANT, DeadLetterSource.INTAKE, limit=10, before=before)
    await letters.dead_letter(DEFAULT_TENANT, 7)
    async with units() as unit:
        await unit.dead_letters.replayed(7, "target", NOW)
    assert len(statements.seen) == 4
    assert await _scanned(statements) == []
    assert await _filesorted(statements) == set()


async def test_erasures_walk_ranges_of_indexes_and_change_by_key(
    store: MysqlStore, units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    await change_erasures(units, limit=1_000)
    await SqlErasureReader(store.read).next()
    assert len(statements.seen) > 30
    small = {"wm_erasure", "wm_webhook_delivery", "wm_pool_choice"}  # of one row here
    assert [line for line in await _scanned(statements) if line.table not in small] == []
    assert await _filesorted(statements) == set()


async def test_media_are_read_and_changed_by_indexes(
    units: SqlUnitOfWorkFactory, statements: Statements, migrated: EmptyDatabase
) -> None:
    assets = "INSERT INTO wm_media (id, state, created_at, address_key, sha256) SELECT id, 'READY', 1, 'k', CONCAT('h', id) FROM wm_message"
    job = f"'default', id, 'p', 'IMAGE', id, 0, {NOW + 600_000}"
    jobs = f"INSERT INTO wm_media_job (tenant_id, subject, provider_code, kind, media_id, tries, due_at) SELECT {job} FROM wm_message"  # noqa: S608 -- a number
    due_at = NOW + 10**9
    bytes_ = f"INSERT INTO wm_media_bytes (tenant_id, sha256, due_at) SELECT 'default', id, {due_at} FROM wm_message"  # noqa: S608 -- a number
    handles = (
        "INSERT INTO wm_media_handle SELECT 'default', id, 'p', 'IMAGE', 1, 'f', '', '', 1, '', NULL FROM wm_message"
    )
    tables = "wm_media, wm_media_job, wm_media_bytes, wm_media_handle"
    migrated.sql(f"{assets}; {jobs}; {bytes_}; {handles}; ANALYZE TABLE {tables}")
    await change_media(units)
    lines = [line for line in await statements.plans() if line.table.startswith("wm_media")]
    assert len({line.statement for line in lines}) > 20
    # A page of an index in its order is no scan: it ends at its limit.
    assert [line for line in lines if line.kind in {"ALL", "index"} and "LIMIT" not in line.statement] == []
    assert not [line for line in lines if "filesort" in line.extra or "temporary" in line.extra]
    keys = {(line.table, line.key) for line in lines}
    assert {
        ("wm_media", "uq_wm_media_tenant_id_url_key"),
        ("wm_media", "ix_wm_media_bytes"),
        ("wm_media", "ix_wm_media_preview"),
        ("wm_media_job", "ix_wm_media_job_due"),
        ("wm_media_use", "ix_wm_media_use_waits"),
        ("wm_media_use", "ix_wm_media_use_media"),
        ("wm_media_bytes", "ix_wm_media_bytes_due"),
    } <= keys


async def test_each_class_of_the_claim_is_locked_in_the_order_of_its_index(
    units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements, migrated: EmptyDatabase
) -> None:
    await change_messages(units, clock)
    # A backlog of few accounts: the planner then walks them by a loose scan, and reads no backlog. It goes by its statistics.
    migrated.sql("UPDATE wm_due SET turn = CONCAT('account-', seq % 4); ANALYZE TABLE wm_due")
    locks = [line for line in await statements.plans() if "SKIP LOCKED" in line.statement and line.table == "wm_due"]
    named = [line for line in locks if "message_id IN" in line.statement]
    assert {(line.key, line.kind) for line in named} <= {
        ("uq_wm_due_message_id", "range"),
        ("uq_wm_due_message_id", "const"),
    }
    assert named
    # What waits is parked only behind a row that can be locked: those that hold lanes, and those that wait before it.
    holders = [line for line in locks if "wm_due.lane IN" in line.statement]
    assert {(line.key, line.kind) for line in holders} <= {("ix_wm_due_lane", "range"), ("ix_wm_due_lane", "ref")}
    heads = [line for line in locks if "wm_due.seq IN" in line.statement]
    assert {(line.key, line.kind) for line in heads} <= {("PRIMARY", "range"), ("PRIMARY", "const")}
    assert holders
    assert any("wm_due.seq IN" in statement and "SKIP LOCKED" in statement for statement in statements.seen)
    unnamed = {(line.key, line.kind) for line in locks if line not in [*named, *holders, *heads]}
    assert unnamed <= {("ix_wm_due_turn", "range"), ("ix_wm_due_turn", "ref"), ("ix_wm_due_when", "range")}
    assert unnamed
    walk = [line for line in await statements.plans() if "GROUP BY wm_due.turn" in line.statement]
    assert {(line.key, line.kind) for line in walk} == {("ix_wm_due_turn", "range")}
    assert all("Using index for group-by" in line.extra for line in walk)
    lanes = [line for line in await statements.plans() if line.table in {"waiting", "scheduled", "other", "d"}]
    assert {(line.table, line.key) for line in lanes} == {
        (name, "ix_wm_due_lane") for name in ("waiting", "scheduled", "other", "d")
    }


async def test_readers_find_what_they_need_by_index(reader: SqlMessageReader, statements: Statements) -> None:
    await read_everything(reader)
    assert len(statements.seen) > 8
    assert await _scanned(statements) == []


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (MessageFilter(), "PRIMARY"),
        (MessageFilter(message_type="TEXT", provider_code=PROVIDER), "PRIMARY"),
        (MessageFilter(created_from=NOW, created_to=NOW + 1), "PRIMARY"),
        (MessageFilter(client_message_id="key"), "PRIMARY"),
        (MessageFilter(status=MessageStatus.UNKNOWN, account_id="a"), "ix_wm_message_status"),
        (MessageFilter(status=MessageStatus.SENT, message_type="TEXT"), "ix_wm_message_status"),
        (MessageFilter(guid=Guid("other-1")), "ix_wm_message_account"),
        (MessageFilter(account_id="a", status=MessageStatus.SENT), "ix_wm_message_account"),
        (MessageFilter(conversation_id=CONVERSATION, guid=GUID), "ix_wm_message_conversation"),
        (MessageFilter(campaign_id="spring", created_to=NOW), "ix_wm_message_campaign"),
        (MessageFilter(batch_id=a_batch_id()), "ix_wm_message_batch"),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(name for name, _, _ in value.active()) or "all",
)
async def test_a_list_reads_one_range_of_an_index_in_the_order_of_ids(
    filters: MessageFilter, index: str, units: SqlUnitOfWorkFactory, reader: SqlMessageReader, statements: Statements
) -> None:
    async with units() as unit:
        await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "key", b"f" * 32, a_due_message().id)])
        await unit.commit()
    for before in (None, a_due_message().id):
        await reader.page(DEFAULT_TENANT, filters, limit=10, before=before)
    lines = [line for line in await statements.plans() if "SELECT wm_message.id \n" in line.statement]
    lines = [line for line in lines if "wm_message.id = " not in line.statement]  # whose the end of a walk is: one row
    assert {line.key for line in lines if line.table == "wm_message"} <= {index}
    assert [line for line in lines if line.kind == "ALL"] == []
    if filters.batch_id is None:  # a batch has 200 items at most
        assert await _filesorted(statements) == set()


async def test_callbacks_of_a_type_are_read_in_the_order_of_their_own_index(
    reader: SqlMessageReader, statements: Statements
) -> None:
    await reader.callbacks(None, Guid("other-1"), notify_type=11010, limit=10, before=None)
    await reader.callbacks(None, Guid("other-1"), notify_type=None, limit=10, before=None)
    pages = [line.key for line in await statements.plans() if "SELECT wm_callback.id \n" in line.statement]
    assert pages == ["ix_wm_callback_type", "ix_wm_callback_guid"]
    assert await _filesorted(statements) == set()


async def test_failed_messages_are_read_in_one_range_of_the_index_by_status(
    store: MysqlStore, migrated: EmptyDatabase, statements: Statements
) -> None:
    migrated.sql(
        "UPDATE wm_message SET status = 'FAILED', confirmed = 1 WHERE RIGHT(conversation_id, 1) > 4; ANALYZE TABLE wm_message"
    )
    await read_failures(SqlFailedMessageReader(store.search))
    lines = await statements.plans()
    assert {(line.table, line.key) for line in lines if line.table.startswith("wm_")} == {
        ("wm_message", "ix_wm_message_status"), ("wm_attempt", "PRIMARY"),
    }  # fmt: skip
    assert [line for line in lines if line.kind == "ALL" and line.table in ("wm_message", "wm_attempt")] == []
    assert all("GROUP BY" in statement for statement in await _filesorted(statements))


async def test_replays_are_found_by_index_and_not_sorted(
    units: SqlUnitOfWorkFactory, store: MysqlStore, migrated: EmptyDatabase, statements: Statements
) -> None:
    async with units() as unit:
        for number in range(200):
            items = [ReplayItem(a_message_id(), ItemState.OPEN, round=2) for _ in range(10)]
            await unit.replays.add(a_replay(f"s-{number:03}"), items)
        await unit.commit()
    migrated.sql("ANALYZE TABLE wm_replay, wm_replay_item")
    statements.seen.clear()
    await change_replays(units)
    await read_replays(SqlReplayReader(store.read))
    assert len(statements.seen) > 12
    assert [line for line in await _scanned(statements) if line.key != "PRIMARY"] == []
    assert await _filesorted(statements) == set()


async def test_accounts_without_a_sibling_are_looked_for_in_a_range_of_the_index_by_account(
    store: MysqlStore, statements: Statements
) -> None:
    reader = SqlBindingReader(store.read, store.search, max_walked=20)
    page = await reader.without_sibling(
        DEFAULT_TENANT, PROVIDER, [PROVIDER], limit=9, after=implicit_account_id(Guid("g1"))
    )
    assert (len(page.bindings), page.following) == (9, page.bindings[-1].account_id)
    kinds = {(line.table, line.kind) for line in await statements.plans()}
    assert kinds <= {
        ("wm_binding", "range"),
        ("wm_account", "eq_ref"),
        ("wm_account", "range"),
        ("wm_binding", "ref"),
    }, kinds
    assert {line.key for line in await statements.plans() if line.table == "wm_binding"} == {
        "ix_wm_binding_account", "PRIMARY",
    }  # fmt: skip


async def test_no_statement_counts_rows_to_skip_them(
    units: SqlUnitOfWorkFactory, clock: SettableClock, reader: SqlMessageReader, statements: Statements
) -> None:
    await change_messages(units, clock)
    await receive_callbacks(units)
    await read_everything(reader)
    assert [statement for statement in statements.seen if "OFFSET" in statement or "SQL_CALC" in statement] == []


async def test_every_statement_can_be_read_with_the_grammar_of_mysql_8(
    store: MysqlStore,
    units: SqlUnitOfWorkFactory,
    clock: SettableClock,
    reader: SqlMessageReader,
    statements: Statements,
) -> None:
    await change_messages(units, clock)
    await receive_callbacks(units)
    await read_everything(reader)
    await maintain(units, SqlStoreMetrics(store.read, store.dialect, clock))
    await read_failures(SqlFailedMessageReader(store.search))
    await change_replays(units)
    await read_replays(SqlReplayReader(store.read))
    await pull_streams(units, SqlStreamReader(store.read))
    for statement in statements.seen:
        assert sqlglot.parse_one(statement.replace("%s", "?").replace("%%", "%"), dialect="mysql") is not None
