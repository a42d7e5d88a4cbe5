"""What must never be found in the tables, each rule as a query for the rows that break it (domain C20).

Every query reads the open messages, which an index finds, or the newest messages, which lie together at the end of the
primary key (ids are UUIDv7): none grows with the history.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, exists, func, or_, select, true

from wework_message.adapters.sql.tables import attempt, due, message
from wework_message.domain.callbacks import FactKind
from wework_message.domain.lifecycle import FINAL, RESTING, WAITING, MessageStatus
from wework_message.domain.outcomes import OutcomeClass

LOOK_BACK_MS: Final = 24 * 3_600_000
NEWEST: Final = 100_000
"""Rules about messages at rest look at those of the last 24 h, and of these at the newest `NEWEST`."""

MOST: Final = 1_000
"""Rows that are counted; more are told as this many."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """One rule."""

    kind: str
    """Label in metrics, and the check's name."""
    breach: str
    """What a row that breaks it is, for people."""
    query: Callable[[str], Select[Any]]
    """From the smallest message id to look at to the ids of messages that break the rule."""


def violations(connection: Connection, now: int) -> Mapping[str, int]:
    """How many messages break each rule, at most `MOST`; `now` is epoch ms."""
    return {one.kind: len(breaking(connection, one, now)) for one in INVARIANTS}


def breaking(connection: Connection, invariant: Invariant, now: int) -> list[str]:
    """Ids of messages that break this rule, at most `MOST`."""
    query = invariant.query(_oldest_looked_at(connection, now)).limit(MOST)
    return [str(row[0]) for row in connection.execute(query)]


def _oldest_looked_at(connection: Connection, now: int) -> str:
    newest = select(message.c.id).order_by(message.c.id.desc()).limit(NEWEST).subquery()
    of_these = connection.execute(select(func.min(newest.c.id))).scalar() or ""
    return max(smallest_id(now - LOOK_BACK_MS), str(of_these))


def smallest_id(since: int) -> str:
    """No UUIDv7 made at `since` (epoch ms) or later is smaller."""
    digits = f"{max(since, 0):012x}"
    return f"{digits[:8]}-{digits[8:12]}"


def _stranded(_: str) -> Select[Any]:
    waits = [one.value for one in (*WAITING, MessageStatus.SENDING, MessageStatus.RECALLING)]
    looked_at = exists().where(due.c.message_id == message.c.id)
    return select(message.c.id).where(message.c.status.in_(waits), ~looked_at)


def _due_at_rest(_: str) -> Select[Any]:
    rests = [one.value for one in RESTING]
    return select(due.c.message_id).join(message, message.c.id == due.c.message_id).where(message.c.status.in_(rests))


def _sending_without_intent(_: str) -> Select[Any]:
    intent = exists().where(
        attempt.c.message_id == message.c.id, attempt.c.unsettled.is_not(None), attempt.c.outcome.is_(None)
    )
    return select(message.c.id).where(message.c.status == MessageStatus.SENDING.value, ~intent)


def _sent_without_attempt(since: str) -> Select[Any]:
    sent = [one.value for one in (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.RECALLED)]
    return select(message.c.id).where(message.c.status.in_(sent), message.c.id >= since, message.c.attempt_count == 0)


def _lane_held_at_rest(since: str) -> Select[Any]:
    final = [one.value for one in FINAL]
    return (
        select(attempt.c.message_id)
        .join(message, message.c.id == attempt.c.message_id)
        .where(attempt.c.message_id >= since, attempt.c.lane_open.is_not(None), message.c.status.in_(final))
    )


def _sent_twice(since: str) -> Select[Any]:
    """Two attempts of which each is known to have reached the customer, and nobody was told (promise 2)."""
    seen = or_(
        attempt.c.outcome == OutcomeClass.ACCEPTED.value,
        attempt.c.facts.like(f"%{FactKind.ECHO}%"),
        attempt.c.facts.like(f"%{FactKind.SERVER_RETRY_OK}%"),
    )
    failed = attempt.c.facts.like(f"%{FactKind.SEND_FAIL}%")
    twice = (
        select(attempt.c.message_id)
        .where(attempt.c.message_id >= since, seen, ~failed)
        .group_by(attempt.c.message_id)
        .having(func.count() > 1)
        .subquery()
    )
    told = message.c.possible_duplicate == true()
    return select(twice.c.message_id).join(message, and_(message.c.id == twice.c.message_id, ~told))


INVARIANTS: Final = (
    Invariant("stranded", "is open and nothing will ever look at it again", _stranded),
    Invariant("due_at_rest", "rests and is due all the same", _due_at_rest),
    Invariant("sending_without_intent", "is SENDING without an open attempt", _sending_without_intent),
    Invariant("sent_without_attempt", "counts as sent and nobody ever called", _sent_without_attempt),
    Invariant("lane_held_at_rest", "rests and holds its conversation", _lane_held_at_rest),
    Invariant("sent_twice", "went out twice and is not marked possibleDuplicate", _sent_twice),
)
"""Every rule; kinds are API."""
