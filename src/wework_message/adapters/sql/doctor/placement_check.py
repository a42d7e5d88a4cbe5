"""Whether instances were perhaps made for accounts that do not exist, as the stored rows show it."""

from typing import Final

from sqlalchemy import Connection

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.repositories.placements import open_placements
from wework_message.domain.placement import Placement
from wework_message.domain.ports.checks import Check, Finding
from wework_message.domain.ports.system import Clock

_MAX_SHOWN: Final = 5

_UNDER_WAY_MS: Final = 120_000
"""A younger one may still end by itself."""


def placement_check(run: Run, clock: Clock) -> Check:
    """``accounts.placements``: no placement was left open."""

    async def ask() -> Finding:
        placements = await run(_placements)
        if placements is None:
            return Finding.skipped("the tables are not those of this version yet")
        left = [placement for placement in placements if not placement.may_be_under_way(clock.now(), _UNDER_WAY_MS)]
        if not left:
            return Finding.ok("no account waits for an instance that was perhaps made")
        more = f" and {len(left) - _MAX_SHOWN} more" if len(left) > _MAX_SHOWN else ""
        named = ", ".join(f"{placement.account_id} at {placement.provider_code}" for placement in left[:_MAX_SHOWN])
        return Finding.warning(
            f"an instance was perhaps made, and its account is not registered: {named}{more}",
            "look for it: wework-message providers clients CODE --without-account; then accounts create ID --bind CODE GUID,"
            " or accounts create ID --place --place-again",
        )

    return Check("accounts.placements", ask, after="database.schema")


def _placements(connection: Connection) -> list[Placement] | None:
    return list(open_placements(connection)) if schema_state(connection) is SchemaState.CURRENT else None
