"""Whether callbacks arrive, seen in what is stored: the one way to know about a callback URL and notify flags that no API tells."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, case, exists, func, select

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.core.tables import attempt, callback
from wework_message.adapters.sql.repositories.invariants import smallest_id
from wework_message.domain.outcomes import OutcomeClass
from wework_message.domain.ports.checks import Check, Finding

LOOK_BACK_MS: Final = 24 * 3_600_000
NEWEST: Final = 20_000
"""Calls of the last 24 h that are looked at, the newest ones."""

_SHOWN: Final = 5
_HOW: Final = "set the provider's notify URL and flags (docs/operations/run.md), and let it reach this service"


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back of what one instance sent in the last day, up to 2H ago."""

    guid: str
    sent: int
    """Calls that the provider accepted."""
    confirmed: int
    """Of these, seen in its stream."""
    any_callback: bool


def arrival_check(run: Run, *, horizon_ms: int, without_echoes: Collection[str] = ()) -> Check:
    """``callbacks.arriving``: every instance that sent was also heard of. `horizon_ms` is H.

    What the providers `without_echoes` (codes) sent is left out: nothing is ever heard of it.
    """

    async def ask() -> Finding:
        heard = await run(_heard, int(time.time() * 1000), horizon_ms, frozenset(without_echoes))
        return Finding.skipped("the tables are not those of this version yet") if heard is None else _told(heard)

    return Check("callbacks.arriving", ask, after="database.schema")


def _told(heard: Sequence[Heard]) -> Finding:
    if not heard:
        return Finding.skipped("nothing that was sent in the last 24 h is older than 2 x H")
    silent = [one.guid for one in heard if not one.any_callback]
    unseen = [one.guid for one in heard if one.any_callback and not one.confirmed]
    if silent:
        return Finding.warning(f"no callback in 24 h from {_some(silent)}, which sent", _HOW)
    if unseen:
        text = f"callbacks, but none about own messages, from {_some(unseen)}"
        return Finding.warning(text, "set the notify flags self_msg and self_room_msg (docs/operations/run.md)")
    return Finding.ok(f"{sum(one.sent for one in heard)} sends of {len(heard)} instances were answered by callbacks")


def _some(guids: Sequence[str]) -> str:
    more = f" and {len(guids) - _SHOWN} more" if len(guids) > _SHOWN else ""
    return f"{', '.join(guids[:_SHOWN])}{more}"


def _heard(connection: Connection, now: int, horizon_ms: int, without_echoes: frozenset[str]) -> list[Heard] | None:
    if schema_state(connection) is not SchemaState.CURRENT:
        return None
    newest = (
        select(attempt.c.guid, attempt.c.facts)
        .where(
            attempt.c.message_id >= smallest_id(now - LOOK_BACK_MS),
            attempt.c.message_id < smallest_id(now - 2 * horizon_ms),
            attempt.c.outcome == OutcomeClass.ACCEPTED.value,
            *([attempt.c.provider_code.not_in(sorted(without_echoes))] if without_echoes else []),
        )
        .order_by(attempt.c.message_id.desc())
        .limit(NEWEST)
        .subquery()
    )
    confirmed = func.sum(case((newest.c.facts != "", 1), else_=0))
    by_guid = select(newest.c.guid, func.count().label("sent"), confirmed.label("confirmed")).group_by(newest.c.guid)
    sent = by_guid.subquery()
    came = exists().where(callback.c.guid == sent.c.guid, callback.c.received_at >= now - LOOK_BACK_MS)
    return [
        Heard(str(row[0]), int(row[1]), int(row[2]), bool(row[3]))
        for row in connection.execute(select(sent.c.guid, sent.c.sent, sent.c.confirmed, came))
    ]
