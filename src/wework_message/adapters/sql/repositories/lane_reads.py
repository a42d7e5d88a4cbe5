"""Which lanes are busy, when their last calls began, and where their messages have places in budgets."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from wework_message.adapters.sql.core.dialect import literal_number
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.named_claims import BY_MESSAGE
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping import rows
from wework_message.adapters.sql.mapping.tables import attempt, due, message
from wework_message.domain.ids import AccountId, MessageId, ProviderCode
from wework_message.domain.message.scheduling import Lane
from wework_message.domain.ports.repositories import RECENT_CALLS

_BUSY: Final = Query(
    by_index(
        select(due.c.lane).distinct().where(due.c.lane.in_(bindparam("lanes", expanding=True))), due, "ix_wm_due_lane"
    )
)

_RECENT: Final = by_index(
    select(message.c.id)
    .where(
        message.c.conversation_id == bindparam("conversation_id"),
        beside_index(message.c.account_id) == bindparam("account_id"),
        message.c.attempt_count > 0,
    )
    .order_by(message.c.id.desc())
    .limit(literal_number(RECENT_CALLS)),
    message,
    "ix_wm_message_conversation",
).subquery("recent")
"""Message ids begin with the time at which they were made. Beyond these it reads as many messages as wait in the lane."""

_LAST_START: Final = Query(
    select(func.max(attempt.c.started_at).label("started_at")).join_from(
        _RECENT, attempt, attempt.c.message_id == _RECENT.c.id
    )
)


_PLACES: Final = Query(
    by_index(
        select(due.c.message_id, due.c.paced_for).where(due.c.message_id.in_(bindparam("ids", expanding=True))),
        due,
        BY_MESSAGE,
    )
)


def places(connection: Connection, message_ids: Sequence[MessageId]) -> Mapping[MessageId, ProviderCode | None]:
    """The providers in whose budgets these have their places. A column more in every claim would be paid for by all messages."""
    return {row["message_id"]: row["paced_for"] for row in _PLACES.rows(connection, ids=list(message_ids))}


def last_starts(connection: Connection, lanes: Collection[Lane]) -> Mapping[Lane, int]:
    """One short read for each."""
    starts: dict[Lane, int] = {}
    for account_id, conversation_id in lanes:
        (row,) = _LAST_START.rows(connection, account_id=account_id, conversation_id=conversation_id)
        if row["started_at"] is not None:
            starts[AccountId(account_id), conversation_id] = row["started_at"]
    return starts


def busy_lanes(connection: Connection, lanes: Collection[Lane]) -> frozenset[Lane]:
    """Those of `lanes` that have a due row."""
    by_key = {rows.lane(*lane): lane for lane in lanes}
    return frozenset(by_key[row["lane"]] for row in _BUSY.rows(connection, lanes=list(by_key)))
