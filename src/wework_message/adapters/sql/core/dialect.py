"""What portable SQL cannot express (D-51): upserts, instants by the database's clock, and the claim.

One class per database, in a module of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, Final, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    case,
    literal,
    select,
)

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Prepared, Selection, Statement
from wework_message.adapters.sql.mapping.lease_table import lease
from wework_message.adapters.sql.mapping.mass_tables import mass_day
from wework_message.adapters.sql.mapping.media_tables import media, media_bytes, media_job
from wework_message.adapters.sql.mapping.pause_table import pause
from wework_message.adapters.sql.mapping.placement_table import placement
from wework_message.adapters.sql.mapping.pool_table import pool_choice
from wework_message.adapters.sql.mapping.tables import (
    account,
    binding,
    callback,
    dead_letter,
    due,
    finished,
    idempotency_key,
    message,
)
from wework_message.adapters.sql.mapping.webhook_tables import webhook_delivery
from wework_message.domain.lifecycle import MessageStatus
from wework_message.domain.message.scheduling import LanePosition
from wework_message.domain.routing.shares import Turn

HELD_BY_UNKNOWN: Final = 2
"""Value of the claim's `holder` column where an uncertain attempt holds the lane; 1 = a call in flight."""


DUE_DEFAULTS: Final = ("seq", "paced_for")
"""Columns of a due row that the database fills."""


class Dialect(Protocol):
    """Statements that differ between databases. Parameters carry the columns' names.

    A row has its due time twice: as ``due_at``, and as ``now`` and ``in_ms``.
    """

    @property
    def writes_alone(self) -> bool:
        """Whether a unit of work is the only writer of the database until it ends."""
        ...

    @property
    def keeps_room(self) -> bool:
        """Whether a row that will grow is better inserted with room for it (`answer_room`)."""
        ...

    def overwriting(self, connection: Connection) -> AbstractContextManager[None]:
        """While it is open, what is freed is overwritten too, where the database can do that."""
        ...

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
    def new_pause(self) -> Statement:
        """Insert a pause, leaving an earlier one alone."""
        ...

    @property
    def new_placement(self) -> Statement:
        """Insert an open placement, leaving an earlier one alone."""
        ...

    @property
    def new_mass_day(self) -> Statement:
        """Insert the day of a mass send's recipient, leaving a known one alone."""
        ...

    @property
    def new_pool_choice(self) -> Statement:
        """Insert the account of a pool's conversation, leaving a known one alone."""
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
    def new_delivery(self) -> Statement:
        """Insert a delivery to a webhook, leaving a known one alone."""
        ...

    @property
    def new_media(self) -> Statement:
        """Insert an asset that owns its URL, leaving the one that owns it alone."""
        ...

    @property
    def new_media_job(self) -> Statement:
        """Insert a job of media, leaving an equal one alone."""
        ...

    @property
    def new_media_bytes(self) -> Statement:
        """Insert bytes that perhaps no asset has, leaving known ones alone."""
        ...

    @property
    def new_due(self) -> Statement:
        """Insert the first due time of a message."""
        ...

    @property
    def reschedule(self) -> Statement:
        """Set when a message is due next; it keeps its place in its account's budget."""
        ...

    @property
    def call_started(self) -> Statement:
        """As `reschedule`, for a call that starts: it uses up the place in the budget."""
        ...

    @property
    def count(self) -> Statement:
        """Add to a stored counter."""
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
        """Insert a lease without a holder, leaving a known one alone."""
        ...

    def instant(self, connection: Connection, now: int) -> int:
        """Epoch ms by the database's clock; `now` is by the process's clock, for a database without one."""
        ...

    @property
    def claim(self) -> "Claim":
        """Due rows of the accounts whose turn it is, locked against others."""
        ...

    @property
    def claim_by_age(self) -> Selection:
        """Due rows, the most urgent and oldest first, whose turn it may be; parameters `now` and `limit`."""
        ...

    @property
    def claim_named(self) -> "NamedClaim":
        """As `claim`, of some messages only."""
        ...


class Claim(Protocol):
    """Claims due rows, in claim order, with `holder` and `behind`."""

    def rows(self, connection: Connection, *, now: int, limit: int, turn: Turn) -> list[dict[str, Any]]:
        """`now` in epoch ms, for a database without a clock."""
        ...


class NamedClaim(Protocol):
    """The same, among `ids`."""

    def rows(
        self, connection: Connection, *, now: int, limit: int, turn: Turn, ids: Sequence[str]
    ) -> list[dict[str, Any]]:
        """`ids` need not be due, nor exist."""
        ...


class InsertStatements(ABC):
    """Inserts that differ between databases only in how a known row is left alone, or added to."""

    @abstractmethod
    def _insert_new(self, table: Table, *without: str) -> Prepared:
        """INSERT of every column but `without` that leaves a known row alone, and swallows no other error."""

    @abstractmethod
    def _insert_or_add(self, table: Table, column: str) -> Prepared:
        """INSERT of every column that adds to `column` of a row whose primary key is known."""

    def overwriting(self, connection: Connection) -> AbstractContextManager[None]:  # noqa: ARG002 -- for those that can
        """The database cannot: pages keep what was freed until they are used again."""
        return nullcontext()

    @cached_property
    def new_key(self) -> Prepared:
        """A row is known by its tenant and key."""
        return self._insert_new(idempotency_key)

    @cached_property
    def new_callback(self) -> Prepared:
        """A row is known by the vendor's key of the item."""
        return self._insert_new(callback, "id", "tenant_id")

    @cached_property
    def new_dead_letter(self) -> Prepared:
        """A row is known by its source and the source's id."""
        return self._insert_new(dead_letter, "id", "replayed_at", "target")

    @cached_property
    def new_account(self) -> Prepared:
        return self._insert_new(account, "presence_sequence")

    @cached_property
    def new_mass_day(self) -> Prepared:
        """A row is known by its account, day and conversation."""
        return self._insert_new(mass_day)

    @cached_property
    def new_pool_choice(self) -> Prepared:
        """A row is known by its tenant, pool and conversation."""
        return self._insert_new(pool_choice)

    @cached_property
    def new_placement(self) -> Prepared:
        """With every column."""
        return self._insert_new(placement)

    @cached_property
    def new_pause(self) -> Prepared:
        """With every column."""
        return self._insert_new(pause)

    @cached_property
    def new_binding(self) -> Prepared:
        return self._insert_new(binding, "seq_hwm")

    @cached_property
    def new_delivery(self) -> Prepared:
        """A row is known by its endpoint and event."""
        return self._insert_new(webhook_delivery)

    @cached_property
    def new_media(self) -> Prepared:
        """A row is known by its tenant and the key of its URL."""
        return self._insert_new(media)

    @cached_property
    def new_media_job(self) -> Prepared:
        """A row is known by what it is about."""
        return self._insert_new(media_job)

    @cached_property
    def new_media_bytes(self) -> Prepared:
        """A row is known by its tenant and hash."""
        return self._insert_new(media_bytes)

    @cached_property
    def new_lease(self) -> Prepared:
        return self._insert_new(lease)

    @cached_property
    def count(self) -> Prepared:
        """A row is known by everything that is counted apart."""
        return self._insert_or_add(finished, "total")


def holder_of(row: Table) -> ColumnElement[int]:
    """What holds the lane of a due row: NULL, a call in flight, or `HELD_BY_UNKNOWN`."""
    other, held = due.alias("other"), message.alias("held")
    unknown = held.c.status == literal(MessageStatus.UNKNOWN.value, literal_execute=True)
    holder = (
        select(case((unknown, literal_number(HELD_BY_UNKNOWN)), else_=literal_number(1)))
        .select_from(other.join(held, held.c.id == other.c.message_id))
        .where(other.c.lane == row.c.lane, other.c.place == literal_number(LanePosition.HOLDING))
        .limit(literal_number(1))
    )
    return by_index(holder, other, "ix_wm_due_lane").scalar_subquery()


def literal_number(number: int) -> ColumnElement[int]:
    """A constant in the text of the statement."""
    return literal(int(number), literal_execute=True)
