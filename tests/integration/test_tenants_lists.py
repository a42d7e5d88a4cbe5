"""Lists of one tenant among others', whatever their filters and cursors: its own, each once, and no cursor names another's."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from tests.contracts.replays_contract import a_refused_message
from tests.support.builders.messages import NOW, PROVIDER, a_batch_id, a_due_message, a_message_id
from tests.support.sqlite import migrated_store

from wework_message.adapters.memory.system import SettableClock
from wework_message.adapters.sql.repositories.account_reader import _page as account_page
from wework_message.adapters.sql.repositories.callback_views import callback_page
from wework_message.adapters.sql.repositories.failed_messages import _groups as failure_groups
from wework_message.adapters.sql.repositories.failed_messages import _page as failed_page
from wework_message.adapters.sql.repositories.message_lists import message_page
from wework_message.adapters.sql.repositories.unit_of_work import SqlUnitOfWorkFactory
from wework_message.adapters.sql.sqlite.dialect import SqliteDialect
from wework_message.adapters.sql.sqlite.store import SqliteStore
from wework_message.domain.account import Account, Binding, binding_id_of
from wework_message.domain.failed_messages import FailureFilter
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, MessageId, TenantId
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.message import Message
from wework_message.domain.message_filter import MessageFilter
from wework_message.domain.ports.accounts import AccountFilter
from wework_message.domain.ports.gateway import CallbackItem
from wework_message.domain.ports.repositories import NewBatch

TENANTS: Final = (DEFAULT_TENANT, TenantId("first"), TenantId("second"))
MESSAGES: Final = 60
NAMES: Final = {"campaign_id": "shared", "conversation_id": "S:7"}
"""Names that any tenant may use."""


class Stored:
    def __init__(self, store: SqliteStore, messages: list[Message]) -> None:
        self.store = store
        self.messages = messages

    def connection(self) -> Any:
        return self.store._engine.connect()

    def own(self, tenant: TenantId) -> list[Message]:
        return [message for message in reversed(self.messages) if message.tenant_id == tenant]


def guid_of(tenant: str) -> Guid:
    return Guid(f"guid-of-{tenant}")


def account_of(tenant: str) -> AccountId:
    return AccountId(f"account-of-{tenant}")


def a_message_of(place: int) -> Message:
    """Runs of other tenants' messages are longer than what a page looks at."""
    tenant = TENANTS[place // 4 % 3]
    make = a_refused_message if place % 2 else a_due_message
    at = NOW + place
    changes: dict[str, Any] = {
        "tenant_id": tenant,
        "account_id": account_of(tenant),
        "guid": guid_of(tenant),
        "accepted_at": at,
    }
    return make(id=a_message_id(at), batch_id=BATCHES[tenant], index=place, **(changes | NAMES))


BATCHES: Final = {tenant: a_batch_id() for tenant in TENANTS}


async def _filled(path: Path) -> Stored:
    store = await migrated_store(path)
    stored = Stored(store, [a_message_of(place) for place in range(MESSAGES)])
    async with SqlUnitOfWorkFactory(store, SqliteDialect(), SettableClock(NOW))() as unit:
        for tenant in TENANTS:
            guid, account_id = guid_of(tenant), account_of(tenant)
            binding = Binding(binding_id_of(guid, PROVIDER), account_id, PROVIDER, guid)
            await unit.accounts.save(Account(account_id, tenant, pools=("shared",), version=1), [binding])
        await unit.messages.add(
            stored.messages,
            [NewBatch(batch_id, tenant, "FANOUT", MESSAGES, NOW) for tenant, batch_id in BATCHES.items()],
        )
        for number in range(12):
            item = CallbackItem(guid_of(TENANTS[number % 3]), 11010, f"k-{number}", "{}", defect="junk")
            await unit.inbox.store(PROVIDER, [item], NOW + number)
        await unit.commit()
    return stored


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    filled = asyncio.run(_filled(tmp_path_factory.mktemp("lists") / "wm.db"))
    yield filled
    filled.store._close()


tenants = st.sampled_from(TENANTS)
filters = st.builds(
    MessageFilter,
    status=st.none() | st.sampled_from([MessageStatus.FAILED, MessageStatus.QUEUED, MessageStatus.SENT]),
    guid=st.none() | tenants.map(guid_of),
    account_id=st.none() | tenants.map(account_of),
    conversation_id=st.sampled_from([None, "S:7", "S:8"]),
    campaign_id=st.sampled_from([None, "shared"]),
    batch_id=st.none() | st.sampled_from([*BATCHES.values()]),
    created_from=st.none() | st.integers(NOW, NOW + MESSAGES),
)
cursors = (
    st.none()
    | st.integers(0, MESSAGES - 1)
    | st.uuids().map(str)
    | st.text("0123456789abcdef-", min_size=1, max_size=40)
)
"""The id of a stored message of anybody by its place, of none, and what is no id."""


def before_of(stored: Stored, cursor: int | str | None) -> MessageId | None:
    if isinstance(cursor, int):
        return stored.messages[cursor].id
    return MessageId(cursor) if cursor else None


def ids_of_others(stored: Stored, tenant: TenantId) -> set[str]:
    return {message.id for message in stored.messages if message.tenant_id != tenant}


def walked(page: Any, connection: Connection, before: MessageId | None) -> Iterator[tuple[list[str], str | None]]:
    """The pages of a list, which ends."""
    for _ in range(3 * MESSAGES):
        ids, before = page(connection, before)
        yield list(ids), before
        if before is None:
            return
    pytest.fail("the list does not end")


@settings(deadline=None, max_examples=60)
@given(tenant=tenants, filters=filters, cursor=cursors, limit=st.integers(1, 9), max_walked=st.integers(5, 40))
def test_messages(
    stored: Stored, tenant: TenantId, filters: MessageFilter, cursor: Any, limit: int, max_walked: int
) -> None:
    before = before_of(stored, cursor)
    with stored.connection() as connection:
        pages = list(walked(lambda c, at: message_page(c, tenant, filters, limit, at, max_walked), connection, before))
    expected = [own.id for own in stored.own(tenant) if filters.matches(own) and (not before or own.id < before)]
    assert [message_id for ids, _ in pages for message_id in ids] == expected
    assert {following for _, following in pages} & ids_of_others(stored, tenant) == set()


@settings(deadline=None, max_examples=40)
@given(tenant=tenants, of=st.none() | tenants, cursor=cursors, limit=st.integers(1, 9), max_walked=st.integers(5, 40))
def test_failed_messages(
    stored: Stored, tenant: TenantId, of: TenantId | None, cursor: Any, limit: int, max_walked: int
) -> None:
    before, filters = before_of(stored, cursor), FailureFilter(account_id=None if of is None else account_of(of))

    def page(connection: Connection, at: MessageId | None) -> tuple[list[str], str | None]:
        listed = failed_page(connection, tenant, filters, limit, at, max_walked)
        return [view.message.id for view in listed.messages], listed.following

    def counted(connection: Connection, at: MessageId | None) -> tuple[list[str], str | None]:
        groups = failure_groups(connection, tenant, filters, at, max_walked)
        return ["failed"] * sum(group.count for group in groups.groups), groups.following

    with stored.connection() as connection:
        pages, groups = list(walked(page, connection, before)), list(walked(counted, connection, before))
    expected = [
        own.id
        for own in stored.own(tenant)
        if own.status is MessageStatus.FAILED and of in (None, tenant) and (not before or own.id < before)
    ]
    assert [message_id for ids, _ in pages for message_id in ids] == expected
    assert sum(len(ids) for ids, _ in groups) == len(expected)
    assert {following for _, following in pages + groups} & ids_of_others(stored, tenant) == set()


@settings(deadline=None, max_examples=25)
@given(
    tenant=tenants, of=st.none() | tenants, pool=st.sampled_from([None, "shared"]), implicit=st.booleans(),
    after=st.none() | tenants.map(account_of) | st.text("-abcdefghinorstu", max_size=20), max_walked=st.integers(1, 3),
)  # fmt: skip
def test_accounts(
    stored: Stored,
    tenant: TenantId,
    of: TenantId | None,
    pool: str | None,
    after: Any,
    max_walked: int,
    *,
    implicit: bool,
) -> None:
    filters = AccountFilter(guid=None if of is None else guid_of(of), pool=pool, include_implicit=implicit)
    with stored.connection() as connection:
        page = account_page(connection, tenant, filters, 1, after, max_walked)
    own = account_of(tenant)
    expected = [own] if of in (None, tenant) and (after is None or own > after) else []
    assert [account.account_id for account, _ in page.accounts] == expected
    assert page.following in (None, own)


@settings(deadline=None, max_examples=25)
@given(tenant=tenants, of=st.none() | tenants, before=st.none() | st.integers(0, 20))
def test_callbacks(stored: Stored, tenant: TenantId, of: TenantId | None, before: int | None) -> None:
    guid = None if of is None else guid_of(of)
    with stored.connection() as connection:
        every = callback_page(connection, None, None, None, 99, None, InboxState.QUARANTINED)
        views = callback_page(connection, tenant, guid, None, 99, before, InboxState.QUARANTINED)
    expected = [
        view.id
        for view in every
        if view.guid == guid_of(tenant) and of in (None, tenant) and (before is None or view.id < before)
    ]
    assert len(every) == 12
    assert [view.id for view in views] == expected


def test_the_ids_of_these_tests_are_told_apart() -> None:
    assert len({uuid.UUID(a_message_of(place).id).int >> 80 for place in range(MESSAGES)}) == MESSAGES
