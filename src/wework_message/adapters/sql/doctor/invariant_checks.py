"""The invariants of the stored rows as checks, and whether due messages are claimed at all."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.mapping.tables import due
from wework_message.adapters.sql.repositories.invariants import MAX_COUNTED, RULES, Rule, breaking
from wework_message.adapters.sql.repositories.store_metrics import SqlStoreMetrics
from wework_message.domain.ports.checks import Check, Fault, Finding
from wework_message.domain.ports.store_metrics import Invariant
from wework_message.domain.ports.system import Clock

BREACHES: Final = {
    Invariant.STRANDED: "is open and nothing will ever look at it again",
    Invariant.SENDING_WITHOUT_INTENT: "is SENDING without an open attempt",
    Invariant.SENT_WITHOUT_PROOF: "counts as sent, and no attempt of it was accepted or seen",
    Invariant.FAILED_UNPROVEN: "is FAILED for certain, and an attempt of it may have been executed",
}
"""The invariants that gauges count, in words.

LEASE_OVERDUE is not one of them: where no process runs, a lease that ran out is no broken row. ``database.overdue`` shows it.
"""

OVERDUE_MS: Final = 10 * 60_000
"""A message that has been due for longer is not being claimed."""

_MAX_IDS_SHOWN: Final = 3
_SCHEMA: Final = "database.schema"
_NO_SCHEMA: Final = "the tables are not those of this version yet"


def invariant_checks(run: Run, dialect: Dialect, clock: Clock) -> Iterator[Check]:
    """``invariant.<kind>`` for each invariant of the gauges and each other rule, and ``database.overdue``."""
    counts = _ViolationCounts(run, dialect, clock)
    for kind, breach in BREACHES.items():
        ask = partial(_check_counted, counts, kind, breach)
        yield Check(f"invariant.{kind}", ask, after=_SCHEMA, fault=Fault.BROKEN)
    for rule in RULES:
        yield Check(f"invariant.{rule.kind}", partial(_check_rule, run, rule), after=_SCHEMA, fault=Fault.BROKEN)
    yield Check("database.overdue", partial(_check_overdue, run), after=_SCHEMA)


class _ViolationCounts:
    """The counts of the gauges, read once for all checks."""

    def __init__(self, run: Run, dialect: Dialect, clock: Clock) -> None:
        self._run = run
        self._store_metrics = SqlStoreMetrics(run, dialect, clock)
        self._turn = asyncio.Lock()
        self._violations: Mapping[Invariant, int] | None = None

    async def violations(self) -> Mapping[Invariant, int] | None:
        """None where the tables are not this version's."""
        async with self._turn:
            if self._violations is None and await self._run(schema_state) is SchemaState.CURRENT:
                self._violations = await self._store_metrics.violations()
            return self._violations


async def _check_counted(counts: _ViolationCounts, kind: Invariant, breach: str) -> Finding:
    violations = await counts.violations()
    if violations is None:
        return Finding.skipped(_NO_SCHEMA)
    return _broken(violations[kind], breach) if violations[kind] else Finding.ok("holds")


async def _check_rule(run: Run, rule: Rule) -> Finding:
    message_ids = await run(_breaking, rule, _now())
    if message_ids is None:
        return Finding.skipped(_NO_SCHEMA)
    if not message_ids:
        return Finding.ok("holds")
    return _broken(len(message_ids), rule.breach, f": {_listed(message_ids)}")


def _broken(count: int, breach: str, which: str = "") -> Finding:
    many = f"{count} or more" if count >= MAX_COUNTED else str(count)
    return Finding.failed(
        f"{many} {'message' if count == 1 else 'messages'}, each {breach}{which}",
        "a defect of ours: keep the log and the rows of these messages, and report it",
    )


async def _check_overdue(run: Run) -> Finding:
    oldest = await run(_oldest_due)
    if isinstance(oldest, str):
        return Finding.skipped(oldest)
    late = _now() - oldest if oldest is not None else 0
    if late > OVERDUE_MS:
        return Finding.warning(
            f"what is due longest has been due for {late // 60_000} min",
            "see whether a process dispatches (serve, or consume), and its log",
        )
    return Finding.ok("nothing has been due for long")


def _breaking(connection: Connection, rule: Rule, now: int) -> list[str] | None:
    return breaking(connection, rule, now) if schema_state(connection) is SchemaState.CURRENT else None


def _oldest_due(connection: Connection) -> int | str | None:
    """Epoch ms; a text = why it cannot be read; None = nothing is due."""
    if schema_state(connection) is not SchemaState.CURRENT:
        return _NO_SCHEMA
    oldest: int | None = connection.execute(select(func.min(due.c.due_at))).scalar()
    return oldest


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - _MAX_IDS_SHOWN} more" if len(ids) > _MAX_IDS_SHOWN else ""
    return f"{', '.join(ids[:_MAX_IDS_SHOWN])}{more}"


def _now() -> int:
    return int(time.time() * 1000)
