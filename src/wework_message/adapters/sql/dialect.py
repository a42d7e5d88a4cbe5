"""What portable SQL cannot say (decision 51): multi-row upserts and the claim. One class per dialect.

This version speaks SQLite; the class for MySQL and MariaDB stands beside it once that backend lands.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Select, Table, case, exists, literal, or_, select, tuple_, union_all
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.base import Executable

from wework_message.adapters.sql.rows import SCHEDULED_PLACE
from wework_message.adapters.sql.tables import due, message
from wework_message.domain.agenda import Place, Urgency
from wework_message.domain.lifecycle import MessageStatus

HELD_BY_UNKNOWN: Final = 2
"""Value of the claim's `holder` column where an uncertain attempt holds the lane; 1 = a call in flight."""


class Dialect(Protocol):
    """Statements that differ between databases."""

    def insert_new(self, table: Table) -> Executable:
        """INSERT that leaves existing rows alone."""
        ...

    def upsert(self, table: Table, keys: Sequence[str], columns: Sequence[str]) -> Executable:
        """INSERT that updates `columns` of rows whose `keys` exist."""
        ...

    def add_up(self, table: Table, keys: Sequence[str], column: str) -> Executable:
        """INSERT that adds to `column` of rows whose `keys` exist."""
        ...

    def claim(self, now: int, limit: int) -> Select[Any]:
        """Due rows in claim order with `holder` and `behind`, locked against other claimers."""
        ...


class SqliteDialect:
    """SQLite 3.35 or newer. A unit of work begins IMMEDIATE: it is the only writer, so a claim needs no row locks."""

    def insert_new(self, table: Table) -> Executable:
        """INSERT ... ON CONFLICT DO NOTHING."""
        return sqlite.insert(table).on_conflict_do_nothing()

    def upsert(self, table: Table, keys: Sequence[str], columns: Sequence[str]) -> Executable:
        """INSERT ... ON CONFLICT DO UPDATE."""
        statement = sqlite.insert(table)
        return statement.on_conflict_do_update(
            index_elements=list(keys), set_={name: statement.excluded[name] for name in columns}
        )

    def add_up(self, table: Table, keys: Sequence[str], column: str) -> Executable:
        """INSERT ... ON CONFLICT DO UPDATE SET n = n + new."""
        statement = sqlite.insert(table)
        return statement.on_conflict_do_update(
            index_elements=list(keys), set_={column: table.c[column] + statement.excluded[column]}
        )

    def claim(self, now: int, limit: int) -> Select[Any]:
        """One index range per urgency class, so that a backlog of one class is not read for another."""
        classes = [_due_of_class(urgency, now, limit) for urgency in Urgency]
        together = union_all(*(select(one.subquery()) for one in classes)).subquery()
        return select(together).order_by(together.c.urgency, together.c.due_at, together.c.seq).limit(limit)


def _due_of_class(urgency: Urgency, now: int, limit: int) -> Select[Any]:
    waits = due.c.place.in_((Place.WAITING, SCHEDULED_PLACE))
    return (
        select(
            due.c.seq, due.c.message_id, due.c.urgency, due.c.due_at, due.c.paced,
            case((waits, _holder(now)), else_=literal(None)).label("holder"),
            case((waits, _behind(now)), else_=literal(value=False)).label("behind"),
        )
        .where(due.c.urgency == urgency.value, due.c.due_at <= now)
        .order_by(due.c.due_at, due.c.seq)
        .limit(limit)
    )  # fmt: skip


def _holder(_now: int) -> Any:
    other, held = due.alias(), message.alias()
    return (
        select(case((held.c.status == MessageStatus.UNKNOWN.value, HELD_BY_UNKNOWN), else_=1))
        .select_from(other.join(held, held.c.id == other.c.message_id))
        .where(other.c.lane == due.c.lane, other.c.place == Place.HOLDING.value)
        .limit(1)
        .scalar_subquery()
    )


def _behind(now: int) -> Any:
    other = due.alias()
    earlier = tuple_(other.c.urgency, other.c.seq) < tuple_(due.c.urgency, due.c.seq)
    in_place = or_(other.c.place == Place.WAITING.value, (other.c.place == SCHEDULED_PLACE) & (other.c.due_at <= now))
    return exists(select(literal(1)).where(other.c.lane == due.c.lane, in_place, earlier))
