"""Uncertain attempts that an echo may settle by its content."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, false, or_, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.mapping.tables import account, attempt
from wework_message.domain.ids import Guid, ProviderCode
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.outcomes import OutcomeClass

UNCERTAIN_WINDOW_MS: Final = 24 * 3_600_000
"""A person settles older uncertain attempts: no echo is matched to them."""

_UNPROVEN: Final = (OutcomeClass.UNCERTAIN.value, OutcomeClass.REFUSED_PERMANENT.value)
"""Outcomes that may be unproven: the first always, the second where its code is in no table."""

_AND_ABSENT: Final = (*_UNPROVEN, OutcomeClass.NOT_SENT.value)
"""The third is unproven where a stream did not have it. It was UNCERTAIN before, so nobody need wait for whoever writes it."""


def uncertain(
    connection: Connection, provider_code: ProviderCode, guids: Sequence[Guid], now: int, latest: bool
) -> Sequence[OpenAttempt]:
    """Unproven attempts of these guids that no provider id has been matched to, oldest first; `latest` locks them."""
    columns = attempt.c
    statement = (
        select(
            columns.message_id, columns.number, columns.guid, columns.conversation_id, columns.content_key,
            columns.started_at, columns.ended_at, columns.provider_message_id, account.c.vid,
        )
        .select_from(attempt.outerjoin(account, account.c.account_id == columns.account_id))
        .where(
            columns.guid.in_(guids),
            columns.provider_code == provider_code,
            columns.outcome.in_(_UNPROVEN if latest else _AND_ABSENT),
            or_(columns.outcome == OutcomeClass.UNCERTAIN.value, columns.confirmed == false()),
            columns.started_at >= now - UNCERTAIN_WINDOW_MS,
        )
        .order_by(columns.started_at)
    )  # fmt: skip
    if latest:
        statement = by_index(statement, attempt, "ix_wm_attempt_uncertain").with_for_update(read=True)
    return [
        OpenAttempt(
            message_id=row.message_id, number=row.number, guid=row.guid, conversation_id=row.conversation_id,
            content_key=row.content_key, started_at=row.started_at, ended_at=row.ended_at, own_user_id=row.vid,
        )
        for row in connection.execute(statement)
        if row.provider_message_id is None  # not in the query: with it the planner prefers the index on these ids
    ]  # fmt: skip
