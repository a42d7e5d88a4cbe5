"""Lists of messages: a page looks at so many entries of one index at most, and says where the next one goes on (ADR 32)."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select

from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.mapping.column_types import of_others
from wework_message.adapters.sql.mapping.tables import account, binding, idempotency_key, message
from wework_message.adapters.sql.repositories.invariants import smallest_id
from wework_message.domain.access.ownership import is_operator
from wework_message.domain.account import implicit_account_id
from wework_message.domain.ids import DEFAULT_TENANT, AccountId, Guid, MessageId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message_filter import FILTERS, MessageFilter
from wework_message.domain.page import next_page_before, page_of

ID_SLACK_MS: Final = 60_000
"""How far the time within a message's id may be from `accepted_at`: the id is made a moment later, by the same clock."""

PARTS: Final = 10
"""A walk begins with one part of so many."""

_RENAMED_COLUMNS: Final = {"created_from": "accepted_at", "created_to": "accepted_at"}

_COLUMNS: Final = {name: message.c[_RENAMED_COLUMNS.get(name, name)] for name in FILTERS}
"""What each filter compares; a filter without a column fails here, at import."""

_RANGES: Final = {
    "batch_id": "ix_wm_message_batch",
    "conversation_id": "ix_wm_message_conversation",
    "campaign_id": "ix_wm_message_campaign",
}
"""The index by filter, the filter that has the fewest messages first."""

_FREQUENT: Final = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED})
"""Statuses that nearly every message has: an account has fewer messages."""

_SIZES: Final = (
    select(
        message.c.id,
        (func.length(message.c.content) + func.coalesce(func.length(message.c.extra), 0)).label("size"),
    )
    .where(message.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(message.c.id.desc())
)


@dataclass(frozen=True, slots=True)
class _Range:
    """Messages whose entries lie together in one index, in the order of their ids."""

    filter_name: str | None = None
    """None = all messages."""
    value: object = None
    index: str | None = None
    """None = that of the primary key."""

    def entries(self, bounds: Sequence[ColumnElement[bool]]) -> Select[Any]:
        """Their ids, newest first."""
        statement = by_index(select(message.c.id), message, self.index)
        if self.filter_name == "tenant_id":
            statement = statement.where(message.c.tenant_id == self.value, of_others("tenant_id"))
        elif self.filter_name is not None:
            statement = statement.where(_COLUMNS[self.filter_name] == self.value)
        return statement.where(*bounds).order_by(message.c.id.desc())


def message_page(
    connection: Connection,
    tenant_id: TenantId | None,
    filters: MessageFilter,
    limit: int,
    before: MessageId | None,
    max_walked: int,
) -> tuple[Sequence[MessageId], MessageId | None]:
    """The ids of a page, at most `limit` and as many as fit, and `before` of the next page; None where there is none."""
    bounds = _bounds(filters, before)
    if filters.client_message_id is not None:
        message_id = _sent_with(connection, tenant_id, filters.client_message_id)
        if message_id is None:
            return (), None
        bounds = (*bounds, message.c.id == message_id)
    passing: list[MessageId] = []
    floors: list[MessageId] = []
    for walked in _ranges(connection, tenant_id, filters):
        ids, floor = _newest(connection, tenant_id, filters, walked, bounds, limit + 1, max_walked)
        passing += ids
        floors += [floor] if floor is not None else []
    reached = place_behind(connection, tenant_id, max(floors), before) if floors else None
    newest = sorted((own for own in passing if reached is None or own >= reached), reverse=True)[: limit + 1]
    shown = fitting_ids(connection, newest[:limit])
    return shown, next_page_before(newest, shown, reached)


def _newest(
    connection: Connection,
    tenant_id: TenantId | None,
    filters: MessageFilter,
    walked: _Range,
    bounds: Sequence[ColumnElement[bool]],
    limit: int,
    max_walked: int,
) -> tuple[Sequence[MessageId], MessageId | None]:
    """The newest ids of a range that pass, and the last of the entries that were looked at; None where all were."""
    own, others = tuple(_of_tenant(tenant_id, walked)), tuple(_tests(filters, walked.filter_name))
    entries = walked.entries(bounds)
    if walked.filter_name in _RANGES:  # few, of one batch or name: no cursor tells an id of another tenant
        entries, own = entries.where(*own), ()
    if own and not others and (newest := _all_own(connection, tenant_id, entries.limit(limit))) is not None:
        return newest, None
    return _walk(connection, entries, entries.where(*own, *others), limit, max_walked if own or others else None)


def _all_own(connection: Connection, tenant_id: TenantId | None, newest: Select[Any]) -> Sequence[MessageId] | None:
    """These ids, where all are of the tenant: nearly always, where there is one tenant. None = others are between them."""
    rows = connection.execute(newest.add_columns(beside_index(message.c.tenant_id).label("tenant_id"))).all()
    return [row.id for row in rows] if all(row.tenant_id == tenant_id for row in rows) else None


def _of_tenant(tenant_id: TenantId | None, walked: _Range) -> Iterator[ColumnElement[bool]]:
    """The test of the tenant, where not all entries are."""
    if tenant_id is not None and walked.filter_name not in ("account_id", "tenant_id"):
        yield beside_index(message.c.tenant_id) == tenant_id


def _ranges(connection: Connection, tenant_id: TenantId | None, filters: MessageFilter) -> Sequence[_Range]:
    """Where the messages are that pass: one range, and one for each account of a guid."""
    if filters.client_message_id is not None:
        return [_Range()]
    for name, index in _RANGES.items():
        if (value := getattr(filters, name)) is not None:
            return [_Range(name, value, index)]
    by_status = _Range("status", filters.status.value, "ix_wm_message_status") if filters.status is not None else None
    if by_status is not None and filters.status not in _FREQUENT:
        return [by_status]
    account_ids = _accounts(connection, filters)
    if account_ids is not None:
        account_ids = _own(connection, tenant_id, account_ids)
        return [_Range("account_id", account_id, "ix_wm_message_account") for account_id in sorted(account_ids)]
    if by_status is None and tenant_id is not None and not is_operator(tenant_id):
        return [_Range("tenant_id", tenant_id, "ix_wm_message_tenant")]
    return [by_status or _Range()]


def _accounts(connection: Connection, filters: MessageFilter) -> set[AccountId] | None:
    """The accounts whose messages may pass; None = any."""
    named = {AccountId(filters.account_id)} if filters.account_id is not None else None
    if filters.guid is None:
        return named
    of_guid = _accounts_of(connection, filters.guid)
    return of_guid if named is None else of_guid & named


def _own(connection: Connection, tenant_id: TenantId | None, account_ids: set[AccountId]) -> set[AccountId]:
    """Those of the tenant: no message of another one is looked at. An account that is not stored yet is the operator's."""
    if tenant_id is None or not account_ids:
        return account_ids
    stored = select(account.c.account_id, account.c.tenant_id).where(account.c.account_id.in_(sorted(account_ids)))
    owners = {AccountId(row.account_id): row.tenant_id for row in connection.execute(stored)}
    return {account_id for account_id in account_ids if owners.get(account_id, DEFAULT_TENANT) == tenant_id}


def _accounts_of(connection: Connection, guid: Guid) -> set[AccountId]:
    """The accounts that a message from `guid` can have: its own (D-19), and those that it is an instance of."""
    stored = connection.execute(select(binding.c.account_id).where(binding.c.guid == guid)).scalars()
    return {implicit_account_id(guid), *map(AccountId, stored)}


def _sent_with(connection: Connection, tenant_id: TenantId | None, key: str) -> MessageId | None:
    """The message of a client's key, by the key of keys: a key is one tenant's, the operator's where none is named."""
    columns = idempotency_key.c
    statement = select(columns.target).where(columns.tenant_id == (tenant_id or DEFAULT_TENANT), columns.key == key)
    return connection.execute(statement).scalar()


def _bounds(filters: MessageFilter, before: MessageId | None) -> tuple[ColumnElement[bool], ...]:
    """Ids of messages older than `before` and accepted at about the times of the filter: ids are UUIDv7."""
    bounds = []
    ends = [str(before)] if before is not None else []
    if filters.created_to is not None:
        ends.append(smallest_id(filters.created_to + ID_SLACK_MS))
    if ends:
        bounds.append(message.c.id < min(ends))
    if filters.created_from is not None:
        bounds.append(message.c.id >= smallest_id(filters.created_from - ID_SLACK_MS))
    return tuple(bounds)


def _tests(filters: MessageFilter, walked: str | None) -> Iterator[ColumnElement[bool]]:
    """What the entries of a range must pass that it does not say itself."""
    for name, message_filter, value in filters.active():
        if name not in (walked, "client_message_id"):
            stored = value.value if isinstance(value, StrEnum) else value
            yield message_filter.compare(beside_index(_COLUMNS[name]), stored)


def _walk(
    connection: Connection, entries: Select[Any], tested: Select[Any], limit: int, max_walked: int | None
) -> tuple[Sequence[MessageId], MessageId | None]:
    """The newest ids of `tested`, at most `limit`, and the last of the `entries` that were looked at; None where all were.

    Nearly always the first part of a walk is enough: what most messages have is found at once.
    """
    ids: Sequence[MessageId] = ()
    floor: MessageId | None = None
    for size in (None,) if max_walked is None else (max(1, max_walked // PARTS), max_walked):
        floor = _floor(connection, entries, size) if size is not None else None
        within = tested if floor is None else tested.where(message.c.id >= floor)
        ids = connection.execute(within.limit(limit)).scalars().all()
        if floor is None or len(ids) == limit:
            break
    return ids, floor


def _floor(connection: Connection, entries: Select[Any], size: int) -> MessageId | None:
    """The last of so many entries; None where there are fewer."""
    first = entries.limit(size).subquery()
    counted = connection.execute(select(func.count().label("entries"), func.min(first.c.id).label("oldest"))).one()
    return MessageId(counted.oldest) if counted.entries == size else None


def place_behind(
    connection: Connection, tenant_id: TenantId | None, reached: MessageId, before: MessageId | None
) -> MessageId:
    """Where a walk goes on that went down to `reached`: no cursor tells the id of another tenant's message.

    For one of those it is the end of its millisecond, whose entries are looked at again; where they were all, it is the id itself.
    """
    own = select(message.c.id).where(message.c.id == reached, beside_index(message.c.tenant_id) == tenant_id)
    if tenant_id is None or connection.execute(own).first() is not None:
        return reached
    place = smallest_id(int(reached[:8] + reached[9:13], 16) + 1)
    return MessageId(place) if before is None or place < before else reached


def fitting_ids(connection: Connection, message_ids: Sequence[MessageId]) -> Sequence[MessageId]:
    """As many of the first as fit into a page; the sizes of no more are read."""
    if not message_ids:
        return ()
    with closing(connection.execute(_SIZES, {"ids": message_ids})) as rows:
        sized, fit = page_of(rows, attrgetter("size"))
    return [MessageId(row.id) for row in sized[:fit]]
