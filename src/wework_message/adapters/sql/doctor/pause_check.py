"""Whether an operator has stopped anything, as the stored rows show it."""

from sqlalchemy import Connection

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.repositories.pauses import read_pauses
from wework_message.domain.control import Pause, PauseScope
from wework_message.domain.ports.checks import Check, Finding

_MAX_SHOWN = 5


def pause_check(run: Run) -> Check:
    """``control.pauses``: nothing is paused."""

    async def ask() -> Finding:
        pauses = await run(_pauses)
        if pauses is None:
            return Finding.skipped("the tables are not those of this version yet")
        if not pauses:
            return Finding.ok("nothing is paused")
        more = f" and {len(pauses) - _MAX_SHOWN} more" if len(pauses) > _MAX_SHOWN else ""
        named = ", ".join(map(_named, pauses[:_MAX_SHOWN]))
        return Finding.warning(
            f"an operator has paused {named}{more}", "if that is over: wework-message control resume SCOPE [ID]"
        )

    return Check("control.pauses", ask, after="database.schema")


def _named(pause: Pause) -> str:
    return "the service" if pause.scope is PauseScope.SERVICE else f"{pause.scope.value.lower()} {pause.id}"


def _pauses(connection: Connection) -> list[Pause] | None:
    return list(read_pauses(connection)) if schema_state(connection) is SchemaState.CURRENT else None
