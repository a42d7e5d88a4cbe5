"""Rules that stored rows must never break and that no gauge counts: only the doctor checks them (R-I12).

Every query reads what is due, or the newest messages, which lie together at the end of the
primary key (ids are UUIDv7): none grows with the history.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, or_, select, true

from wework_message.adapters.sql.mapping.tables import attempt, due, message
from wework_message.domain.lifecycle import FINAL, RESTING
from wework_message.domain.message.projection import FactKind
from wework_message.domain.outcomes import OutcomeClass

RULE_WINDOW_MS: Final = 24 * 3_600_000
MAX_MESSAGES: Final = 100_000
"""Rules about messages at rest look at those of the last 24 h, and of these at the newest `MAX_MESSAGES`."""

MAX_COUNTED: Final = 1_000
"""Rows that are counted; more are reported as this many."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, and the query for what breaks it."""

    kind: str
    """Part of the check's name."""
    breach: str
    """What a row that breaks it is, for people."""
    query: Callable[[str], Select[Any]]
    """From the smallest message id to look at to the ids of messages that break the rule."""


def breaking(connection: Connection, rule: Rule, now: int) -> list[str]:
    """Ids of messages that break this rule, at most `MAX_COUNTED`."""
    query = rule.query(_first_id_to_check(connection, now)).limit(MAX_COUNTED)
    return [str(row[0]) for row in connection.execute(query)]


def _first_id_to_check(connection: Connection, now: int) -> str:
    newest = select(message.c.id).order_by(message.c.id.desc()).limit(MAX_MESSAGES).subquery()
    first_id = connection.execute(select(func.min(newest.c.id))).scalar() or ""
    return max(smallest_id(now - RULE_WINDOW_MS), str(first_id))


def smallest_id(since: int) -> str:
    """No UUIDv7 made at `since` (epoch ms) or later is smaller (RFC 9562)."""
    digits = f"{max(since, 0):012x}"
    return f"{digits[:8]}-{digits[8:12]}"


def made_at(message_id: str) -> int:
    """The instant of a UUIDv7, epoch ms."""
    return int(message_id[:8] + message_id[9:13], 16)


def _due_at_rest(_: str) -> Select[Any]:
    rests = [status.value for status in RESTING]
    return select(due.c.message_id).join(message, message.c.id == due.c.message_id).where(message.c.status.in_(rests))


def _lane_held_at_rest(since: str) -> Select[Any]:
    final = [status.value for status in FINAL]
    return (
        select(attempt.c.message_id)
        .join(message, message.c.id == attempt.c.message_id)
        .where(attempt.c.message_id >= since, attempt.c.lane_open.is_not(None), message.c.status.in_(final))
    )


def _sent_twice(since: str) -> Select[Any]:
    """Two attempts are known to have reached the customer, and the message does not say so (R-I5)."""
    echoed = attempt.c.facts.like(f"%{FactKind.ECHO}%")
    seen = or_(
        attempt.c.outcome == OutcomeClass.ACCEPTED.value,
        echoed,
        attempt.c.facts.like(f"%{FactKind.SERVER_RETRY_OK}%"),
    )
    failed = or_(
        attempt.c.facts.like(f"%{FactKind.SEND_FAIL}%"),
        and_(attempt.c.facts.like(f"%{FactKind.TASK_FAILED}%"), ~echoed),
    )
    twice = (
        select(attempt.c.message_id)
        .where(attempt.c.message_id >= since, seen, ~failed)
        .group_by(attempt.c.message_id)
        .having(func.count() > 1)
        .subquery()
    )
    marked = message.c.possible_duplicate == true()
    return select(twice.c.message_id).join(message, and_(message.c.id == twice.c.message_id, ~marked))


RULES: Final = (
    Rule("due_at_rest", "rests and is due all the same", _due_at_rest),
    Rule("lane_held_at_rest", "rests and holds its conversation", _lane_held_at_rest),
    Rule("sent_twice", "went out twice and is not marked possibleDuplicate", _sent_twice),
)
"""Every rule of this module; kinds are API."""
