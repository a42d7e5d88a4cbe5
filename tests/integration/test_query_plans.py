"""The plans of every statement of the SQL adapter on SQLite: by index, and sorted by index where much is read."""

import dataclasses
import itertools
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Result, Select, create_engine, event, insert
from tests.contracts.dead_letters_contract import a_letter
from tests.contracts.erasures_contract import a_sent_message as a_sent_message_to
from tests.contracts.erasures_contract import an_erasure
from tests.contracts.replays_contract import a_replay
from tests.support.builders.api_keys import a_tenant, an_api_key
from tests.support.builders.audit import an_entry
from tests.support.builders.callback_tokens import a_token
from tests.support.builders.control import a_pause
from tests.support.builders.media import (
    HOLDER,
    a_handle,
    a_handle_key,
    a_message_with,
    an_asset,
    an_asset_of_url,
    an_upload,
    some_facts,
)
from tests.support.builders.messages import (
    BACKUP,
    CONVERSATION,
    DAY_MS,
    GUID,
    HORIZON_MS,
    NOW,
    PROVIDER,
    a_batch_id,
    a_due_message,
    a_mass_message,
    a_message_id,
    a_sent_message,
    a_stream_record,
    an_item,
    an_outcome,
    begin_call,
    settle,
)
from tests.support.builders.webhooks import TAKEN, a_delivery, an_endpoint
from tests.support.sqlite import migrated_store

from wework_message.adapters.envelope import EnvelopeCipher
from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.mapping.account_rows import account_row, binding_row
from wework_message.adapters.sql.mapping.tables import account, binding, metadata
from wework_message.adapters.sql.repositories.account_reader import SqlAccountReader
from wework_message.adapters.sql.repositories.audit import SqlAuditReader
from wework_message.adapters.sql.repositories.bindings import SqlBindingReader
from wework_message.adapters.sql.repositories.dead_letters import SqlDeadLetterReader
from wework_message.adapters.sql.repositories.erasures import SqlErasureReader
from wework_message.adapters.sql.repositories.failed_messages import SqlFailedMessageReader
from wework_message.adapters.sql.repositories.mass_reader import SqlMassReader
from wework_message.adapters.sql.repositories.media_reader import SqlMediaReader
from wework_message.adapters.sql.repositories.reader import SqlMessageReader
from wework_message.adapters.sql.repositories.replays import SqlReplayReader
from wework_message.adapters.sql.repositories.secret_keys import SECRET_PARTS, count_secrets, renew_secrets
from wework_message.adapters.sql.repositories.store_metrics import SqlStoreMetrics
from wework_message.adapters.sql.repositories.streams import SqlStreamReader
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.adapters.sql.repositories.webhook_reader import SqlWebhookReader, overdue_since
from wework_message.adapters.sql.sqlite.dialect import SqliteDialect
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.domain.account import Account, Binding, implicit_account_id
from wework_message.domain.audit import AuditAction, AuditFilter
from wework_message.domain.control import PauseScope
from wework_message.domain.erasure import PARTS, Part, Subject
from wework_message.domain.failed_messages import FailureFilter
from wework_message.domain.ids import (
    DEFAULT_TENANT,
    AccountId,
    BindingId,
    ErasureId,
    Guid,
    MediaId,
    PlacementId,
    ProviderMessageId,
    ReplayId,
)
from wework_message.domain.inbox import REPLAYABLE
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.mass.chunks import cut
from wework_message.domain.mass.confirmation import Confirmation
from wework_message.domain.media.asset import MediaFailure
from wework_message.domain.message.sent_message import Echo
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.placement import Placement
from wework_message.domain.pools import PoolChoice
from wework_message.domain.ports.accounts import AccountFilter
from wework_message.domain.ports.dead_letters import DeadLetterSource
from wework_message.domain.ports.inbox import ReplaySelection
from wework_message.domain.ports.mass import MassTask
from wework_message.domain.ports.media_store import BlobKey
from wework_message.domain.ports.repositories import IdempotencyKey, InboxState, InboxVerdict, NewBatch, UnitOfWork
from wework_message.domain.ports.streams import StreamReader
from wework_message.domain.replay import START, ItemState, ReplayItem, ReplayState, Selection
from wework_message.domain.routing.shares import Turn
from wework_message.domain.stream import StreamPosition

PROVIDER_MESSAGE_ID: Final = ProviderMessageId("4711")
TINY: Final = {"wm_finished", "wm_pause", "wm_callback_token", "wm_webhook", "wm_api_key", "wm_tenant"}
"""Tables of a few rows, which are read whole."""


class Statements:
    """The statements that the adapter executes, and their plans on SQLite."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: dict[str, Any] = {}

    def watch(self, *engines: object) -> None:
        for engine in engines:
            event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, *event_arguments: Any) -> None:
        _, _, statement, parameters, _, many = event_arguments
        if statement.startswith(("SELECT", "WITH", "UPDATE", "DELETE", "INSERT")):
            self._seen[statement] = parameters[0] if many else parameters

    def plans(self) -> Iterator[tuple[str, str]]:
        """(statement, one line of its plan)."""
        connection = sqlite3.connect(self._path)
        try:
            for statement, parameters in self._seen.items():
                for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
                    yield statement, row[3]
        finally:
            connection.close()

    def forget(self) -> None:
        """Those that come from now on only."""
        self._seen.clear()

    def __len__(self) -> int:
        return len(self._seen)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wework-message.db"


@pytest.fixture
async def opened(path: Path) -> AsyncIterator[SqliteStore]:
    store = await migrated_store(path)
    yield store
    await store.close()


@pytest.fixture
def statements(path: Path, opened: SqliteStore) -> Statements:
    statements = Statements(path)
    statements.watch(opened._engine, opened._reading)
    return statements


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(NOW)


@pytest.fixture
def units(opened: SqliteStore, clock: SettableClock) -> SqlUnitOfWorkFactory:
    return SqlUnitOfWorkFactory(opened, SqliteDialect(), clock)


@pytest.fixture
def reader(opened: SqliteStore) -> SqlMessageReader:
    return SqlMessageReader(opened.read, opened.search)


def scanned(statements: Statements) -> set[str]:
    """Tables of which a statement reads every row, or every entry of an index."""
    names = {match[1] for _, line in statements.plans() if (match := re.match(r"SCAN (\w+)", line)) is not None}
    return {name for name in names if name.startswith("wm_")} - TINY


def sorted_without_index(statements: Statements) -> list[str]:
    return [statement for statement, line in statements.plans() if "TEMP B-TREE" in line]


async def change_messages(units: SqlUnitOfWorkFactory, clock: SettableClock) -> None:
    """Every write to messages, keys and accounts."""
    batch = NewBatch(a_batch_id(), DEFAULT_TENANT, "FANOUT", 2, NOW)
    first, second, third = [
        a_due_message(conversation_id=conversation, batch_id=batch.id, group_id=batch.id, index=index)
        for index, conversation in enumerate((CONVERSATION, CONVERSATION, "R:1"))
    ]
    async with units() as unit:
        await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "key", b"f" * 32, first.id)])
        await unit.messages.busy_lanes([(implicit_account_id(GUID), "S:1"), (implicit_account_id(GUID), "S:2")])
        await unit.messages.add([first, second, third], [batch])
        await unit.accounts.open(DEFAULT_TENANT, [(GUID, PROVIDER)])
        await unit.commit()
    async with units() as unit:
        await unit.messages.due(10, turn=None)
    async with units() as unit:
        due = {claimed.message.id: claimed.message for claimed in await unit.messages.due(10)}
        for message in (due[first.id], due[third.id]):
            begin_call(message)
        due[second.id].wait_in_lane(now=NOW)
        await unit.messages.save(list(due.values()))
        await unit.messages.pace({second.id: PROVIDER})
        await unit.commit()
    async with units() as unit:  # one lane becomes uncertain, one rests
        settle(due[first.id], an_outcome(OutcomeClass.UNCERTAIN))
        settle(due[third.id], an_outcome(OutcomeClass.ACCEPTED))
        await unit.messages.save([due[first.id], due[third.id]])
        await unit.messages.group(batch.id)
        await unit.messages.sent_as([(PROVIDER, GUID, PROVIDER_MESSAGE_ID)])
        await unit.echoes.sent([(PROVIDER, GUID, PROVIDER_MESSAGE_ID)])
        await unit.echoes.deliver([Echo(a_sent_message(), "key")], NOW)
        await unit.messages.accepted_sender(PROVIDER, GUID)
        await unit.messages.uncertain(PROVIDER, [GUID])
        await unit.messages.unanswered(PROVIDER, GUID)
        await unit.messages.count({(PROVIDER, "TEXT", "ACCEPTED"): 1})
        await know_accounts(unit, first.account_id)
        await unit.commit()
    async with units() as unit:  # messages of a wake-up: as many as there are free slots, and more
        await unit.messages.due(10, among=[first.id, second.id])
        await unit.messages.due(2, among=[first.id, second.id, third.id])
    clock.advance(2 * HORIZON_MS)
    async with units() as unit:
        (overdue,) = [claimed.message for claimed in await unit.messages.due(10) if claimed.message.id == first.id]
        overdue.open_lane(next_ms=None, now=clock.now())
        await unit.messages.save([overdue])
        await unit.messages.unpace([second.id])
        choice = PoolChoice(DEFAULT_TENANT, "sales", "R:1", AccountId("a"))
        await unit.accounts.choose(
            [choice, choice._replace(account_id=AccountId("b"), instead_of=AccountId("a"))], now=NOW
        )
        await unit.pauses.pause(a_pause())
        await unit.pauses.resume(DEFAULT_TENANT, PauseScope.SERVICE, "")
        await place_accounts(unit)
        await change_tokens(unit)
        await change_keys(unit)
        await unit.commit()


async def know_accounts(unit: UnitOfWork, account_id: AccountId) -> None:
    await unit.accounts.accounts([account_id])
    (binding,) = await unit.accounts.binding_of(GUID)
    await unit.accounts.learn(binding.binding_id, "1688")
    await unit.accounts.observe(binding.binding_id, online=True)
    await unit.accounts.learn(binding.binding_id, "1688", only_if_unknown=True)


async def place_accounts(unit: UnitOfWork) -> None:
    await unit.placements.begin(Placement(PlacementId("p"), DEFAULT_TENANT, AccountId("new"), PROVIDER, NOW))
    await unit.placements.end(DEFAULT_TENANT, AccountId("new"), PlacementId("p"))
    await unit.placements.end(DEFAULT_TENANT, AccountId("new"))


async def change_tokens(unit: UnitOfWork) -> None:
    await unit.callback_tokens.add(a_token())
    await unit.callback_tokens.all()
    await unit.callback_tokens.end(a_token().token_id, NOW)
    await unit.callback_tokens.delete([a_token().token_id])


async def change_keys(unit: UnitOfWork) -> None:
    await unit.api_keys.begin_change(DEFAULT_TENANT)
    await unit.api_keys.add(an_api_key())
    await unit.api_keys.all()
    await unit.api_keys.get(an_api_key().key_id)
    await unit.api_keys.used([an_api_key().key_id], NOW)
    await unit.api_keys.end(an_api_key().key_id, NOW)
    await unit.api_keys.delete([an_api_key().key_id])
    await unit.tenants.all()
    await unit.tenants.add(a_tenant())
    await unit.tenants.disable(a_tenant().tenant_id, NOW)


async def receive_callbacks(units: SqlUnitOfWorkFactory) -> None:
    """Every write to callbacks."""
    async with units() as unit:
        item = an_item()
        await unit.inbox.store(PROVIDER, [item], NOW)
        (entry,) = await unit.inbox.pending(10)
        await unit.inbox.decide([InboxVerdict(entry.id, InboxState.PARKED, provider_message_id=PROVIDER_MESSAGE_ID)])
        await unit.inbox.repeat(PROVIDER, [item], NOW)
        await unit.inbox.reopen([(PROVIDER, GUID, PROVIDER_MESSAGE_ID)], [(PROVIDER, GUID)], since=NOW)
        await unit.inbox.orphan(limit=10, before=NOW)
        await unit.inbox.orphan(limit=10, keep=0)
        await unit.inbox.replay(ReplaySelection(REPLAYABLE, NOW), limit=10, before=None)
        await unit.inbox.replay(ReplaySelection(REPLAYABLE, NOW, GUID), limit=10, before=7)
        await unit.inbox.known(PROVIDER, [item], [11010, 11013])
        await unit.inbox.surroundings(
            PROVIDER, [an_item(stream_record=a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID))]
        )
        await unit.inbox.has_newer(PROVIDER, GUID, 11003, NOW)
        await unit.inbox.unmatched(PROVIDER, GUID, since=NOW, limit=10)
        await unit.commit()


async def pull_streams(units: SqlUnitOfWorkFactory, streams: StreamReader) -> None:
    """Everything that a pull reads and writes, after `change_messages`."""
    async with units() as unit:
        for cursor in ("1", "2"):
            await unit.streams.save(PROVIDER, GUID, StreamPosition(implicit_account_id(GUID), 0, cursor))
        await unit.commit()
    assert len(await streams.positions(PROVIDER, [GUID])) == 1
    assert len(await streams.uncertain(PROVIDER, limit=10)) == 1
    await streams.newest_seq(PROVIDER, GUID, implicit_account_id(GUID))


async def maintain(units: SqlUnitOfWorkFactory, store_metrics: SqlStoreMetrics) -> None:
    """Leases, pruning and store metrics: everything that one process does for the cluster."""
    async with units() as unit:
        await unit.leases.take("lease", "holder", 1_000)
        await unit.leases.release("lease", "holder")
        await unit.leases.prune("activation:", older_than_ms=-1, limit=10)
        await unit.pruning.keys(older_than_ms=-1, limit=10)
        await unit.pruning.texts(InboxState.PARKED, older_than_ms=-1, limit=10)
        await unit.pruning.callbacks(InboxState.PARKED, older_than_ms=-1, limit=10)
        for status in (MessageStatus.SENT, MessageStatus.UNKNOWN):
            await unit.pruning.contents(status, older_than_ms=-1, limit=10)
            await unit.pruning.messages(status, older_than_ms=-1, limit=10)
        await unit.commit()
    await store_metrics.oldest_due_ms()
    await store_metrics.unknown_open()
    await store_metrics.oldest_open_ms()
    await store_metrics.inbox_lag_ms()
    await store_metrics.violations()


async def test_writers_find_what_they_need_by_index(
    units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_messages(units, clock)
    await receive_callbacks(units)
    assert len(statements) > 20
    assert scanned(statements) == set()


async def test_writers_sort_at_most_what_they_have_limited(
    units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_messages(units, clock)
    await receive_callbacks(units)
    in_turn, by_age, attempts, uncertain = sorted(set(sorted_without_index(statements)), key=len, reverse=True)
    for claim in (in_turn, by_age):
        assert claim.count("LIMIT") >= 4  # each class is cut before the classes are put in order
    assert "wm_attempt.message_id IN" in attempts  # those of the messages that are claimed
    assert "wm_attempt.started_at >=" in uncertain  # those of one guid, for a day


async def test_a_paused_account_costs_a_claim_no_statement_and_no_row_however_many_of_its_messages_wait(
    units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements, path: Path
) -> None:
    async with units() as unit:
        await unit.messages.add([a_due_message(conversation_id=f"S:{number}") for number in range(1_000)])
        await unit.messages.add([other := a_due_message(guid=Guid("z"), account_id=implicit_account_id(Guid("z")))])
        await unit.commit()
    clock.advance(1)
    before, rows = len(statements), stored_due_rows(path)
    async with units() as unit:
        without = frozenset({implicit_account_id(GUID)})
        claimed = await unit.messages.due(50, turn=Turn(without=without, others=50))
        await unit.commit()
    assert [item.message.id for item in claimed] == [other.id]
    assert (
        len(statements) - before <= 5
    )  # what came due, the walk, the accounts in turn, the messages and their attempts
    assert stored_due_rows(path) == rows
    assert scanned(statements) == set()
    walk = {line for statement, line in statements.plans() if statement.startswith("WITH") and "wm_due" in statement}
    assert "SEARCH following USING COVERING INDEX ix_wm_due_turn (turn>?)" in walk


def stored_due_rows(path: Path) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT * FROM wm_due ORDER BY seq").fetchall()
    finally:
        connection.close()


async def test_a_claim_reads_what_came_due_and_each_account_in_order_from_the_index(
    units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_messages(units, clock)
    lines = [(statement, line) for statement, line in statements.plans() if "ix_wm_due_turn" in line]
    timed = [line for statement, line in lines if "wm_due.urgency = " in statement]
    assert timed == ["SEARCH wm_due USING INDEX ix_wm_due_turn (turn=? AND urgency=? AND due_at<?)"] * 3
    by_age = [line for _, line in statements.plans() if "wm_due USING INDEX ix_wm_due_when" in line]
    assert by_age == ["SEARCH wm_due USING INDEX ix_wm_due_when (urgency=? AND due_at<?)"] * 3
    first = {line for statement, line in lines if "wm_due.turn = ?" in statement}
    assert first == {"SEARCH wm_due USING INDEX ix_wm_due_turn (turn=?)"}
    walk = {line for statement, line in lines if statement.startswith("WITH")}
    assert walk == {"SEARCH following USING COVERING INDEX ix_wm_due_turn (turn>?)"}
    lanes = [line for statement, line in statements.plans() if "ix_wm_due_lane" in line and "UNION ALL" in statement]
    assert all("lane=? AND place=?" in line for line in lanes)


async def test_limits_of_accounts_are_kept_by_reads_of_indexes(
    units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_messages(units, clock)
    before = {statement for statement, _ in statements.plans()}
    account_id = implicit_account_id(GUID)
    async with units() as unit:
        await unit.messages.add([a_due_message(conversation_id="R:9")])
        await unit.commit()
    async with units() as unit:
        await unit.messages.last_starts([(account_id, CONVERSATION)])
        await unit.due_times.recheck_limited(account_id, 10)
        await unit.messages.due(10, turn=Turn(no_bulk=frozenset({account_id})))
        await unit.leases.held(["sender:1"])
    plans = [(statement, line) for statement, line in statements.plans() if statement not in before]
    reads = {line for _, line in plans}
    assert not [line for _, line in plans if line.startswith("SCAN wm_") or "TEMP B-TREE" in line]
    assert {
        "SEARCH wm_message USING INDEX ix_wm_message_conversation (conversation_id=?)",
        "SEARCH wm_message USING INDEX ix_wm_message_status (status=?)",
        "SEARCH wm_due USING INDEX ix_wm_due_turn (turn=? AND urgency<?)",
    } <= reads


async def test_pulls_read_ranges_of_indexes(
    opened: SqliteStore, units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_messages(units, clock)
    before = {statement for statement, _ in statements.plans()}
    await pull_streams(units, SqlStreamReader(opened.read))
    plans = [(statement, line) for statement, line in statements.plans() if statement not in before]
    assert len(plans) >= 6
    assert not [line for _, line in plans if line.startswith("SCAN wm_") or "TEMP B-TREE" in line]


async def test_events_are_claimed_ended_recovered_and_listed_by_indexes(
    opened: SqliteStore, units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    reader, endpoint = SqlWebhookReader(opened.read), an_endpoint()
    async with units() as unit:
        await unit.webhooks.put(endpoint)
        await unit.webhooks.put(endpoint)
        await unit.webhooks.record([a_delivery("e-1"), a_delivery("e-2", sequence=2)])
        await unit.commit()
    assert await reader.due([endpoint.id], now=NOW) == [endpoint.id]
    async with units() as unit:
        (claimed,) = await unit.webhooks.claim({endpoint.id: 10}, now=NOW)
        await unit.webhooks.give_back([claimed], now=NOW)
        (claimed,) = await unit.webhooks.claim({endpoint.id: 10}, now=NOW)
        await unit.webhooks.end([claimed.answered(TAKEN, now=NOW, fraction=0.5)], now=NOW)
        await unit.webhooks.delivered_since(endpoint.id, 0)
        await unit.webhooks.recover(endpoint.id, since=0, limit=10, now=NOW)
        await unit.webhooks.endpoint(DEFAULT_TENANT, endpoint.id)
        await unit.webhooks.endpoints()
        await unit.commit()
    await reader.deliveries(DEFAULT_TENANT, endpoint.id, limit=10, before=None)
    await opened.read(overdue_since)
    async with units() as unit:
        await unit.webhooks.record([a_delivery("e-3").withheld(NOW)])
        await unit.pruning.deliveries(older_than_ms=1, limit=10, beyond=1)
        await unit.webhooks.delete(DEFAULT_TENANT, endpoint.id)
        await unit.commit()
    assert scanned(statements) == set()
    assert sorted_without_index(statements) == []
    assert {
        "SEARCH wm_webhook_delivery USING INDEX ix_wm_webhook_delivery_due (endpoint_id=? AND due_at<?)",
        "SEARCH wm_webhook_delivery USING INDEX ix_wm_webhook_delivery_message (endpoint_id=? AND message_id=?)",
        "SEARCH wm_webhook_delivery USING INDEX ix_wm_webhook_delivery_state (endpoint_id=? AND state=? AND created_at>?)",
    } <= {line for _, line in statements.plans()}


async def test_mass_sends_find_what_they_need_by_index(
    opened: SqliteStore,
    units: SqlUnitOfWorkFactory,
    clock: SettableClock,
    statements: Statements,
    reader: SqlMessageReader,
) -> None:
    batch_id = a_batch_id()
    messages = [a_mass_message(batch_id, index) for index in range(2)]
    (chunk,) = cut(messages)
    async with units() as unit:
        await unit.mass.add([chunk])
        await unit.messages.add(messages, [NewBatch(batch_id, DEFAULT_TENANT, "MASS_SEND", 2, NOW)])
        await unit.mass.announce(Confirmation(b"1" * 32, b"2" * 32, NOW))
        await unit.commit()
    mass_reader = SqlMassReader(opened.read, opened.dialect, clock)
    assert await mass_reader.chunk_due()
    assert not await mass_reader.check_due()
    async with units() as unit:
        await unit.mass.due(5)
        await unit.mass.later(chunk, 1, paced_for=PROVIDER)
        owners = {message.conversation_id: message.id for message in messages}
        await unit.mass.take_days(DEFAULT_TENANT, chunk.account_id, "2026-11-30", owners)
        await unit.mass.take_days(DEFAULT_TENANT, chunk.account_id, "2026-11-30", dict.fromkeys(owners, a_message_id()))
        await unit.mass.called(task := MassTask(chunk, PROVIDER, GUID, "t", NOW), check_in_ms=0)
        await unit.mass.checked(task, check_in_ms=0)
        await unit.mass.checks(5, again_in_ms=1)
        await unit.mass.recipients(chunk)
        await unit.mass.accepted(PROVIDER, GUID, chunk.account_id, list(owners))
        await unit.mass.confirm(b"1" * 32, b"2" * 32, now=NOW)
        await unit.due_times.shorten(5)
        await unit.due_times.recheck_limited(chunk.account_id, 5)
        await unit.pruning.mass_days(older_than_ms=1, limit=5)
        await unit.commit()
    await reader.messages(DEFAULT_TENANT, [message.id for message in messages])
    await reader.batch(DEFAULT_TENANT, batch_id)
    await SqlStoreMetrics(opened.read, opened.dialect, clock).oldest_due_ms()
    assert scanned(statements) == set()
    assert [statement for statement in sorted_without_index(statements) if "wm_mass" in statement] == []


async def test_maintenance_reads_ranges_of_indexes(
    opened: SqliteStore, units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_messages(units, clock)
    await receive_callbacks(units)
    before = len(statements)
    await maintain(units, SqlStoreMetrics(opened.read, opened.dialect, clock))
    assert len(statements) > before + 15
    assert scanned(statements) == set()
    for statement in sorted_without_index(statements):
        if statement.startswith("SELECT") and "wm_due.urgency" not in statement:
            assert "ORDER BY wm_idempotency_key" not in statement
            assert "ORDER BY wm_callback" not in statement


async def test_uncertain_attempts_are_found_without_reading_the_history_of_their_guid(
    units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    async with units() as unit:
        await unit.messages.uncertain(PROVIDER, [GUID])
    used = [line for _, line in statements.plans() if "wm_attempt" in line]
    assert len(used) == 1
    assert "ix_wm_attempt_uncertain (guid=? AND provider_code=? AND outcome=? AND started_at>?)" in used[0]


async def test_what_is_known_of_records_that_come_is_found_by_index(
    units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    items = [an_item(stream_record=a_stream_record(provider_message_id=PROVIDER_MESSAGE_ID)) for _ in range(3)]
    async with units() as unit:
        await unit.inbox.surroundings(PROVIDER, items)
    searched = [re.sub(r".* INDEX \S+ ", "", line) for _, line in statements.plans() if line.startswith("SEARCH")]
    assert searched == [
        "(provider_code=? AND guid=? AND notify_type=? AND event_key=?)",
        "(provider_message_id=?)",
        "(provider_code=? AND guid=?)",
        "(account_id=?) LEFT-JOIN",
        "(guid=? AND provider_code=? AND outcome=? AND started_at>?)",
        "(account_id=?)",
        "(account_id=?)",
    ]


async def test_open_calls_are_found_without_reading_the_history_of_their_guid(
    units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    async with units() as unit:
        await unit.messages.unanswered(PROVIDER, GUID)
    (used,) = [line for _, line in statements.plans() if "wm_attempt" in line]
    assert "ix_wm_attempt_uncertain (guid=? AND provider_code=? AND outcome=? AND started_at>?)" in used


async def test_parked_callbacks_open_again_without_reading_all_that_are_parked(
    units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    async with units() as unit:
        await unit.inbox.reopen([(PROVIDER, GUID, PROVIDER_MESSAGE_ID)], [], since=NOW)
        await unit.inbox.reopen([], [(PROVIDER, GUID)], since=NOW)
    used = [line for _, line in statements.plans()]
    assert [re.sub(r".*INDEX ", "", line) for line in used] == [
        "ix_wm_callback_waits (waits_for=? AND guid=?)",
        "ix_wm_callback_recent (guid=? AND state=? AND received_at>?)",
    ]


async def test_open_callbacks_of_a_guid_are_read_by_the_index_that_has_no_applied_ones(
    units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    async with units() as unit:
        await unit.inbox.count(InboxState.PENDING, limit=10, guid=GUID)
        await unit.inbox.discard(InboxState.QUARANTINED, limit=10, keep=5, guid=GUID)
        await unit.inbox.unmatched(PROVIDER, GUID, since=NOW, limit=10)
    used = [re.sub(r".*INDEX ", "", line) for _, line in statements.plans() if line.startswith("SEARCH")]
    assert used == [
        "ix_wm_callback_recent (guid=? AND state=?)",
        "ix_wm_callback_recent (guid=? AND state=?)",
        "ix_wm_callback_recent (guid=? AND state=? AND received_at>?)",
    ]


async def test_the_limits_of_the_inbox_are_kept_by_index_and_nothing_is_sorted(
    units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    async with units() as unit:
        await unit.inbox.count(InboxState.PENDING, limit=10)
        await unit.inbox.count(InboxState.PENDING, limit=10, guid=GUID)
        await unit.inbox.discard(InboxState.QUARANTINED, limit=10, keep=5)
        await unit.inbox.discard(InboxState.QUARANTINED, limit=10, keep=5, guid=GUID)
        await unit.inbox.discard(InboxState.QUARANTINED, limit=10, before=NOW)
        await unit.inbox.orphan(limit=10, before=NOW)
        await unit.inbox.orphan(limit=10, keep=5)
        await unit.inbox.replay(ReplaySelection(REPLAYABLE, NOW), limit=10, before=7)
        await unit.inbox.replay(ReplaySelection(REPLAYABLE, NOW, GUID), limit=10, before=7)
        await unit.commit()
    used = [line for _, line in statements.plans()]
    assert not [line for line in used if "TEMP B-TREE" in line]
    assert scanned(statements) <= {"(subquery-1)", "anon_1"}


async def test_long_callbacks_are_read_one_by_one_in_the_order_of_the_page(
    units: SqlUnitOfWorkFactory, reader: SqlMessageReader, statements: Statements
) -> None:
    async with units() as unit:
        await unit.inbox.store(PROVIDER, [an_item()], NOW)
        await unit.commit()
    await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None)
    async with units() as unit:
        await unit.inbox.pending(10)
    sizes = [(statement, line) for statement, line in statements.plans() if "length(" in statement]
    assert len({statement for statement, _ in sizes}) == 2
    assert not [line for _, line in sizes if "TEMP B-TREE" in line]


async def test_readers_find_what_they_need_by_index(reader: SqlMessageReader, statements: Statements) -> None:
    message, batch = a_due_message(), a_batch_id()
    await reader.messages(DEFAULT_TENANT, [message.id])
    await reader.timeline(None, message.id)
    await reader.sent_as(DEFAULT_TENANT, GUID, PROVIDER_MESSAGE_ID)
    await reader.batch(DEFAULT_TENANT, batch)
    await reader.batch_items(None, batch, limit=10, after=-1)
    await reader.callbacks(None, GUID, notify_type=11010, limit=10, before=None)
    await reader.callbacks(None, GUID, notify_type=None, limit=10, before=7)
    await reader.callbacks(None, GUID, notify_type=None, limit=10, before=None, state=InboxState.QUARANTINED)
    await reader.callbacks(None, None, notify_type=None, limit=10, before=7, state=InboxState.QUARANTINED)
    await reader.callback(None, 7)
    await reader.counts()
    assert len(statements) > 8
    assert scanned(statements) == set()


async def test_callbacks_are_counted_no_further_than_a_limit(reader: SqlMessageReader, statements: Statements) -> None:
    await reader.callback_counts(None, limit=10)
    assert len(statements) == len(InboxState) + 1
    for statement, line in statements.plans():
        assert "LIMIT" in statement
        assert "SCAN wm_callback" not in line or "ORDER BY wm_callback.id DESC" in statement


async def test_members_of_batches_and_groups_are_read_by_the_indexes_of_members(
    units: SqlUnitOfWorkFactory, reader: SqlMessageReader, statements: Statements
) -> None:
    batch, group = NewBatch(a_batch_id(), DEFAULT_TENANT, "FANOUT", 1, NOW), a_batch_id()
    member = a_due_message(batch_id=batch.id, group_id=group, index=0)
    async with units() as unit:
        await unit.messages.add([member], [batch])
        await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "key", b"f" * 32, batch.id)])
        await unit.commit()
    await reader.batch(DEFAULT_TENANT, batch.id)
    await reader.batch_items(None, group, limit=10, after=-1)
    async with units() as unit:
        await unit.messages.group(group)
        await unit.pruning.keys(older_than_ms=-1, limit=10)
        await unit.commit()
    used = [match[1] for _, line in statements.plans() if (match := re.search(r"(ix_wm_message_\w+ .*)", line))]
    assert used == [
        "ix_wm_message_batch (batch_id=?)",  # the tally
        "ix_wm_message_batch (batch_id=? AND item_index>?)",  # items of a batch, or else of a group
        "ix_wm_message_group (group_id=? AND item_index>?)",
        "ix_wm_message_group (group_id=?)",
        "ix_wm_message_batch (batch_id=?)",  # targets of keys that have a message that does not rest
        "ix_wm_message_group (group_id=?)",
    ]
    assert scanned(statements) == set()


async def test_callbacks_of_a_type_are_read_in_the_order_of_their_own_index(
    reader: SqlMessageReader, statements: Statements
) -> None:
    await reader.callbacks(None, GUID, notify_type=11010, limit=10, before=7)
    await reader.callbacks(None, GUID, notify_type=None, limit=10, before=7)
    assert [line for _, line in statements.plans()] == [
        "SEARCH wm_callback USING COVERING INDEX ix_wm_callback_type (guid=? AND notify_type=? AND id<?)",
        "SEARCH wm_callback USING COVERING INDEX ix_wm_callback_guid (guid=? AND id<?)",
    ]


async def test_the_audit_trail_is_read_from_the_end_of_an_index_and_pruned_by_its_places(
    opened: SqliteStore, units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    reader = SqlAuditReader(opened.search)
    async with units() as unit:
        await unit.audit.append([an_entry(), an_entry()])
        await unit.pruning.audit(older_than_ms=1, limit=1)
        await unit.commit()
    for before in (None, 9):
        await reader.audit_entries(DEFAULT_TENANT, AuditFilter(), limit=9, before=before)
        whole = AuditFilter(AuditAction.KEY_REVOKE, "actor", "target", NOW, NOW + 1)
        await reader.audit_entries(DEFAULT_TENANT, whole, limit=9, before=before)
    assert scanned(statements) == set()
    assert sorted_without_index(statements) == []
    assert {
        "SEARCH wm_audit USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH wm_audit USING INDEX ix_wm_audit_tenant (tenant_id=?)",
        "SEARCH wm_audit USING INDEX ix_wm_audit_target (tenant_id=? AND target=? AND seq<?)",
    } <= {line for _, line in statements.plans()}


async def test_secrets_are_walked_through_by_primary_keys(
    opened: SqliteStore, units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    async with units() as unit:
        await unit.webhooks.put(an_endpoint())
        await unit.media.add([an_asset()])
        await unit.commit()
    before = {statement for statement, _ in statements.plans()}
    cipher = EnvelopeCipher(b"k" * 32)
    for part in SECRET_PARTS:
        await opened.transact(renew_secrets, cipher, part, "", 9)
        await opened.read(count_secrets, cipher, part, "", 9)
    lines = {line for statement, line in statements.plans() if statement not in before}
    assert {line.partition(" (")[0] for line in lines} == {
        "SEARCH wm_webhook USING INDEX sqlite_autoindex_wm_webhook_1", "SEARCH wm_media USING INDEX sqlite_autoindex_wm_media_1",
    }  # fmt: skip


async def test_dead_letters_are_listed_and_marked_by_index_and_not_sorted(
    units: SqlUnitOfWorkFactory, opened: SqliteStore, statements: Statements
) -> None:
    letters = SqlDeadLetterReader(opened.read)
    for before in (None, 7):
        await letters.dead_letters(DEFAULT_TENANT, DeadLetterSource.INTAKE, limit=10, before=before)
    await letters.dead_letter(DEFAULT_TENANT, 7)
    async with units() as unit:
        await unit.dead_letters.replayed(7, "target", NOW)
    assert len(statements) == 4
    assert scanned(statements) == set()
    assert sorted_without_index(statements) == []


async def test_registered_accounts_are_counted_in_their_index_and_listed_in_its_order(
    opened: SqliteStore, statements: Statements
) -> None:
    accounts = SqlAccountReader(opened.read, opened.read)
    registered = await accounts.registered()
    assert registered is not None
    await accounts.registered(registered.revision)
    for account_filter in (AccountFilter(), AccountFilter(guid=GUID, provider_code=PROVIDER, pool="p", enabled=True)):
        await accounts.page(DEFAULT_TENANT, account_filter, limit=10, after=AccountId("a"))
    await accounts.page(DEFAULT_TENANT, AccountFilter(include_implicit=True), limit=10, after=None)
    await accounts.chosen(DEFAULT_TENANT, "sales", "R:1")
    plans = list(statements.plans())
    of_accounts = [line for statement, line in plans if "wm_account" in statement and "wm_account" in line]
    assert all("INDEX" in line or "PRIMARY KEY" in line for line in of_accounts), of_accounts
    assert any("COVERING INDEX ix_wm_account_registered" in line for line in of_accounts)
    assert not [line for _, line in plans if "TEMP B-TREE" in line]


async def test_accounts_without_a_sibling_are_looked_for_in_a_range_of_the_index_by_account(
    opened: SqliteStore, units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    async with units() as unit:
        await unit.accounts.open(DEFAULT_TENANT, [(Guid(name), PROVIDER) for name in "abc"])
        await unit.commit()
    statements.forget()
    reader = SqlBindingReader(opened.read, opened.search, max_walked=1)
    page = await reader.without_sibling(
        DEFAULT_TENANT, PROVIDER, [PROVIDER, BACKUP], limit=9, after=implicit_account_id(Guid("a"))
    )
    assert ([binding.guid for binding in page.bindings], page.following) == (["b"], implicit_account_id(Guid("b")))
    assert {line for _, line in statements.plans()} == {
        "SEARCH wm_binding USING INDEX ix_wm_binding_account (account_id>?)",
        "SEARCH wm_binding USING INDEX ix_wm_binding_account (account_id>? AND account_id<?)",
        "SEARCH wm_account USING INDEX sqlite_autoindex_wm_account_1 (account_id=?)",
        "SEARCH wm_binding USING INDEX sqlite_autoindex_wm_binding_1 (binding_id=?)",
    }


async def test_each_guid_of_the_directory_has_its_account_whatever_is_registered_between_the_statements() -> None:
    """On a server each statement sees what is committed at its own beginning."""
    with create_engine("sqlite://").connect() as connection:
        metadata.create_all(connection)
        numbers = itertools.count()

        class Between:
            def execute(self, statement: Select[Any]) -> Result[Any]:
                result = connection.execute(statement).freeze()
                name = f"late-{next(numbers)}"
                late = Account(AccountId(name), version=1)
                bound = Binding(BindingId(name), late.account_id, PROVIDER, Guid(name))
                connection.execute(insert(account).values(account_row(late)))
                connection.execute(insert(binding).values(binding_row(bound, late.tenant_id)))
                return result()

        async def run(work: Any, *arguments: Any) -> Any:
            return work(Between(), *arguments)

        registered = await SqlAccountReader(run, run).registered()
    assert registered is not None
    assert {owner for owners in registered.guids.values() for owner in owners.values()} <= set(registered.accounts)
    assert registered.guids


async def test_messages_are_found_by_the_ids_that_their_echoes_name(
    units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    async with units() as unit:
        await unit.echoes.sent([(PROVIDER, GUID, ProviderMessageId(str(number))) for number in range(64)])
    attempts, messages = [line for _, line in statements.plans()]
    assert re.match(
        r"SEARCH wm_attempt USING INDEX sqlite_autoindex_wm_attempt_\d \(provider_message_id=\?\)", attempts
    )
    assert messages == "SEARCH wm_message USING INDEX sqlite_autoindex_wm_message_1 (id=?)"


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (MessageFilter(), "id"),
        (MessageFilter(message_type="TEXT"), "id"),
        (MessageFilter(provider_code=PROVIDER), "id"),
        (MessageFilter(created_from=NOW, created_to=NOW + 1), "id"),
        (MessageFilter(client_message_id="key", status=MessageStatus.SENT), "id"),
        (MessageFilter(status=MessageStatus.UNKNOWN, account_id="a"), "status"),
        (MessageFilter(status=MessageStatus.SENT, message_type="TEXT"), "status"),
        (MessageFilter(status=MessageStatus.SENT, account_id="a"), "account"),
        (MessageFilter(guid=GUID), "account"),
        (MessageFilter(guid=GUID, account_id=implicit_account_id(GUID)), "account"),
        (MessageFilter(account_id="a", created_from=NOW), "account"),
        (MessageFilter(conversation_id=CONVERSATION), "conversation"),
        (MessageFilter(conversation_id=CONVERSATION, guid=GUID, status=MessageStatus.UNKNOWN), "conversation"),
        (MessageFilter(campaign_id="spring", status=MessageStatus.SENT), "campaign"),
        (MessageFilter(batch_id=a_batch_id(), campaign_id="spring"), "batch"),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(name for name, _, _ in value.active()) or "all",
)
async def test_a_list_reads_one_range_of_an_index_in_the_order_of_ids(
    filters: MessageFilter, index: str, units: SqlUnitOfWorkFactory, reader: SqlMessageReader, statements: Statements
) -> None:
    async with units() as unit:
        await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "key", b"f" * 32, a_due_message().id)])
        await unit.commit()
    for message_id in (None, a_due_message().id):
        await reader.page(DEFAULT_TENANT, filters, limit=10, before=message_id)
    name = "sqlite_autoindex_wm_message_1" if index == "id" else f"ix_wm_message_{index}"
    lines = [line for statement, line in statements.plans() if "SELECT wm_message.id" in statement]
    assert [line for line in lines if " wm_message" in line and name not in line] == []
    assert len(lines) >= 2
    if filters.batch_id is None:  # a batch has 200 items at most
        assert sorted_without_index(statements) == []


async def test_a_list_of_a_time_looks_at_no_message_of_another_time(
    opened: SqliteStore, units: SqlUnitOfWorkFactory
) -> None:
    times = [NOW + day * DAY_MS for day in range(9)]
    messages = [a_due_message(id=a_message_id(time), accepted_at=time) for time in times]
    async with units() as unit:
        await unit.messages.add(messages)
        await unit.commit()
    reader = SqlMessageReader(opened.read, opened.search, max_walked=2)
    for filters, expected in (
        (MessageFilter(created_from=times[4], created_to=times[4] + 1), messages[4]),
        (MessageFilter(created_to=times[0] + 1), messages[0]),
        (MessageFilter(created_from=times[8]), messages[8]),
    ):
        page = await reader.page(DEFAULT_TENANT, filters, limit=9, before=None)
        assert [view.message.id for view in page.messages] == [expected.id]
        assert page.following is None


async def test_failed_messages_are_read_in_one_range_of_the_index_by_status(
    opened: SqliteStore, statements: Statements
) -> None:
    await read_failures(SqlFailedMessageReader(opened.search))
    lines = [(statement, line) for statement, line in statements.plans() if "wm_" in line]
    assert {re.sub(r"COVERING ", "", line) for _, line in lines if "wm_message" in line} == {
        f"SEARCH wm_message USING INDEX ix_wm_message_status (status=?{bounds})"
        for bounds in ("", " AND id<?", " AND id>? AND id<?")
    }
    assert {line for _, line in lines if "wm_attempt" in line} == {
        "SEARCH wm_attempt USING INDEX sqlite_autoindex_wm_attempt_1 (message_id=? AND number=?)"
    }
    assert all("GROUP BY" in statement for statement in sorted_without_index(statements))


async def test_replays_are_found_by_index_and_not_sorted(
    opened: SqliteStore, units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    await change_replays(units)
    await read_replays(SqlReplayReader(opened.read))
    assert len(statements) > 12
    assert scanned(statements) <= {"wm_replay"}  # the list goes along its primary key, from its end
    assert [
        line for statement, line in statements.plans() if line.startswith("SCAN") and "LIMIT" not in statement
    ] == []
    assert sorted_without_index(statements) == []


async def test_erasures_walk_ranges_of_indexes_and_change_by_key(
    opened: SqliteStore, units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    await change_erasures(units)
    reader = SqlErasureReader(opened.read)
    await reader.next()
    await reader.erasure(DEFAULT_TENANT, ErasureId("e"))
    for before in (None, ErasureId("e")):
        await reader.erasures(DEFAULT_TENANT, limit=10, before=before)
    assert len(statements) > 30
    walks = {"wm_callback", "wm_dead_letter", "wm_webhook_delivery"}
    assert scanned(statements) <= walks | {"wm_erasure"}  # along the primary key, which nothing but LIMIT ends
    assert [
        line for statement, line in statements.plans() if line.startswith("SCAN") and "LIMIT" not in statement
    ] == []
    assert sorted_without_index(statements) == []


async def change_erasures(units: SqlUnitOfWorkFactory, limit: int = 10) -> None:
    """Every write to erasures, and by them."""
    person = "7881300000000001"
    erasure = an_erasure(subject=Subject(f"S:{person}"))
    message = a_sent_message_to(f"S:{person}")
    async with units() as unit:
        await unit.messages.add([message])
        await unit.messages.claim_keys([IdempotencyKey(DEFAULT_TENANT, "k", b"f" * 32, message.id)])
        await unit.inbox.store(PROVIDER, [an_item(raw=person)], NOW, [message.id])
        await unit.inbox.store(PROVIDER, [an_item(raw=person, defect="unreadable")], NOW)
        await unit.dead_letters.keep([a_letter("new", body=person.encode())])
        await unit.webhooks.record([a_delivery(body=person)])
        choices = [PoolChoice(DEFAULT_TENANT, "p", f"S:{person}{session}", AccountId("a")) for session in ("", ";asid")]
        await unit.accounts.choose(choices, now=NOW)
        await unit.erasures.add(erasure)
        await unit.commit()
    async with units() as unit:
        while not erasure.done:
            erasure.advance(await unit.erasures.erase(erasure.step(now=NOW), limit=limit), now=NOW)
            await unit.erasures.save(erasure)
        await unit.erasures.get(erasure.id)
        await unit.pruning.erasures(older_than_ms=-1, limit=10)
        await unit.commit()
    assert erasure.erased == dict.fromkeys(PARTS, 1) | {Part.CALLBACKS: 2, Part.POOL_CHOICES: 2}


async def read_failures(failed: SqlFailedMessageReader) -> None:
    """Every query about failed messages."""
    filters = FailureFilter(None, PROVIDER, -1, "acc-1", NOW, NOW + 1)
    selection = Selection(filters)
    for before in (None, a_message_id()):
        await failed.groups(DEFAULT_TENANT, filters, before=before)
        await failed.page(DEFAULT_TENANT, filters, limit=10, before=before)
    until = ReplayId(a_message_id())
    await failed.count(DEFAULT_TENANT, selection, after=a_message_id(), until=until)
    await failed.select(DEFAULT_TENANT, selection, after=a_message_id(), until=until, limit=10)


async def change_replays(units: SqlUnitOfWorkFactory) -> None:
    """Every write to replays."""
    replay, item = a_replay(), ReplayItem(a_message_id(), ItemState.OPEN, round=2)
    async with units() as unit:
        await unit.replays.add(replay, [ReplayItem(a_message_id(), ItemState.SKIPPED, "NOT_FOUND")])
        await unit.replays.get(replay.id)
        await unit.replays.save(replay, [item], now=NOW)
        await unit.replays.settle(replay.id, [item])
        await unit.replays.save(replay, [ReplayItem(a_message_id(), ItemState.OPEN, round=2)], now=NOW)
        await unit.commit()
    async with units() as unit:
        await unit.replays.add(a_replay("r-0", finished_at=NOW - 1_000, state=ReplayState.DONE), ())
        await unit.pruning.replays(older_than_ms=1, limit=10)
        await unit.pruning.choices(older_than_ms=-1, limit=10)
        await unit.due_times.newest()
        await unit.due_times.overdue(0, 10)
        await unit.commit()


async def read_replays(replays: SqlReplayReader) -> None:
    """Every query about replays."""
    replay = a_replay()
    await replays.replay(DEFAULT_TENANT, replay.id)
    for before in (None, replay.id):
        await replays.replays(DEFAULT_TENANT, limit=10, before=before)
    await replays.skipped(DEFAULT_TENANT, replay.id, limit=10)
    await replays.active(limit=10)
    await replays.settling(after=replay.id, limit=10)
    await replays.ended(replay.id, after=START, limit=10)


async def change_media(units: SqlUnitOfWorkFactory) -> None:
    """Everything that is read and written of media."""
    preview, asset = an_asset(facts=some_facts("preview")), an_asset()
    video = an_asset(facts=some_facts("video"), preview_id=preview.media_id)
    upload, key = an_upload(video), a_handle_key(sha256=some_facts("video").sha256)
    async with units() as unit:
        await unit.media.add([preview, video, asset])
        await unit.media.for_urls([an_asset_of_url()], fresh_ms=1)
        await unit.commit()
    message = await a_message_with(units, video.media_id, asset.media_id)
    async with units() as unit:
        await unit.media.assets(DEFAULT_TENANT, [video.media_id])
        await unit.media.handles([key], now=NOW)
        await unit.media.request([upload])
        await unit.media.for_urls([an_asset_of_url(created_at=NOW + 9)], fresh_ms=1)
        fetch, job = sorted(
            await unit.media.claim(10, lease_ms=1_000, holder=HOLDER), key=lambda job: job.sha256 is not None
        )
        await unit.media.later(job, wait_ms=0, holder=HOLDER)
        await unit.media.request([dataclasses.replace(upload, guid=Guid("elsewhere"))])
        (job,) = await unit.media.claim(10, lease_ms=1_000, holder=HOLDER)
        await unit.media.fetched(fetch, some_facts("fetched"), holder=HOLDER, now=NOW)
        assert await unit.media.uploaded(job, a_handle(), holder=HOLDER, now=NOW) == [message.id]
        await unit.media.for_urls([an_asset_of_url(created_at=NOW + 9)], fresh_ms=1)
        await unit.media.request([upload])
        (job,) = [job for job in await unit.media.claim(10, lease_ms=1_000, holder=HOLDER) if job.sha256 is not None]
        await unit.media.uploaded(job, MediaFailure.GONE, holder=HOLDER, now=NOW)
        await unit.media.revive(DEFAULT_TENANT, [video.media_id, asset.media_id])
        await unit.media.forget_handle(key, "file-1")
        assert await unit.media.in_use(video.media_id)
        await unit.commit()
    async with units() as unit:
        stored = (await unit.messages.get([message.id]))[message.id]
        stored.cancel(now=NOW)
        await unit.messages.save([stored])
        await unit.media.delete(DEFAULT_TENANT, video.media_id)
        await unit.media.keep(BlobKey(DEFAULT_TENANT, "0" * 64))
        (gone, *_) = await unit.media.unowned(10, lease_ms=1_000, holder=HOLDER)
        await unit.media.deleted([gone], holder=HOLDER)
        await unit.pruning.media(older_than_ms=-DAY_MS, limit=2)
        await unit.commit()


async def test_lists_of_media_go_along_the_primary_key(
    opened: SqliteStore, units: SqlUnitOfWorkFactory, statements: Statements
) -> None:
    asset = an_asset()
    async with units() as unit:
        await unit.media.add([asset])
        await unit.commit()
    reader = SqlMediaReader(opened.read)
    await reader.asset(DEFAULT_TENANT, asset.media_id)
    for before in (None, MediaId("g")):
        assert len(await reader.assets(DEFAULT_TENANT, limit=10, before=before)) == 1
    assert scanned(statements) <= {"wm_media"}  # from its end, which nothing but LIMIT ends
    assert [
        line for statement, line in statements.plans() if line.startswith("SCAN") and "LIMIT" not in statement
    ] == []
    assert sorted_without_index(statements) == []


async def test_media_are_read_and_changed_by_indexes(
    opened: SqliteStore, units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_media(units)
    metrics = SqlStoreMetrics(opened.read, opened.dialect, clock)
    await metrics.media_overdue_ms()
    await metrics.media_assets()
    assert len(statements) > 40
    assert scanned(statements) == set()
    assert [statement for statement in sorted_without_index(statements) if "wm_media" in statement] == []
    assert {
        "SEARCH wm_media USING INDEX sqlite_autoindex_wm_media_2 (tenant_id=? AND url_key=?)",
        "SEARCH wm_media USING INDEX ix_wm_media_bytes (tenant_id=? AND sha256=?)",
        "SEARCH wm_media USING INDEX ix_wm_media_preview (preview_id=?)",
        "SEARCH wm_media_job USING INDEX ix_wm_media_job_due (due_at<?)",
        "SEARCH wm_media_use USING COVERING INDEX ix_wm_media_use_waits (media_id=? AND waits=?)",
        "SEARCH wm_media_use USING COVERING INDEX ix_wm_media_use_media (media_id=?)",
        "SEARCH wm_media_bytes USING INDEX ix_wm_media_bytes_due (due_at<?)",
    } <= {line for _, line in statements.plans()}


async def test_messages_without_media_cost_no_statement_about_media(
    units: SqlUnitOfWorkFactory, clock: SettableClock, statements: Statements
) -> None:
    await change_messages(units, clock)
    assert not [statement for statement, _ in statements.plans() if "wm_media" in statement]
