"""The invariants of what is stored, as checks; and whether what is due is taken at all."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from sqlalchemy import Connection, func, select

from wework_message.adapters.sql.invariants import INVARIANTS, MOST, Invariant, breaking
from wework_message.adapters.sql.running import Run
from wework_message.adapters.sql.schema import SchemaState, schema_state
from wework_message.adapters.sql.tables import due
from wework_message.domain.ports.checking import Check, Fault, Finding

OVERDUE_MS: Final = 10 * 60_000
"""What has been due for longer, nobody takes."""

_SHOWN: Final = 3
_SCHEMA: Final = "database.schema"
_NO_SCHEMA: Final = "the tables are not those of this version yet"


def invariant_checks(run: Run) -> Iterator[Check]:
    """``invariant.<kind>`` for each rule, and ``database.overdue``."""
    for one in INVARIANTS:
        yield Check(f"invariant.{one.kind}", partial(_holds, run, one), after=_SCHEMA, fault=Fault.BROKEN)
    yield Check("database.overdue", partial(_taken, run), after=_SCHEMA)


async def _holds(run: Run, invariant: Invariant) -> Finding:
    broken = await run(_breaking, invariant, _now())
    if broken is None:
        return Finding.skipped(_NO_SCHEMA)
    if not broken:
        return Finding.ok("holds")
    count = f"{MOST} or more" if len(broken) >= MOST else str(len(broken))
    return Finding.failed(
        f"{count} {'message' if len(broken) == 1 else 'messages'}, each {invariant.breach}: {_some(broken)}",
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


def _breaking(connection: Connection, invariant: Invariant, now: int) -> list[str] | None:
    return breaking(connection, invariant, now) if schema_state(connection) is SchemaState.CURRENT else None


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
