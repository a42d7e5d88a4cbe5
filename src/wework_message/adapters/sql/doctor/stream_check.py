"""Whether the message streams can be pulled that the settings say are, as the stored rows show it."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, func, select

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.mapping.stream_table import stream
from wework_message.domain.ports.checks import Check, Finding
from wework_message.domain.stream import PullOutcome

_ADVICE = "set settle.sync to none for it, or have its answer looked at (docs/callbacks.md, Pulling the stream)"

Counts = Mapping[tuple[str, str], int]
"""Instances by provider and the outcome of their last pull."""


def stream_check(run: Run, provider_codes: Collection[str]) -> Check:
    """``callbacks.streams``: the streams of these providers, which are pulled, are answered in a form that can be read."""

    async def ask() -> Finding:
        if not provider_codes:
            return Finding.skipped("no provider has settle.sync")
        counts = await run(_counts)
        if counts is None:
            return Finding.skipped("the tables are not those of this version yet")
        return _finding({key: count for key, count in counts.items() if key[0] in provider_codes})

    return Check("callbacks.streams", ask, after="database.schema")


def _finding(counts: Counts) -> Finding:
    if not counts:
        return Finding.skipped("no stream was pulled yet")
    bad = {key: count for key, count in counts.items() if key[1] != PullOutcome.READ}
    if not bad:
        return Finding.ok(f"the streams of {sum(counts.values())} instances are pulled")
    listed = ", ".join(f"{count} of {code} {outcome}" for (code, outcome), count in sorted(bad.items()))
    return Finding.warning(f"the last pull of some streams brought nothing: {listed}", _ADVICE)


def _counts(connection: Connection) -> Counts | None:
    if schema_state(connection) is not SchemaState.CURRENT:
        return None
    rows = connection.execute(
        select(stream.c.provider_code, stream.c.outcome, func.count()).group_by(
            stream.c.provider_code, stream.c.outcome
        )
    )
    return {(code, outcome): count for code, outcome, count in rows}
