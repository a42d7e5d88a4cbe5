"""Whose a day is: which customer gets which mass send of an account on it, on SQL."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, bindparam, false, literal, or_, select, true

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query, updating
from wework_message.adapters.sql.mapping.mass_tables import mass_day
from wework_message.adapters.sql.mapping.tables import message
from wework_message.domain.ids import AccountId, MessageId, TenantId
from wework_message.domain.lifecycle import WAITING, MessageStatus


def _literals(*statuses: MessageStatus) -> Sequence[ColumnElement[str]]:
    return [literal(status.value, literal_execute=True) for status in sorted(statuses)]


_D: Final = mass_day.c
_DAYS: Final = Query(
    by_index(
        select(_D.conversation_id, _D.message_id).where(
            _D.account_id == bindparam("the_account"),
            _D.day == bindparam("the_day"),
            _D.conversation_id.in_(bindparam("conversations", expanding=True)),
        ),
        mass_day,
    ).with_for_update()
)
_TAKE_OVER: Final = updating(
    mass_day, {"account_id": "account_id", "day": "day", "conversation_id": "conversation_id"}, ["message_id"]
)
_UNSENT: Final = Query(
    by_index(
        select(message.c.id).where(
            message.c.id.in_(bindparam("ids", expanding=True)),
            message.c.possible_duplicate == false(),
            or_(
                message.c.status.in_(_literals(*WAITING, MessageStatus.CANCELLED, MessageStatus.EXPIRED)),
                and_(message.c.status.in_(_literals(MessageStatus.FAILED)), message.c.confirmed == true()),
            ),
        ),
        message,
    ).with_for_update()
)


def take_days(
    connection: Connection,
    dialect: Dialect,
    tenant_id: TenantId,
    account_id: AccountId,
    day: str,
    owners: Mapping[str, MessageId],
) -> frozenset[str]:
    """What `MassRepository.take_days` does; `owners` has at least one conversation."""
    # Processes that lock in the same order cannot deadlock.
    own = [
        {"account_id": account_id, "day": day, "conversation_id": conversation_id, "tenant_id": tenant_id,
         "message_id": owners[conversation_id]}
        for conversation_id in sorted(owners)
    ]  # fmt: skip
    if dialect.new_mass_day.many(connection, own) == len(own):
        return frozenset()
    stored = _DAYS.rows(connection, the_account=account_id, the_day=day, conversations=sorted(owners))
    others = {
        row["conversation_id"]: row["message_id"]
        for row in stored
        if row["message_id"] != owners[row["conversation_id"]]
    }
    ids = sorted(set(others.values()))
    unsent = {row["id"] for row in _UNSENT.rows(connection, ids=ids)} if ids else ()
    _TAKE_OVER.many(connection, [row for row in own if others.get(row["conversation_id"]) in unsent])
    return frozenset(conversation_id for conversation_id, owner in others.items() if owner not in unsent)
