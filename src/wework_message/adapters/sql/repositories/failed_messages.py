"""Failed messages on SQL: each query walks a part of the index by status and id, and says where it ended (ADR 32)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
)

from wework_message.adapters.sql.core.dialect import literal_number
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.mapping.tables import attempt, message
from wework_message.adapters.sql.mapping.widths import NO_PROVIDER
from wework_message.adapters.sql.repositories.message_lists import fitting_ids, place_behind
from wework_message.adapters.sql.repositories.reader import views
from wework_message.domain.failed_messages import FailureFilter, FailureGroup
from wework_message.domain.ids import MessageId, ProviderCode, ReplayId, TenantId
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.outcomes import FailureReason
from wework_message.domain.page import MAX_WALKED, next_page_before
from wework_message.domain.ports.queries import MessageList
from wework_message.domain.ports.replays import FailedMessageReader, FailureGroups, Selected
from wework_message.domain.replay import Counted, Selection

_cause: Final[ColumnElement[Any]] = func.coalesce(message.c.reason, message.c.status)
_PROVIDER: Final = func.nullif(message.c.provider_code, NO_PROVIDER)
_error_code: Final[ColumnElement[Any]] = (
    select(attempt.c.error_code)
    .where(attempt.c.message_id == message.c.id, attempt.c.number == message.c.attempt_count)
    .limit(literal_number(1))
    .scalar_subquery()
)
"""By the primary key of attempts. Not a join: MariaDB would be free to begin with the attempts."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """A part of the failed messages: those of some statuses with ids between two bounds, from one end on."""

    statuses: tuple[MessageStatus, ...]
    bounds: tuple[ColumnElement[bool], ...]
    newest_first: bool

    def ends_at(self, connection: Connection, max_walked: int) -> MessageId | None:
        """The last id of a part that looks at `max_walked` entries of each status at most; None where that is all."""
        last = func.min if self.newest_first else func.max
        ends: list[str] = []
        for status in self.statuses:
            first = self.entries(status, None).limit(max_walked).subquery()
            row = connection.execute(select(func.count().label("entries"), last(first.c.id).label("last"))).one()
            ends += [row.last] if row.entries == max_walked else []
        if not ends:
            return None
        return MessageId(max(ends) if self.newest_first else min(ends))

    def entries(self, status: MessageStatus, end: MessageId | None, *columns: Any) -> Select[Any]:
        """Those of one status up to `end`, in order."""
        statement = select(*(columns or (message.c.id,))).where(
            message.c.status == literal(status.value, literal_execute=True), *self.bounds, *self._up_to(end)
        )
        ordered = statement if columns else statement.order_by(self._order())
        return by_index(ordered, message, "ix_wm_message_status")

    def ids(
        self, connection: Connection, tests: Sequence[ColumnElement[bool]], end: MessageId | None, limit: int
    ) -> list[MessageId]:
        """The first that pass, in order."""
        passing: list[str] = []
        for status in self.statuses:
            passing += connection.execute(self.entries(status, end).where(*tests).limit(limit)).scalars()
        return [MessageId(message_id) for message_id in sorted(passing, reverse=self.newest_first)[:limit]]

    def _up_to(self, end: MessageId | None) -> tuple[ColumnElement[bool], ...]:
        if end is None:
            return ()
        return (message.c.id >= end,) if self.newest_first else (message.c.id <= end,)

    def _order(self) -> ColumnElement[Any]:
        return message.c.id.desc() if self.newest_first else message.c.id.asc()


class SqlFailedMessageReader:
    """Reads what is committed."""

    def __init__(self, search: Run, *, max_walked: int = MAX_WALKED) -> None:
        """`search` is that of a `Store`; `max_walked` is how many failed messages of each status a query looks at."""
        self._search = search
        self._max_walked = max_walked

    async def groups(self, tenant_id: TenantId, filters: FailureFilter, *, before: MessageId | None) -> FailureGroups:
        """Grouped by the database."""
        return await self._search(_groups, tenant_id, filters, before, self._max_walked)

    async def page(
        self, tenant_id: TenantId, filters: FailureFilter, *, limit: int, before: MessageId | None
    ) -> MessageList:
        """Ids first, then as many messages as fit."""
        return await self._search(_page, tenant_id, filters, limit, before, self._max_walked)

    async def count(self, tenant_id: TenantId, selection: Selection, *, after: MessageId, until: ReplayId) -> Counted:
        """Counted by the database."""
        return await self._search(_count, tenant_id, selection, after, until, self._max_walked)

    async def select(
        self, tenant_id: TenantId, selection: Selection, *, after: MessageId, until: ReplayId, limit: int
    ) -> Selected:
        """The oldest ids behind `after`."""
        return await self._search(_select, tenant_id, selection, after, until, limit, self._max_walked)


def _newest(filters: FailureFilter, before: MessageId | None) -> _Walk:
    bounds = () if before is None else (message.c.id < before,)
    return _Walk(tuple(filters.statuses), bounds, newest_first=True)


def _oldest(filters: FailureFilter, after: MessageId, until: ReplayId) -> _Walk:
    return _Walk(tuple(filters.statuses), (message.c.id > after, message.c.id < until), newest_first=False)


def _tests(tenant_id: TenantId, filters: FailureFilter) -> Iterator[ColumnElement[bool]]:
    """What the entries of a walk must pass; none of it is looked up by another index."""
    yield message.c.tenant_id == tenant_id
    if filters.cause is not None:
        yield _cause == filters.cause
    if filters.provider_code is not None:
        yield message.c.provider_code == filters.provider_code
    if filters.error_code is not None:
        yield _error_code == filters.error_code
    if filters.account_id is not None:
        yield beside_index(message.c.account_id) == filters.account_id
    if filters.created_from is not None:
        yield message.c.accepted_at >= filters.created_from
    if filters.created_to is not None:
        yield message.c.accepted_at < filters.created_to


def _selected(tenant_id: TenantId, selection: Selection) -> Iterator[ColumnElement[bool]]:
    """The same for a replay, but for what is not proven unsent."""
    yield from _tests(tenant_id, selection.filter)
    if not selection.takes_recalled:
        yield _cause != FailureReason.RECALL_ASKED.value


_PROVEN: Final = or_(message.c.confirmed.is_(None), message.c.confirmed != false())


def _groups(
    connection: Connection, tenant_id: TenantId, filters: FailureFilter, before: MessageId | None, max_walked: int
) -> FailureGroups:
    walk = _newest(filters, before)
    end = walk.ends_at(connection, max_walked)
    end = end and place_behind(connection, tenant_id, end, before)
    tests = tuple(_tests(tenant_id, filters))
    parts: dict[Any, list[Row[Any]]] = defaultdict(list)
    for status in walk.statuses:
        walked = walk.entries(
            status, end, message.c.id, message.c.accepted_at, message.c.confirmed,
            _cause.label("cause"), _PROVIDER.label("provider_code"), _error_code.label("error_code"),
        ).where(*tests).subquery()  # fmt: skip
        names = (walked.c.cause, walked.c.provider_code, walked.c.error_code)
        grouped = select(
            *names, func.count().label("messages"), func.min(walked.c.id).label("oldest"), func.max(walked.c.id).label("newest"),
            func.sum(case((walked.c.confirmed == false(), 1), else_=0)).label("unconfirmed"),
            func.min(walked.c.accepted_at).label("oldest_at"), func.max(walked.c.accepted_at).label("newest_at"),
        ).group_by(*names)  # fmt: skip
        for row in connection.execute(grouped):
            parts[row.cause, row.provider_code, row.error_code].append(row)
    groups = sorted((_group(rows) for rows in parts.values()), key=_size)
    return FailureGroups(groups, end)


def _size(group: FailureGroup) -> tuple[int, str, str, int]:
    return -group.count, group.cause, group.provider_code or "", group.error_code or 0


def _group(rows: Sequence[Row[Any]]) -> FailureGroup:
    """A cause has one status, but for what has no reason."""
    code = rows[0].provider_code
    return FailureGroup(
        cause=rows[0].cause,
        provider_code=ProviderCode(code) if code is not None else None,
        error_code=rows[0].error_code,
        count=sum(row.messages for row in rows),
        unconfirmed=sum(int(row.unconfirmed) for row in rows),
        oldest_at=min(row.oldest_at for row in rows),
        newest_at=max(row.newest_at for row in rows),
        sample_message_ids=tuple(sorted({min(row.oldest for row in rows), max(row.newest for row in rows)})),
    )


def _page(
    connection: Connection,
    tenant_id: TenantId,
    filters: FailureFilter,
    limit: int,
    before: MessageId | None,
    max_walked: int,
) -> MessageList:
    walk = _newest(filters, before)
    end = walk.ends_at(connection, max_walked)
    end = end and place_behind(connection, tenant_id, end, before)
    newest = walk.ids(connection, tuple(_tests(tenant_id, filters)), end, limit + 1)
    shown = fitting_ids(connection, newest[:limit])
    return MessageList(views(connection, shown, tenant_id) if shown else (), next_page_before(newest, shown, end))


def _count(
    connection: Connection,
    tenant_id: TenantId,
    selection: Selection,
    after: MessageId,
    until: ReplayId,
    max_walked: int,
) -> Counted:
    walk = _oldest(selection.filter, after, until)
    end = walk.ends_at(connection, max_walked)
    tests = tuple(_selected(tenant_id, selection))
    total = unproven = 0
    for status in walk.statuses:
        walked = walk.entries(status, end, message.c.confirmed).where(*tests).subquery()
        row = connection.execute(
            select(
                func.count().label("messages"),
                func.coalesce(func.sum(case((walked.c.confirmed == false(), 1), else_=0)), 0).label("unconfirmed"),
            ).select_from(walked)
        ).one()
        total += row.messages
        unproven += int(row.unconfirmed)
    left_out = 0 if selection.unconfirmed else unproven
    return Counted(total - left_out, left_out, end)


def _select(
    connection: Connection,
    tenant_id: TenantId,
    selection: Selection,
    after: MessageId,
    until: ReplayId,
    limit: int,
    max_walked: int,
) -> Selected:
    walk = _oldest(selection.filter, after, until)
    end = walk.ends_at(connection, max_walked)
    proven = () if selection.unconfirmed else (_PROVEN,)
    message_ids = walk.ids(connection, (and_(*_selected(tenant_id, selection)), *proven), end, limit)
    return Selected(message_ids, message_ids[-1] if len(message_ids) == limit else end)


def _conforms(reader: SqlFailedMessageReader) -> FailedMessageReader:
    return reader
