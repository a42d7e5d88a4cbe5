"""Attempts that an echo may settle by its content, and those whose answer is awaited."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, false, func, or_, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.mapping.tables import account, attempt
from wework_message.domain.ids import AccountId, Guid, ProviderCode
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.outcomes import OutcomeClass

UNCERTAIN_WINDOW_MS: Final = 24 * 3_600_000
"""A person settles older uncertain attempts: no echo is matched to them."""

_UNPROVEN: Final = (OutcomeClass.UNCERTAIN.value, OutcomeClass.REFUSED_PERMANENT.value)
"""Outcomes that may be unproven: the first always, the second where its code is in no table."""

AND_ABSENT: Final = (*_UNPROVEN, OutcomeClass.NOT_SENT.value)
"""The third is unproven where a stream did not have it. It was UNCERTAIN before, so nobody need wait for whoever writes it."""

INDEX: Final = "ix_wm_attempt_uncertain"

_LANES: Final = "uq_wm_attempt_account_id_conversation_id_lane_open"

_C: Final = attempt.c
_OFFERED: Final = select(
    _C.message_id, _C.number, _C.guid, _C.conversation_id, _C.content_key, _C.started_at, _C.ended_at,
    _C.provider_message_id, _C.unsettled, account.c.vid,
).select_from(attempt.outerjoin(account, account.c.account_id == _C.account_id)).order_by(_C.started_at)  # fmt: skip
_EARLIEST: Final = select(func.min(_C.started_at))


def uncertain(
    connection: Connection, provider_code: ProviderCode, guids: Sequence[Guid], now: int, latest: bool
) -> Sequence[OpenAttempt]:
    """Unproven attempts of these guids that no provider id has been matched to, oldest first; `latest` locks them."""
    statement = _OFFERED.where(
        _C.guid.in_(guids),
        _C.provider_code == provider_code,
        _C.outcome.in_(_UNPROVEN if latest else AND_ABSENT),
        or_(_C.outcome == OutcomeClass.UNCERTAIN.value, _C.confirmed == false()),
        _C.started_at >= now - UNCERTAIN_WINDOW_MS,
    )
    if latest:
        statement = by_index(statement, attempt, INDEX).with_for_update(read=True)
    return [
        _attempt_of(row, now)
        for row in connection.execute(statement)
        if row.provider_message_id is None  # not in the query: with it the planner prefers the index on these ids
    ]


def unanswered(connection: Connection, provider_code: ProviderCode, guid: Guid, now: int) -> Sequence[OpenAttempt]:
    """Attempts of this instance whose call has not ended, oldest first: they end `now`."""
    statement = _OFFERED.where(
        _C.guid == guid,
        _C.provider_code == provider_code,
        _C.outcome.is_(None),
        _C.started_at >= now - UNCERTAIN_WINDOW_MS,
    )
    return [_attempt_of(row, now) for row in connection.execute(by_index(statement, attempt, INDEX))]


def accepted_unnamed(
    connection: Connection,
    provider_code: ProviderCode,
    guid: Guid,
    account_id: AccountId,
    conversations: Collection[str],
    now: int,
) -> Sequence[OpenAttempt]:
    """Accepted attempts in these conversations that no provider id has been matched to, oldest first: those of mass sends."""
    statement = _OFFERED.where(
        _C.account_id == account_id,
        _C.conversation_id.in_(conversations),
        _C.guid == guid,
        _C.provider_code == provider_code,
        _C.outcome == OutcomeClass.ACCEPTED.value,
        _C.content_key.is_not(None),
        _C.started_at >= now - UNCERTAIN_WINDOW_MS,
    )
    return [
        _attempt_of(row, now)
        for row in connection.execute(by_index(statement, attempt, _LANES))
        if row.provider_message_id is None
    ]


def awaited_since(connection: Connection, provider_code: ProviderCode, guid: Guid, now: int) -> int | None:
    """When the earliest call of this instance began that evidence is awaited about; None = there is none."""
    instance = _EARLIEST.where(
        _C.guid == guid, _C.provider_code == provider_code, _C.started_at >= now - UNCERTAIN_WINDOW_MS
    )
    unproven = instance.where(
        _C.outcome.in_(AND_ABSENT),
        or_(_C.outcome == OutcomeClass.UNCERTAIN.value, _C.confirmed == false()),
        _C.provider_message_id.is_(None),
    )
    earliest = [
        connection.execute(by_index(statement, attempt, INDEX)).scalar()
        for statement in (unproven, instance.where(_C.outcome.is_(None)))
    ]
    return min((started_at for started_at in earliest if started_at is not None), default=None)


def _attempt_of(row: Row[*tuple[Any, ...]], now: int) -> OpenAttempt:
    return OpenAttempt(
        message_id=row.message_id, number=row.number, guid=row.guid, conversation_id=row.conversation_id,
        content_key=row.content_key, started_at=row.started_at, ended_at=max(now, row.started_at) if row.ended_at is None else row.ended_at,
        own_user_id=row.vid, unsettled=row.unsettled is not None,
    )  # fmt: skip
