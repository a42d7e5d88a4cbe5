"""The correction of due times on SQL."""

from typing import Final

from sqlalchemy import Connection, bindparam, case, func, select, update

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.index_hints import beside_index, by_index, joined_in_order
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.mass_tables import mass_chunk
from wework_message.adapters.sql.mapping.rows import SCHEDULED_POSITION
from wework_message.adapters.sql.mapping.tables import due, message
from wework_message.domain.ids import AccountId
from wework_message.domain.lifecycle import LIMITS, WAITING, MessageStatus
from wework_message.domain.message.scheduling import Urgency
from wework_message.domain.ports.maintenance import DueTimes, Overdue
from wework_message.domain.ports.system import Clock

_LATE: Final = (due.c.place != SCHEDULED_POSITION, due.c.due_at > bindparam("now") + due.c.in_ms)
_FIND: Final = (
    # The first two conditions are the index: rows that are due already are not read.
    select(due.c.seq)
    .where(due.c.urgency.in_([urgency.value for urgency in Urgency]), due.c.due_at > bindparam("now"), *_LATE)
    .limit(bindparam("limit"))
)
_SHORTEN: Final = (
    update(due)
    .where(due.c.seq.in_(bindparam("numbers", expanding=True)), *_LATE)
    .values(due_at=bindparam("now") + due.c.in_ms)
)
_LIMITED: Final = (
    # By status: few messages are HELD, and an account may have millions.
    by_index(
        select(due.c.seq)
        .join_from(message, due, due.c.message_id == message.c.id)
        .where(
            message.c.status == MessageStatus.HELD.value,
            beside_index(message.c.account_id) == bindparam("account_id"),
            message.c.reason.in_(sorted(LIMITS)),
            due.c.due_at > bindparam("now"),
        )
        .limit(bindparam("limit")),
        message,
        "ix_wm_message_status",
    )
)
_RECHECK: Final = (
    update(due)
    .where(due.c.seq.in_(bindparam("numbers", expanding=True)), due.c.due_at > bindparam("now"))
    .values(due_at=bindparam("now"), in_ms=0, paced=False)
)


_CHUNK: Final = mass_chunk.c
_SHORTEN_CHUNKS: Final = (
    update(mass_chunk)
    .where(_CHUNK.due_at > bindparam("now"), _CHUNK.due_at > bindparam("now") + _CHUNK.in_ms)
    .values(
        placed_at=case((_CHUNK.placed_at.is_not(None), bindparam("now") + _CHUNK.in_ms)),
        due_at=bindparam("now") + _CHUNK.in_ms,
    )
)
_RECHECK_CHUNKS: Final = (
    update(mass_chunk)
    .where(_CHUNK.account_id == bindparam("the_account"), _CHUNK.due_at > bindparam("now"))
    .values(due_at=bindparam("now"), in_ms=0, paced_for=None, placed_at=None)
)
"""All of the account that wait for a time: a look more does no harm."""

_IN_ORDER: Final = Query(
    joined_in_order(
        by_index(
            by_index(
                select(due.c.seq, due.c.message_id, message.c.status, message.c.expires_at)
                .join_from(due, message, message.c.id == due.c.message_id)
                .where(due.c.seq > bindparam("after", 0))
                .order_by(due.c.seq)
                .limit(bindparam("limit", 0)),
                due,
            ),
            message,
        )
    )
)
_NEWEST: Final = Query(select(func.max(due.c.seq).label("newest")))


class SqlDueTimes:
    """Due times inside one transaction."""

    def __init__(self, run: Run, dialect: Dialect, clock: Clock) -> None:
        """`clock` is the store's where the database has none of its own (D-61)."""
        self._run = run
        self._dialect = dialect
        self._clock = clock

    async def now(self) -> int:
        """By the database where it has a clock."""
        return await self._run(self._now)

    def _now(self, connection: Connection) -> int:
        return self._dialect.instant(connection, self._clock.now())

    async def overdue(self, after: int, limit: int) -> Overdue:
        """By serial number, and each message by its id."""
        return await self._run(self._overdue, after, limit)

    def _overdue(self, connection: Connection, after: int, limit: int) -> Overdue:
        now = self._now(connection)
        rows = _IN_ORDER.rows(connection, after=after, limit=limit)
        overdue = [row["message_id"] for row in rows if row["expires_at"] <= now and row["status"] in WAITING]
        return Overdue(overdue, rows[-1]["seq"] if len(rows) == limit else None)

    async def newest(self) -> int:
        """The end of the primary key."""
        return await self._run(self._newest)

    def _newest(self, connection: Connection) -> int:
        return int(_NEWEST.rows(connection)[0]["newest"] or 0)

    async def shorten(self, limit: int) -> int:
        """Find them without locks, then update them by number."""
        return await self._run(self._shorten, limit)

    def _shorten(self, connection: Connection, limit: int) -> int:
        now = self._now(connection)
        numbers = connection.execute(_FIND, {"now": now, "limit": limit}).scalars().all()
        shortened = connection.execute(_SHORTEN_CHUNKS, {"now": now}).rowcount
        if not numbers:
            return shortened
        connection.execute(_SHORTEN, {"numbers": numbers, "now": now})
        return len(numbers)

    async def recheck_limited(self, account_id: AccountId, limit: int) -> int:
        """Find them without locks, then update them by number."""
        return await self._run(self._recheck_limited, account_id, limit)

    def _recheck_limited(self, connection: Connection, account_id: AccountId, limit: int) -> int:
        now = self._now(connection)
        limited = {"account_id": account_id, "now": now, "limit": limit}
        numbers = connection.execute(_LIMITED, limited).scalars().all()
        if numbers:
            connection.execute(_RECHECK, {"numbers": numbers, "now": now})
        chunks = connection.execute(_RECHECK_CHUNKS, {"the_account": account_id, "now": now}).rowcount
        return max(len(numbers), chunks)


def _conforms(due_times: SqlDueTimes) -> DueTimes:
    return due_times
