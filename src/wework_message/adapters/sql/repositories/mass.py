"""Mass sends on SQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, literal, or_, select, update

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Later, Run
from wework_message.adapters.sql.core.index_hints import beside_index, by_index
from wework_message.adapters.sql.core.prepared import Query, inserting, updating
from wework_message.adapters.sql.mapping.mass_tables import mass_chunk, mass_confirmation
from wework_message.adapters.sql.mapping.rows import due_row
from wework_message.adapters.sql.mapping.tables import message
from wework_message.adapters.sql.repositories.mass_days import take_days
from wework_message.adapters.sql.repositories.mass_reader import chunk_of
from wework_message.adapters.sql.repositories.mass_tasks import (
    CALLED,
    CHECKED,
    TASK_COLUMNS,
    due_checks,
    members,
    recipients_of,
    task_row,
)
from wework_message.adapters.sql.repositories.pruned_mass_sends import OVER
from wework_message.adapters.sql.repositories.uncertainty import accepted_unnamed
from wework_message.domain.ids import AccountId, BatchId, Guid, MessageId, ProviderCode, TenantId
from wework_message.domain.lifecycle import WAITING
from wework_message.domain.mass.chunks import MassChunk
from wework_message.domain.mass.confirmation import Confirmation
from wework_message.domain.message.matching import OpenAttempt
from wework_message.domain.message.message import Message
from wework_message.domain.ports.mass import DueChunk, MassRepository, MassTask
from wework_message.domain.ports.system import Clock

_C: Final = mass_chunk.c
_KEY: Final = {"batch_id": "the_batch", "number": "the_number"}
_NEW: Final = inserting(mass_chunk)
_DUE: Final = Query(
    by_index(
        select(mass_chunk)
        .where(_C.due_at <= bindparam("now", 0))
        .order_by(_C.due_at)
        .limit(bindparam("limit", 0)),
        mass_chunk,
        "ix_wm_mass_chunk_due",
    ).with_for_update(skip_locked=True)
)  # fmt: skip
_TAKEN: Final = updating(mass_chunk, _KEY, ["due_at", "in_ms", "paced_for", "placed_at"])
_PACED: Final = updating(mass_chunk, _KEY, ["paced_for", "placed_at"])
_LATER_THAN: Final = or_(_C.due_at.is_(None), _C.due_at > bindparam("the_due_at"))
_SOONER: Final = update(mass_chunk).where(
    _C.batch_id == bindparam("the_batch"),
    _C.account_id == bindparam("the_account"),
    _C.first_index <= bindparam("highest"),
    _C.last_index >= bindparam("lowest"),
    _LATER_THAN,
).values(due_at=bindparam("the_due_at"), in_ms=bindparam("the_in_ms"))  # fmt: skip
_WAITING_STATUSES: Final = [literal(status.value, literal_execute=True) for status in sorted(WAITING)]
_WAITING: Final = members(beside_index(message.c.status).in_(_WAITING_STATUSES))

_ANNOUNCE: Final = inserting(mass_confirmation)
_CONFIRM: Final = delete(mass_confirmation).where(
    mass_confirmation.c.digest == bindparam("the_digest"),
    mass_confirmation.c.fingerprint == bindparam("the_fingerprint"),
    mass_confirmation.c.expires_at > bindparam("now"),
)


class SqlMass:
    """Mass sends inside one transaction."""

    def __init__(self, run: Run, later: Later, dialect: Dialect, clock: Clock) -> None:
        """`clock` is the store's where the database has none of its own (D-61)."""
        self._run = run
        self._later = later
        self._dialect = dialect
        self._clock = clock

    async def add(self, chunks: Sequence[MassChunk]) -> None:
        """A multi-row insert, with the next step."""
        self._later(_NEW.many, [_row(chunk) for chunk in chunks])

    async def due(self, limit: int) -> Sequence[DueChunk]:
        """By the index on due times, then the messages of each by the index on batches."""
        return await self._run(self._due, limit)

    def _due(self, connection: Connection, limit: int) -> Sequence[DueChunk]:
        now = self._now(connection)
        due = _DUE.rows(connection, now=now, limit=limit)
        taken = dict.fromkeys(("due_at", "in_ms", "paced_for", "placed_at"))
        _TAKEN.many(connection, [_key(row["batch_id"], row["number"]) | taken for row in due])
        return [
            DueChunk(chunk_of(row), _waiting(connection, row), row["paced_for"], max(0, (row["placed_at"] or 0) - now))
            for row in due
        ]

    async def later(self, chunk: MassChunk, in_ms: int, *, paced_for: ProviderCode | None = None) -> None:
        """By its key."""
        await self._run(self._put_off, chunk, in_ms, paced_for)

    def _put_off(self, connection: Connection, chunk: MassChunk, in_ms: int, paced_for: ProviderCode | None) -> None:
        now = self._now(connection)
        wake(connection, [(chunk.batch_id, chunk.account_id, in_ms, chunk.first, chunk.last)], now)
        if paced_for is not None:
            place = {"paced_for": paced_for, "placed_at": now + in_ms}
            _PACED.many(connection, [_key(chunk.batch_id, chunk.number) | place])

    async def take_days(
        self, tenant_id: TenantId, account_id: AccountId, day: str, owners: Mapping[str, MessageId]
    ) -> frozenset[str]:
        """Inserts that leave known days alone, then a locking read of what is there."""
        return await self._run(take_days, self._dialect, tenant_id, account_id, day, owners) if owners else frozenset()

    async def accepted(
        self, provider_code: ProviderCode, guid: Guid, account_id: AccountId, conversations: Collection[str]
    ) -> Sequence[OpenAttempt]:
        """By the index on lanes."""
        if not conversations:
            return ()
        now = self._clock.now()
        return await self._run(accepted_unnamed, provider_code, guid, account_id, sorted(conversations), now)

    async def called(self, task: MassTask, *, check_in_ms: int | None) -> None:
        """By its key."""
        await self._run(self._called, task, check_in_ms)

    def _called(self, connection: Connection, task: MassTask, check_in_ms: int | None) -> None:
        check_at = None if check_in_ms is None else self._now(connection) + check_in_ms
        CALLED.many(connection, [task_row(task, check_at)])

    async def checked(self, task: MassTask, *, check_in_ms: int | None) -> None:
        """By its key."""
        await self._run(self._checked, task, check_in_ms)

    def _checked(self, connection: Connection, task: MassTask, check_in_ms: int | None) -> None:
        check_at = None if check_in_ms is None else self._now(connection) + check_in_ms
        own = {"the_call": task.started_at, "checks": task.checks + 1, "check_at": check_at}
        CHECKED.many(connection, [_key(task.chunk.batch_id, task.chunk.number) | own])

    async def checks(self, limit: int, *, again_in_ms: int) -> Sequence[MassTask]:
        """By the index on the times of checks."""
        return await self._run(self._checks, limit, again_in_ms)

    def _checks(self, connection: Connection, limit: int, again_in_ms: int) -> Sequence[MassTask]:
        now = self._now(connection)
        return due_checks(connection, now=now, limit=limit, again_at=now + again_in_ms)

    async def recipients(self, chunk: MassChunk) -> Sequence[MessageId]:
        """By the index on batches."""
        return await self._run(recipients_of, chunk)

    async def announce(self, confirmation: Confirmation) -> None:
        """A delete of those that are over, and an insert."""
        await self._run(self._announce, confirmation)

    def _announce(self, connection: Connection, new: Confirmation) -> None:
        connection.execute(OVER, {"now": self._clock.now()})
        row = {
            "digest": new.digest,
            "tenant_id": "default",
            "fingerprint": new.fingerprint,
            "expires_at": new.expires_at,
        }
        _ANNOUNCE.many(connection, [row])

    async def confirm(self, digest: bytes, fingerprint: bytes, *, now: int) -> bool:
        """A delete: of two requests with one token one has it."""
        return await self._run(_confirm, digest, fingerprint, now)

    def _now(self, connection: Connection) -> int:
        return self._dialect.instant(connection, self._clock.now())


def _confirm(connection: Connection, digest: bytes, fingerprint: bytes, now: int) -> bool:
    row = {"the_digest": digest, "the_fingerprint": fingerprint, "now": now}
    return connection.execute(_CONFIRM, row).rowcount > 0


Wakeup = tuple[BatchId, AccountId, int, int, int]
"""The chunks of a batch and account, from the first to the last place, and in how many ms they are due at the latest."""


def _wakeups(messages: Sequence[Message]) -> list[Wakeup]:
    """Of messages that wait in their chunks and are due at some time. A chunk between two others is only looked at once more."""
    places: dict[tuple[BatchId, AccountId, int], list[int]] = {}
    for waiting in messages:
        if waiting.due is not None and waiting.due.in_ms is not None and waiting.batch_id is not None:
            key = (waiting.batch_id, waiting.account_id, waiting.due.in_ms)
            places.setdefault(key, []).append(waiting.index or 0)
    return [(*key, min(own), max(own)) for key, own in places.items()]


def own_due_rows(messages: Sequence[Message], now: int) -> list[dict[str, Any]]:
    """The due rows of new messages that are due for themselves."""
    own = [new for new in messages if not new.waits_in_chunk]
    return [due_row(new, new.due, now) for new in own if new.due is not None]


def wake_chunks(connection: Connection, dialect: Dialect, messages: Sequence[Message], now: int) -> None:
    """Make the chunks due of those of these messages that wait in them; `now` is for a database without a clock."""
    if own := _wakeups([message for message in messages if message.waits_in_chunk]):
        wake(connection, own, dialect.instant(connection, now))


def wake(connection: Connection, due: Sequence[Wakeup], now: int) -> None:
    """Make these chunks due at the latest as they say; `now` is by the store's clock."""
    for batch_id, account_id, in_ms, lowest, highest in sorted(due):
        connection.execute(
            _SOONER,
            {"the_batch": batch_id, "the_account": account_id, "lowest": lowest, "highest": highest,
             "the_due_at": now + in_ms, "the_in_ms": in_ms},
        )  # fmt: skip


def _waiting(connection: Connection, row: Mapping[str, Any]) -> Sequence[MessageId]:
    rows = _WAITING.rows(
        connection,
        the_batch=row["batch_id"],
        first=row["first_index"],
        last=row["last_index"],
        the_account=row["account_id"],
    )
    return [MessageId(own["id"]) for own in rows]


def _key(batch_id: BatchId, number: int) -> dict[str, Any]:
    return {"the_batch": batch_id, "the_number": number}


def _row(chunk: MassChunk) -> dict[str, Any]:
    return {
        "batch_id": chunk.batch_id,
        "number": chunk.number,
        "tenant_id": chunk.tenant_id,
        "account_id": chunk.account_id,
        "are_rooms": chunk.are_rooms,
        "first_index": chunk.first,
        "last_index": chunk.last,
        "recipients": chunk.recipients,
        "in_ms": None,
        "due_at": None,
        "paced_for": None,
        "placed_at": None,
        **dict.fromkeys(TASK_COLUMNS),
    }


def _conforms(mass: SqlMass) -> MassRepository:
    return mass
