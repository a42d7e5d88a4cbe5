"""Named leases on SQL: compare and set on one row per lease."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.prepared import Prepared, Query, deleting
from wework_message.adapters.sql.mapping.lease_table import lease
from wework_message.domain.ports.maintenance import START, LeaseStore, Pruned
from wework_message.domain.ports.system import Clock
from wework_message.domain.waits import is_running

_TENURE_COLUMNS = ("epoch", "holder", "held_until")
_TENURE: Final = Query(
    select(lease.c.epoch, lease.c.holder, lease.c.held_until, lease.c.lease_ms).where(
        lease.c.name == bindparam("the_name")
    )
)
_TAKE: Final = Prepared(
    update(lease)
    .where(
        lease.c.name == bindparam("the_name"),
        *(lease.c[name] == bindparam(f"seen_{name}") for name in _TENURE_COLUMNS),
    )
    .values({name: bindparam(name) for name in (*_TENURE_COLUMNS, "lease_ms")})
)
_HELD: Final = Query(
    select(lease.c.name, lease.c.held_until, lease.c.lease_ms).where(
        lease.c.name.in_(bindparam("names", expanding=True))
    )
)
_RELEASE: Final = Prepared(
    update(lease)
    .where(lease.c.name == bindparam("the_name"), lease.c.holder == bindparam("the_holder"))
    .values(held_until=0)
)
_NAMED: Final = Query(
    select(lease.c.name, lease.c.holder, lease.c.epoch, lease.c.held_until)
    .where(
        lease.c.name >= bindparam("prefix"),
        lease.c.name > bindparam("after"),
        lease.c.name < bindparam("beyond"),
    )
    .order_by(lease.c.name)
    .limit(bindparam("limit", 0))
)
_DELETE: Final = deleting(lease, {column: column for column in ("name", *_TENURE_COLUMNS)})
"""As it was read: whoever took it meanwhile keeps it."""


class SqlLeaseStore:
    """Leases inside one transaction."""

    def __init__(self, run: Run, dialect: Dialect, clock: Clock) -> None:
        """`clock` is the store's where the database has none of its own (D-61)."""
        self._run = run
        self._dialect = dialect
        self._clock = clock

    async def take(self, lease_name: str, holder: str, lease_ms: int) -> int | None:
        """Read, then compare and set; the update locks the row until the transaction ends."""
        return await self._run(self._take, lease_name, holder, lease_ms)

    def _take(self, connection: Connection, name: str, holder: str, lease_ms: int) -> int | None:
        tenure = _tenure(connection, name)
        if tenure is None:
            self._dialect.new_lease.many(
                connection, [{"name": name, "holder": "", "epoch": 0, "held_until": 0, "lease_ms": 0}]
            )
            tenure = _tenure(connection, name)
        now = self._dialect.instant(connection, self._clock.now())  # not before the tenure was read: it began earlier
        if tenure is None:
            return None
        length_ms = lease_ms if tenure["lease_ms"] is None else tenure["lease_ms"]
        held = is_running(tenure["held_until"], length_ms=length_ms, now=now)
        if held and tenure["holder"] != holder:
            return None
        renewed = held and tenure["holder"] == holder
        epoch: int = tenure["epoch"] if renewed else tenure["epoch"] + 1
        taken = {"epoch": epoch, "holder": holder, "held_until": now + lease_ms, "lease_ms": lease_ms}
        compared = {f"seen_{column}": tenure[column] for column in _TENURE_COLUMNS}
        _TAKE.many(connection, [{"the_name": name, **compared, **taken}])
        # Not the number of changed rows: a renewal within one millisecond changes none.
        return epoch if _tenure(connection, name) == taken else None

    async def held(self, lease_names: Collection[str]) -> frozenset[str]:
        """One read by name."""
        return await self._run(self._held, lease_names)

    def _held(self, connection: Connection, names: Collection[str]) -> frozenset[str]:
        tenures = _HELD.rows(connection, names=list(names))
        now = self._dialect.instant(connection, self._clock.now())
        return frozenset(
            tenure["name"]
            for tenure in tenures
            if is_running(tenure["held_until"], length_ms=tenure["lease_ms"] or 0, now=now)
        )

    async def release(self, lease_name: str, holder: str) -> None:
        """Sets the end of the tenure into the past."""
        await self._run(_release, lease_name, holder)

    async def prune(self, prefix: str, *, older_than_ms: int, limit: int, after: str = START) -> Pruned:
        """One range of the primary key, and deletes that compare."""
        return await self._run(self._prune, prefix, older_than_ms, limit, after)

    def _prune(self, connection: Connection, prefix: str, older_than_ms: int, limit: int, after: str) -> Pruned:
        rows = _NAMED.rows(connection, prefix=prefix, after=after, beyond=_just_behind(prefix), limit=limit)
        before = self._dialect.instant(connection, self._clock.now()) - older_than_ms
        old = [row for row in rows if row["held_until"] < before]
        _DELETE.many(connection, old)
        return Pruned(len(old), rows[-1]["name"] if len(rows) == limit else None)


def _just_behind(prefix: str) -> str:
    """The first text behind all that begin with `prefix`."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _tenure(connection: Connection, name: str) -> Mapping[str, Any] | None:
    return next(iter(_TENURE.rows(connection, the_name=name)), None)


def _release(connection: Connection, name: str, holder: str) -> None:
    _RELEASE.many(connection, [{"the_name": name, "the_holder": holder}])


def _conforms(leases: SqlLeaseStore) -> LeaseStore:
    return leases
