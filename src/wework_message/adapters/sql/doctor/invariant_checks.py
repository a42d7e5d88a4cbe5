"""The invariants of what is stored, as checks; and whether what is due is taken at all."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.core.tables import due
from wework_message.adapters.sql.repositories.invariants import MAX_NAMED, RULES, Rule, breaking
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
"""The invariants that gauges count, in words. A lease that nobody takes is no broken row where nobody runs: ``database.overdue``."""

OVERDUE_MS: Final = 10 * 60_000
"""What has been due for longer, nobody takes."""

_SHOWN: Final = 3
_SCHEMA: Final = "database.schema"
_NO_SCHEMA: Final = "the tables are not those of this version yet"


def invariant_checks(run: Run, dialect: Dialect, clock: Clock) -> Iterator[Check]:
    """``invariant.<kind>`` for each invariant of the gauges and each rule beside them, and ``database.overdue``."""
    counted = _Counted(run, dialect, clock)
    for kind, breach in BREACHES.items():
        ask = partial(_counts, counted, kind, breach)
        yield Check(f"invariant.{kind}", ask, after=_SCHEMA, fault=Fault.BROKEN)
    for rule in RULES:
        yield Check(f"invariant.{rule.kind}", partial(_holds, run, rule), after=_SCHEMA, fault=Fault.BROKEN)
    yield Check("database.overdue", partial(_taken, run), after=_SCHEMA)


class _Counted:
    """What the gauges would show, asked once for all checks."""

    def __init__(self, run: Run, dialect: Dialect, clock: Clock) -> None:
        self._run = run
        self._store_metrics = SqlStoreMetrics(run, dialect, clock)
        self._turn = asyncio.Lock()
        self._found: Mapping[Invariant, int] | None = None

    async def violations(self) -> Mapping[Invariant, int] | None:
        """None where the tables are not this version's."""
        async with self._turn:
            if self._found is None and await self._run(schema_state) is SchemaState.CURRENT:
                self._found = await self._store_metrics.violations()
            return self._found


async def _counts(counted: _Counted, kind: Invariant, breach: str) -> Finding:
    found = await counted.violations()
    if found is None:
        return Finding.skipped(_NO_SCHEMA)
    return _told(found[kind], breach) if found[kind] else Finding.ok("holds")


async def _holds(run: Run, rule: Rule) -> Finding:
    broken = await run(_breaking, rule, _now())
    if broken is None:
        return Finding.skipped(_NO_SCHEMA)
    return _told(len(broken), rule.breach, f": {_some(broken)}") if broken else Finding.ok("holds")


def _told(count: int, breach: str, which: str = "") -> Finding:
    many = f"{count} or more" if count >= MAX_NAMED else str(count)
    return Finding.failed(
        f"{many} {'message' if count == 1 else 'messages'}, each {breach}{which}",
        "a defect of ours: keep the log and the rows of these messages, and report it",
    )


async def _taken(run: Run) -> Finding:
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
    """Epoch ms; why nobody can tell; None where nothing is due."""
    if schema_state(connection) is not SchemaState.CURRENT:
        return _NO_SCHEMA
    oldest: int | None = connection.execute(select(func.min(due.c.due_at))).scalar()
    return oldest


def _some(ids: list[str]) -> str:
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return f"{', '.join(ids[:_SHOWN])}{more}"


def _now() -> int:
    return int(time.time() * 1000)
