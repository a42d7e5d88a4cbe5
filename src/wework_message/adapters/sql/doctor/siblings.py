"""Which accounts never fail over, because no second binding of theirs could send."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Connection

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.schema import SchemaState, schema_state
from wework_message.adapters.sql.repositories.bindings import lone_bindings
from wework_message.domain.ids import ProviderCode
from wework_message.domain.ports.checks import Check, Finding

_SHOWN: Final = 5


def sibling_check(run: Run, provider_codes: Collection[str]) -> Check:
    """``accounts.siblings``: a hint, no fault; `provider_codes` are those of the enabled providers."""

    async def look() -> Finding:
        lone = await run(_lone, [ProviderCode(code) for code in provider_codes])
        if lone is None:
            return Finding.skipped("the tables are not those of this version yet")
        count, shown = lone
        if count == 0:
            return Finding.ok("every account has a second binding to fail over to, or none at all")
        more = f" and {count - len(shown)} more" if count > len(shown) else ""
        listing = "all of them: wework-message providers without-sibling CODE"
        return Finding.ok(f"{count} with one binding only, which never fail over: {', '.join(shown)}{more} ({listing})")

    return Check("accounts.siblings", look, after="database.schema")


def _lone(connection: Connection, provider_codes: Sequence[ProviderCode]) -> tuple[int, list[str]] | None:
    if schema_state(connection) is not SchemaState.CURRENT:
        return None
    return lone_bindings(connection, provider_codes, _SHOWN)
