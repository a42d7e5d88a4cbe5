"""Checks of the database that are the same on every kind: its schema, and its clock against this machine's.

They read in autocommit or from a file opened read-only: nothing is written, and SQLite makes no file of its own.
"""

from typing import Final

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.domain.message.fitting import SKEW_MS
from wework_message.domain.ports.checks import Check, Fault, Finding

NAME: Final = "database"
"""First part of the checks' names."""

CALL: Final = f"{NAME}.call"
"""The check that runs a first query; the others need it."""

CLOCK_WARNING_MS: Final = 1_000
"""Clocks that differ by more are a warning; by more than `SKEW_MS` echoes of texts are no longer recognised."""

_MIGRATE: Final = "run: wework-message migrate"


def schema_check(run: Run, *, auto_migrate: bool) -> Check:
    """Whether the schema is this version's."""
    return Check(f"{NAME}.schema", lambda: _schema(run, auto_migrate=auto_migrate), after=CALL, fault=Fault.SETTINGS)


def offset_finding(what: str, offset_ms: float) -> Finding:
    """The finding where the clock of `what` is `offset_ms` ahead of this machine's."""
    side = "ahead of" if offset_ms > 0 else "behind"
    text = f"its clock is {abs(offset_ms):.0f} ms {side} this machine's"
    advice = f"let this machine and {what} follow one time server (NTP)"
    if abs(offset_ms) > SKEW_MS:
        return Finding.failed(f"{text}; above {SKEW_MS} ms echoes are not recognised", advice)
    return Finding.warning(text, advice) if abs(offset_ms) > CLOCK_WARNING_MS else Finding.ok(text)


async def _schema(run: Run, *, auto_migrate: bool) -> Finding:
    state = await run(schema_state)
    if state is SchemaState.CURRENT:
        return Finding.ok("the schema is this version's")
    if state is SchemaState.AHEAD:
        return Finding.failed("the schema is newer than this version", "start the newer version")
    words = "there is no schema yet" if state is SchemaState.EMPTY else "the schema is older than this version"
    if auto_migrate:
        return Finding.warning(words, "the next start brings it up (datasource.auto-migrate)")
    return Finding.failed(words, _MIGRATE)
