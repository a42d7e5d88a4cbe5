"""Stored callbacks as views: their sizes are read first, then as many texts as a page has room for."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Subquery, bindparam, func, literal, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.mapping.tables import callback
from wework_message.adapters.sql.mapping.widths import message_id_of
from wework_message.adapters.sql.repositories.callback_owners import OWNER, may_have, of_tenant
from wework_message.domain.ids import Guid, TenantId
from wework_message.domain.inbox import InboxState
from wework_message.domain.page import page_of
from wework_message.domain.ports.queries import CallbackCounts, CallbackKind, CallbackView

_SHORT: Final = (
    callback.c.id, callback.c.provider_code, callback.c.guid, callback.c.notify_type, callback.c.received_at,
    callback.c.state, callback.c.message_id,
)  # fmt: skip
"""Everything but the text."""

_ROWS: Final = (
    select(*_SHORT, func.length(callback.c.raw).label("size"))
    .where(callback.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(callback.c.id.desc())
)

_KIND: Final = (callback.c.provider_code, callback.c.notify_type, callback.c.state)


def _counted(tenant_id: TenantId | None) -> Sequence[ColumnElement[Any]]:
    return (callback.c.id,) if tenant_id is None else (callback.c.id, OWNER.label("owner"))


def _of(tenant_id: TenantId | None, counted: Select[Any], entries: Subquery) -> Select[Any]:
    return counted if tenant_id is None else counted.where(entries.c.owner == tenant_id)


def _newest(tenant_id: TenantId | None, limit: int) -> Select[Any]:
    rows = by_index(select(*_KIND, callback.c.received_at, *_counted(tenant_id)), callback)
    newest = rows.order_by(callback.c.id.desc()).limit(limit).subquery()
    kind = (newest.c.provider_code, newest.c.notify_type, newest.c.state)
    counted = select(*kind, func.count().label("number"), func.min(newest.c.received_at).label("since"))
    return _of(tenant_id, counted, newest).group_by(*kind)


def callback_page(
    connection: Connection,
    tenant_id: TenantId | None,
    guid: Guid | None,
    notify_type: int | None,
    limit: int,
    before: int | None,
    state: InboxState | None,
) -> Sequence[CallbackView]:
    """The ids first, by state, or by guid and type; then the rows in their order, as far as a page goes."""
    if not may_have(connection, tenant_id, guid):
        return ()
    statement = by_index(select(callback.c.id), callback, _index(notify_type, state))
    if tenant_id is not None:
        statement = statement.where(of_tenant(tenant_id))
    state_text = None if state is None else state.value
    for column, value in (("guid", guid), ("notify_type", notify_type), ("state", state_text)):
        if value is not None:
            statement = statement.where(callback.c[column] == value)
    if before is not None:
        statement = statement.where(callback.c.id < before)
    ids = connection.execute(statement.order_by(callback.c.id.desc()).limit(limit)).scalars().all()
    if not ids:
        return ()
    with closing(connection.execute(_ROWS, {"ids": ids})) as rows:
        newest, fit = page_of(rows, attrgetter("size"))
    texts = _texts(connection, [row.id for row in newest[:fit]])
    return [_view(row, texts.get(row.id)) for row in newest]


def _index(notify_type: int | None, state: InboxState | None) -> str:
    if state is not None:
        return "ix_wm_callback_state"
    return "ix_wm_callback_guid" if notify_type is None else "ix_wm_callback_type"


def one_callback(connection: Connection, tenant_id: TenantId | None, callback_id: int) -> CallbackView | None:
    """By primary key."""
    statement = select(*_SHORT, callback.c.raw).where(callback.c.id == callback_id)
    if tenant_id is not None:
        statement = statement.where(of_tenant(tenant_id))
    row = connection.execute(statement).first()
    return _view(row, row.raw) if row is not None else None


def callback_counts(connection: Connection, tenant_id: TenantId | None, limit: int) -> CallbackCounts:
    """Each statement reads `limit` + 1 entries of an index, or `limit` rows, however many are stored."""
    states = {}
    for state in InboxState:
        of_state = select(*_counted(tenant_id)).where(callback.c.state == literal(state.value, literal_execute=True))
        if tenant_id is not None:
            of_state = of_state.order_by(callback.c.id.desc())
        entries = by_index(of_state, callback, "ix_wm_callback_state").limit(limit + 1).subquery()
        states[state] = connection.execute(
            _of(tenant_id, select(func.count()).select_from(entries), entries)
        ).scalar_one()
    newest = Counter[CallbackKind]()
    since = None
    for row in connection.execute(_newest(tenant_id, limit)):
        newest[CallbackKind(row.provider_code, row.notify_type, InboxState(row.state))] += row.number
        since = row.since if since is None else min(since, row.since)
    return CallbackCounts(states, newest, since)


def _texts(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    statement = select(callback.c.id, callback.c.raw).where(callback.c.id.in_(ids))
    return {row.id: row.raw for row in connection.execute(statement)}


def _view(row: Any, raw: str | None) -> CallbackView:
    message_id = message_id_of(row.message_id)
    return CallbackView(
        row.id, row.provider_code, row.guid, row.notify_type, raw, row.received_at, row.state, message_id
    )
