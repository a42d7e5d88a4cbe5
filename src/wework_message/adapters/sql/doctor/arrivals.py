"""Whether callbacks arrive, as the stored rows show it. No API shows the callback URL and the notify flags."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, case, exists, func, select

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.mapping.tables import attempt, callback
from wework_message.adapters.sql.mapping.widths import NO_FACTS
from wework_message.adapters.sql.repositories.invariants import smallest_id
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.checks import Check, Finding

ARRIVAL_WINDOW_MS: Final = 24 * 3_600_000
MAX_CALLS: Final = 20_000
"""Of the calls of the last 24 h only so many are looked at, the newest ones."""

_MAX_GUIDS_SHOWN: Final = 5
_ADVICE: Final = "set the provider's notify URL and flags (docs/operations/run.md), and let it reach this service"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The calls of one instance in the last day, up to 2H ago, and whether callbacks came."""

    guid: str
    sent: int
    """Calls that the provider accepted."""
    confirmed: int
    """Of these, seen in its stream."""
    any_callback: bool


def arrival_check(run: Run, *, horizon_ms: int, without_echoes: Collection[str] = ()) -> Check:
    """``callbacks.arriving``: callbacks came from every instance that sent. `horizon_ms` is H.

    Calls of the providers `without_echoes` (codes) are left out: no callback ever shows them.
    """

    async def ask() -> Finding:
        arrivals = await run(_arrivals, int(time.time() * 1000), horizon_ms, frozenset(without_echoes))
        if arrivals is None:
            return Finding.skipped("the tables are not those of this version yet")
        return _finding(arrivals)

    return Check("callbacks.arriving", ask, after="database.schema")


def _finding(arrivals: Sequence[Arrivals]) -> Finding:
    if not arrivals:
        return Finding.skipped("nothing that was sent in the last 24 h is older than 2 x H")
    silent = [instance.guid for instance in arrivals if not instance.any_callback]
    unseen = [instance.guid for instance in arrivals if instance.any_callback and not instance.confirmed]
    if silent:
        return Finding.warning(f"no callback in 24 h from {_listed(silent)}, which sent", _ADVICE)
    if unseen:
        text = f"callbacks, but none about own messages, from {_listed(unseen)}"
        return Finding.warning(text, "set the notify flags self_msg and self_room_msg (docs/operations/run.md)")
    sent = sum(instance.sent for instance in arrivals)
    return Finding.ok(f"{sent} sends of {len(arrivals)} instances were answered by callbacks")


def _listed(guids: Sequence[str]) -> str:
    more = f" and {len(guids) - _MAX_GUIDS_SHOWN} more" if len(guids) > _MAX_GUIDS_SHOWN else ""
    return f"{', '.join(guids[:_MAX_GUIDS_SHOWN])}{more}"


def _arrivals(
    connection: Connection, now: int, horizon_ms: int, without_echoes: frozenset[str]
) -> list[Arrivals] | None:
    if schema_state(connection) is not SchemaState.CURRENT:
        return None
    newest = (
        select(attempt.c.guid, attempt.c.facts)
        .where(
            attempt.c.message_id >= smallest_id(now - ARRIVAL_WINDOW_MS),
            attempt.c.message_id < smallest_id(now - 2 * horizon_ms),
            attempt.c.outcome == OutcomeClass.ACCEPTED.value,
            *([attempt.c.provider_code.not_in(sorted(without_echoes))] if without_echoes else []),
        )
        .order_by(attempt.c.message_id.desc())
        .limit(MAX_CALLS)
        .subquery()
    )
    confirmed = func.sum(case((newest.c.facts > NO_FACTS, 1), else_=0))
    by_guid = select(newest.c.guid, func.count().label("sent"), confirmed.label("confirmed")).group_by(newest.c.guid)
    sent = by_guid.subquery()
    came = exists().where(callback.c.guid == sent.c.guid, callback.c.received_at >= now - ARRIVAL_WINDOW_MS)
    return [
        Arrivals(str(row[0]), int(row[1]), int(row[2]), bool(row[3]))
        for row in connection.execute(select(sent.c.guid, sent.c.sent, sent.c.confirmed, came))
    ]
