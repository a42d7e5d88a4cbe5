"""What portable SQL cannot say (decision 51): upserts, instants by the database's clock, and the claim; and SQLite's way.

One class per dialect; MySQL's and MariaDB's is in `mysql_dialect`.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, Protocol

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    case,
    exists,
    false,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects import sqlite

from wework_message.adapters.sql.core.lease_table import lease
from wework_message.adapters.sql.core.named_claims import ClaimNamed
from wework_message.adapters.sql.core.prepared import Prepared, Query, Selection, Statement, inserting, parameters
from wework_message.adapters.sql.core.rows import SCHEDULED_POSITION
from wework_message.adapters.sql.core.tables import (
    account,
    binding,
    callback,
    dead_letter,
    due,
    finished,
    idempotency_key,
    message,
)
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.scheduling import LanePosition, Urgency

HELD_BY_UNKNOWN: Final = 2
"""Value of the claim's `holder` column where an uncertain attempt holds the lane; 1 = a call in flight."""


DUE_DEFAULTS: Final = ("seq", "lease_owner", "epoch")
"""Columns of a due row that the database fills."""


class Dialect(Protocol):
    """Statements that differ between databases. Parameters carry the columns' names.

    Where a row says when it is due, it says so as ``due_at`` and as ``now`` and ``in_ms``.
    """

    @property
    def new_key(self) -> Statement:
        """Insert an idempotency key, leaving a taken one alone."""
        ...

    @property
    def new_callback(self) -> Statement:
        """Insert a callback, leaving a known one alone."""
        ...

    @property
    def new_dead_letter(self) -> Statement:
        """Insert a dead letter, leaving a known one alone."""
        ...

    @property
    def new_account(self) -> Statement:
        """Insert an account, leaving a known one alone."""
        ...

    @property
    def new_binding(self) -> Statement:
        """Insert a binding, leaving a known one alone."""
        ...

    @property
    def new_due(self) -> Statement:
        """Insert when a message is due first."""
        ...

    @property
    def due_again(self) -> Statement:
        """When a message is due next; it keeps its place in its account's budget."""
        ...

    @property
    def call_started(self) -> Statement:
        """The same for a call that starts: it uses up the place in the budget."""
        ...

    @property
    def count(self) -> Statement:
        """Add to a kept counter."""
        ...

    @property
    def wake_next(self) -> Statement:
        """Make the first waiting message of `the_lane` due, if it is parked."""
        ...

    @property
    def wake_all(self) -> Statement:
        """Make every parked message of `the_lane` due."""
        ...

    @property
    def new_lease(self) -> Statement:
        """Insert a duty that nobody has, leaving a known one alone."""
        ...

    def instant(self, connection: Connection, now: int) -> int:
        """Epoch ms by the database's clock; `now` is the process's, for a database that has none of its own."""
        ...

    @property
    def claim(self) -> Selection:
        """Due rows in claim order with `holder` and `behind`, locked against others; parameters `now` and `most`."""
        ...

    @property
    def claim_named(self) -> Selection:
        """The same, of the messages `ids` only."""
        ...


class SqliteDialect:
    """SQLite 3.35 or newer. A unit of work begins IMMEDIATE: it is the only writer, so a claim needs no row locks."""

    @cached_property
    def new_key(self) -> Prepared:
        """ON CONFLICT DO NOTHING."""
        return _insert_new(idempotency_key)

    @cached_property
    def new_callback(self) -> Prepared:
        """ON CONFLICT DO NOTHING."""
        return _insert_new(callback, "id", "tenant_id", "message_id", "waits_for")

    @cached_property
    def new_dead_letter(self) -> Prepared:
        """ON CONFLICT DO NOTHING."""
        return _insert_new(dead_letter, "id", "replayed_at", "target")

    @cached_property
    def new_account(self) -> Prepared:
        """ON CONFLICT DO NOTHING."""
        return _insert_new(account)

    @cached_property
    def new_binding(self) -> Prepared:
        """ON CONFLICT DO NOTHING."""
        return _insert_new(binding)

    @cached_property
    def new_due(self) -> Prepared:
        """A plain insert."""
        return inserting(due, without=DUE_DEFAULTS)

    @cached_property
    def due_again(self) -> Prepared:
        """ON CONFLICT DO UPDATE."""
        return _upsert_due("place", "parked", "due_at")

    @cached_property
    def call_started(self) -> Prepared:
        """ON CONFLICT DO UPDATE."""
        return _upsert_due("place", "parked", "due_at", "paced")

    @cached_property
    def count(self) -> Prepared:
        """ON CONFLICT DO UPDATE SET total = total + new."""
        statement = sqlite.insert(finished).values(parameters(finished))
        keys = ["tenant_id", "provider_code", "message_type", "outcome"]
        added = finished.c.total + statement.excluded.total
        return Prepared(statement.on_conflict_do_update(index_elements=keys, set_={"total": added}))

    @cached_property
    def wake_next(self) -> Prepared:
        """One update."""
        following = due.alias("following")
        first = (
            select(following.c.seq)
            .where(following.c.lane == bindparam("the_lane"), following.c.place == LanePosition.WAITING.value)
            .order_by(following.c.urgency, following.c.seq)
            .limit(1)
            .scalar_subquery()
        )
        woken = {"due_at": bindparam("now"), "parked": false()}
        return Prepared(update(due).where(due.c.seq == first, due.c.parked).values(woken))

    @cached_property
    def wake_all(self) -> Prepared:
        """One update."""
        parked = (due.c.lane == bindparam("the_lane"), due.c.place == LanePosition.WAITING.value, due.c.parked)
        return Prepared(update(due).where(*parked).values(due_at=bindparam("now"), parked=false()))

    @cached_property
    def new_lease(self) -> Prepared:
        """ON CONFLICT DO NOTHING."""
        return _insert_new(lease)

    def instant(self, connection: Connection, now: int) -> int:  # noqa: ARG002 -- a file has no clock
        """The process's: those that share a file share a machine."""
        return now

    @cached_property
    def claim(self) -> Query:
        """One index range per urgency class, so that a backlog of one class is not read for another."""
        classes = [_due_of_class(urgency) for urgency in Urgency]
        together = union_all(*(select(one.subquery()) for one in classes)).subquery()
        order = (together.c.urgency, together.c.due_at, together.c.seq)
        return Query(select(together).order_by(*order).limit(bindparam("most", 0)))

    @cached_property
    def claim_named(self) -> ClaimNamed:
        """By the unique index on message ids."""
        return ClaimNamed(_claimed_columns(), _NOW)


def _insert_new(table: Table, *without: str) -> Prepared:
    return Prepared(sqlite.insert(table).values(parameters(table, without=without)).on_conflict_do_nothing())


def _upsert_due(*columns: str) -> Prepared:
    statement = sqlite.insert(due).values(parameters(due, without=DUE_DEFAULTS))
    changed = {name: statement.excluded[name] for name in columns}
    return Prepared(statement.on_conflict_do_update(index_elements=["message_id"], set_=changed))


_NOW: Final[BindParameter[int]] = bindparam("now", 0)


def _claimed_columns() -> Sequence[ColumnElement[Any]]:
    waits = due.c.place.in_(_literals(LanePosition.WAITING, SCHEDULED_POSITION))
    return (
        due.c.seq, due.c.message_id, due.c.urgency, due.c.due_at, due.c.paced,
        case((waits, holder_of(due)), else_=null()).label("holder"),
        case((waits, _behind()), else_=literal_number(0)).label("behind"),
    )  # fmt: skip


def _due_of_class(urgency: Urgency) -> Select[Any]:
    return (
        select(*_claimed_columns())
        .where(due.c.urgency == literal_number(urgency), due.c.due_at <= _NOW)
        .order_by(due.c.due_at, due.c.seq)
        .limit(bindparam("most", 0))
    )


def holder_of(row: Table) -> ColumnElement[int]:
    """What holds the lane of a due row: NULL, a call in flight, or `HELD_BY_UNKNOWN`."""
    other, held = due.alias("other"), message.alias("held")
    unknown = held.c.status == literal(MessageStatus.UNKNOWN.value, literal_execute=True)
    return (
        select(case((unknown, literal_number(HELD_BY_UNKNOWN)), else_=literal_number(1)))
        .select_from(other.join(held, held.c.id == other.c.message_id))
        .where(other.c.lane == row.c.lane, other.c.place == literal_number(LanePosition.HOLDING))
        .limit(literal_number(1))
        .with_hint(other, "FORCE INDEX (ix_wm_due_lane)", "mysql")
        .scalar_subquery()
    )


def _behind() -> ColumnElement[bool]:
    other = due.alias()
    earlier = tuple_(other.c.urgency, other.c.seq) < tuple_(due.c.urgency, due.c.seq)
    in_place = or_(
        other.c.place == literal_number(LanePosition.WAITING),
        (other.c.place == literal_number(SCHEDULED_POSITION)) & (other.c.due_at <= _NOW),
    )
    return exists(select(literal_number(1)).where(other.c.lane == due.c.lane, in_place, earlier))


def literal_number(number: int) -> ColumnElement[int]:
    """A constant in the text of the statement."""
    return literal(int(number), literal_execute=True)


def _literals(*numbers: int) -> Sequence[ColumnElement[int]]:
    return [literal_number(number) for number in numbers]
