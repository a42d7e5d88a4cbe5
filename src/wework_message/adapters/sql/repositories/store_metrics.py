"""The state of the store as numbers, on SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    bindparam,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
)

from wework_message.adapters.sql.core.dialect import Dialect, literal_number
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.mass_tables import mass_chunk
from wework_message.adapters.sql.mapping.tables import attempt, callback, due, message
from wework_message.adapters.sql.mapping.widths import NO_FACTS
from wework_message.adapters.sql.repositories import media_counts
from wework_message.adapters.sql.repositories.invariants import made_at, smallest_id
from wework_message.adapters.sql.repositories.webhook_reader import overdue_since
from wework_message.domain.content import MessageType
from wework_message.domain.ids import ProviderCode
from wework_message.domain.inbox import InboxState
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.media.asset import MediaState
from wework_message.domain.message.scheduling import LanePosition, Urgency
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.store_metrics import (
    LEASE_OVERDUE_MS,
    MAX_COUNTED_VIOLATIONS,
    OPEN,
    RECENT_MS,
    Invariant,
    MediaWork,
    StoreMetrics,
)
from wework_message.domain.ports.system import Clock

_BY_STATUS: Final = "ix_wm_message_status"

_FIRST_DUE = Query(
    select(func.min(due.c.due_at).label("due_at")).where(due.c.urgency == bindparam("urgency", 0))
)  # fmt: skip
_FIRST_CHUNK = Query(select(func.min(mass_chunk.c.due_at).label("due_at")))
_OLDEST = Query(
    by_index(
        select(func.min(message.c.id).label("id")).where(message.c.status == bindparam("status", "")),
        message,
        _BY_STATUS,
    )
)
_FIRST_CALLBACK = Query(
    by_index(
        select(callback.c.received_at)
        .where(callback.c.state == InboxState.PENDING.value)
        .order_by(callback.c.id)
        .limit(literal_number(1)),
        callback,
        "ix_wm_callback_state",
    )
)
_UNKNOWN = Query(
    by_index(
        select(message.c.provider_code, func.count().label("messages"))
        .where(message.c.status == MessageStatus.UNKNOWN.value)
        .group_by(message.c.provider_code),
        message,
        _BY_STATUS,
    )
)


def _counted(statuses: Sequence[MessageStatus], *where: ColumnElement[bool]) -> Query:
    """How many messages: one range of the index by status and id for each of `statuses`."""
    ranges = [
        by_index(
            select(message.c.id)
            .where(message.c.status == literal(status.value, literal_execute=True), *where)
            .limit(literal_number(MAX_COUNTED_VIOLATIONS)),
            message,
            _BY_STATUS,
        ).subquery()
        for status in statuses
    ]
    matching = union_all(*(select(range_.c.id) for range_ in ranges)).subquery()
    return Query(select(func.count().label("rows")).select_from(matching))


def _attempt(*where: ColumnElement[bool]) -> ScalarSelect[int]:
    """An attempt of the message, or NULL. Not an EXISTS: MariaDB would read all attempts that there are."""
    own = select(attempt.c.number).where(attempt.c.message_id == message.c.id, *where)
    return own.limit(literal_number(1)).scalar_subquery()


def _overdue() -> Select[Any]:
    """Calls among the due rows: a range of the index for each class."""
    late = due.c.due_at < bindparam("late", 0)
    urgencies = [literal_number(urgency) for urgency in Urgency]
    overdue = by_index(
        select(due.c.seq)
        .where(due.c.urgency.in_(urgencies), late, due.c.place == LanePosition.HOLDING.value)
        .limit(MAX_COUNTED_VIOLATIONS),
        due,
        "ix_wm_due_when",
    ).subquery()
    return select(func.count().label("rows")).select_from(overdue)


_DUE: Final = select(due.c.seq).where(due.c.message_id == message.c.id).scalar_subquery()
"""Not an EXISTS, which MariaDB would answer by reading the whole index first."""

_CHUNK: Final = mass_chunk.c
_CHUNK_DUE: Final = (
    select(_CHUNK.number)
    .where(
        message.c.message_type == literal(MessageType.MASS_SEND.value, literal_execute=True),
        _CHUNK.batch_id == message.c.batch_id,
        _CHUNK.account_id == message.c.account_id,
        _CHUNK.first_index <= message.c.item_index,
        _CHUNK.last_index >= message.c.item_index,
        _CHUNK.due_at.is_not(None),
    )
    .limit(literal_number(1))
    .scalar_subquery()
)
"""Its chunk is due some time: the recipient of a mass send that waits has no due row."""

_SETTLED: Final = or_(attempt.c.outcome == OutcomeClass.ACCEPTED.value, attempt.c.facts > NO_FACTS)
_SINCE: Final[ColumnElement[bool]] = message.c.id > bindparam("since", "")
_VIOLATIONS: Final = {
    Invariant.STRANDED: _counted(
        OPEN, _DUE.is_(None), _CHUNK_DUE.is_(None)
    ),
    Invariant.SENDING_WITHOUT_INTENT: _counted(
        [MessageStatus.SENDING], _attempt(attempt.c.unsettled == 1).is_(None)
    ),
    Invariant.SENT_WITHOUT_PROOF: _counted(
        [MessageStatus.SENT, MessageStatus.DELIVERED], _SINCE, _attempt(_SETTLED).is_(None)
    ),
    Invariant.FAILED_UNPROVEN: _counted(
        [MessageStatus.FAILED], _SINCE,
        or_(message.c.confirmed == true(), message.c.confirmed.is_(None)),
        _attempt(attempt.c.outcome == OutcomeClass.UNCERTAIN.value, attempt.c.unsettled == 1).is_not(None),
    ),
    Invariant.LEASE_OVERDUE: Query(_overdue()),
}  # fmt: skip


class SqlStoreMetrics:
    """Reads what is committed."""

    def __init__(self, run: Run, dialect: Dialect, clock: Clock) -> None:
        """`clock` is the store's where the database has none of its own (D-61)."""
        self._run = run
        self._dialect = dialect
        self._clock = clock

    async def oldest_due_ms(self) -> int:
        """By the first entry of each class in the claim's index."""
        return await self._run(self._oldest_due_ms)

    def _oldest_due_ms(self, connection: Connection) -> int:
        now = self._dialect.instant(connection, self._clock.now())
        firsts = [_FIRST_DUE.rows(connection, urgency=urgency.value)[0]["due_at"] for urgency in Urgency]
        firsts.append(_FIRST_CHUNK.rows(connection)[0]["due_at"])
        return max((now - int(first) for first in firsts if first is not None and first <= now), default=0)

    async def oldest_open_ms(self) -> Mapping[MessageStatus, int]:
        """By the first entry of each status in its index: an id holds the instant of acceptance."""
        return await self._run(self._oldest_open_ms)

    def _oldest_open_ms(self, connection: Connection) -> dict[MessageStatus, int]:
        now = self._dialect.instant(connection, self._clock.now())
        firsts = {status: _OLDEST.rows(connection, status=status.value)[0]["id"] for status in OPEN}
        return {status: 0 if first is None else max(0, now - made_at(first)) for status, first in firsts.items()}

    async def webhook_overdue_ms(self) -> int:
        """By the first entry of each endpoint in an index; due times of deliveries are by the clock of this machine."""
        due_at = await self._run(overdue_since)
        return 0 if due_at is None else max(0, self._clock.now() - due_at)

    async def inbox_lag_ms(self) -> int:
        """By the first entry of an index; callbacks arrive by the clock of this machine."""
        first = await self._run(_FIRST_CALLBACK.rows)
        return max(0, self._clock.now() - first[0]["received_at"]) if first else 0

    async def unknown_open(self) -> Mapping[ProviderCode, int]:
        return await self._run(_unknown_open)

    async def media_jobs(self) -> Mapping[MediaWork, int]:
        return await self._run(media_counts.jobs)

    async def media_overdue_ms(self) -> int:
        """By the first entry of an index."""
        return await self._run(self._media_overdue_ms)

    def _media_overdue_ms(self, connection: Connection) -> int:
        first = media_counts.first_due(connection)
        return 0 if first is None else max(0, self._dialect.instant(connection, self._clock.now()) - first)

    async def media_assets(self) -> Mapping[MediaState, int]:
        """By ranges of an index."""
        return await self._run(media_counts.assets)

    async def violations(self) -> Mapping[Invariant, int]:
        return await self._run(self._violations)

    def _violations(self, connection: Connection) -> dict[Invariant, int]:
        now = self._dialect.instant(connection, self._clock.now())
        parameters = {
            kind: {"since": smallest_id(now - RECENT_MS)}
            for kind in (Invariant.SENT_WITHOUT_PROOF, Invariant.FAILED_UNPROVEN)
        } | {Invariant.LEASE_OVERDUE: {"late": now - LEASE_OVERDUE_MS}}
        return {
            kind: min(MAX_COUNTED_VIOLATIONS, query.rows(connection, **parameters.get(kind, {}))[0]["rows"])
            for kind, query in _VIOLATIONS.items()
        }


def _unknown_open(connection: Connection) -> dict[ProviderCode, int]:
    return {
        ProviderCode(row["provider_code"]): row["messages"] for row in _UNKNOWN.rows(connection) if row["provider_code"]
    }


def _conforms(store_metrics: SqlStoreMetrics) -> StoreMetrics:
    return store_metrics
