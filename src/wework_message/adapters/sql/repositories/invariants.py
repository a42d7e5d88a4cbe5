"""What must never be found in the tables beside the invariants that gauges count: rules that only the doctor asks (R-I12).

Every query reads what is due, or the newest messages, which lie together at the end of the
primary key (ids are UUIDv7): none grows with the history.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, or_, select, true

from wework_message.adapters.sql.core.tables import attempt, due, message
from wework_message.domain.lifecycle import FINAL, RESTING
from wework_message.domain.message.projection import FactKind
from wework_message.domain.outcomes import OutcomeClass

LOOK_BACK_MS: Final = 24 * 3_600_000
NEWEST: Final = 100_000
"""Rules about messages at rest look at those of the last 24 h, and of these at the newest `NEWEST`."""

MAX_NAMED: Final = 1_000
"""Rows that are counted; more are told as this many."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    kind: str
    """Part of the check's name."""
    breach: str
    """What a row that breaks it is, for people."""
    query: Callable[[str], Select[Any]]
    """From the smallest message id to look at to the ids of messages that break the rule."""


def breaking(connection: Connection, rule: Rule, now: int) -> list[str]:
    """Ids of messages that break this rule, at most `MOST`."""
    query = rule.query(_oldest_looked_at(connection, now)).limit(MAX_NAMED)
    return [str(row[0]) for row in connection.execute(query)]


def _oldest_looked_at(connection: Connection, now: int) -> str:
    newest = select(message.c.id).order_by(message.c.id.desc()).limit(NEWEST).subquery()
    of_these = connection.execute(select(func.min(newest.c.id))).scalar() or ""
    return max(smallest_id(now - LOOK_BACK_MS), str(of_these))


def smallest_id(since: int) -> str:
    """No UUIDv7 made at `since` (epoch ms) or later is smaller (RFC 9562)."""
    digits = f"{max(since, 0):012x}"
    return f"{digits[:8]}-{digits[8:12]}"


def _due_at_rest(_: str) -> Select[Any]:
    rests = [one.value for one in RESTING]
    return select(due.c.message_id).join(message, message.c.id == due.c.message_id).where(message.c.status.in_(rests))


def _lane_held_at_rest(since: str) -> Select[Any]:
    final = [one.value for one in FINAL]
    return (
        select(attempt.c.message_id)
        .join(message, message.c.id == attempt.c.message_id)
        .where(attempt.c.message_id >= since, attempt.c.lane_open.is_not(None), message.c.status.in_(final))
    )


def _sent_twice(since: str) -> Select[Any]:
    """Two attempts of which each is known to have reached the customer, and nobody was told (R-I5)."""
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


RULES: Final = (
    Rule("due_at_rest", "rests and is due all the same", _due_at_rest),
    Rule("lane_held_at_rest", "rests and holds its conversation", _lane_held_at_rest),
    Rule("sent_twice", "went out twice and is not marked possibleDuplicate", _sent_twice),
)
"""Every rule of this module; kinds are API."""
