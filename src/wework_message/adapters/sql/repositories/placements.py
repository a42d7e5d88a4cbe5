"""Open placements on SQL."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from wework_message.adapters.sql.core.dialect import Dialect
from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.prepared import Query, deleting
from wework_message.adapters.sql.mapping.placement_table import placement
from wework_message.domain.ids import AccountId, PlacementId, TenantId
from wework_message.domain.placement import Placement
from wework_message.domain.ports.placements import Placements

_ONE: Final = Query(select(placement).where(placement.c.account_id == bindparam("the_account_id")))
_ALL: Final = Query(select(placement).order_by(placement.c.started_at, placement.c.account_id))
_END: Final = deleting(placement, {"account_id": "the_account_id", "tenant_id": "the_tenant_id"})
_END_OF: Final = deleting(placement, {"account_id": "the_account_id", "tenant_id": "the_tenant_id", "id": "the_id"})


class SqlPlacements:
    """Placements inside one transaction."""

    def __init__(self, run: Run, dialect: Dialect) -> None:
        """`dialect` knows the insert that leaves existing rows alone."""
        self._run = run
        self._dialect = dialect

    async def begin(self, placement: Placement) -> Placement:
        """An insert that leaves an earlier one alone, then a read by primary key."""
        return await self._run(self._begin, placement)

    def _begin(self, connection: Connection, new: Placement) -> Placement:
        self._dialect.new_placement.many(connection, [_row(new)])
        stored = _ONE.rows(connection, the_account_id=new.account_id)
        return _placement_of(stored[0]) if stored else new

    async def end(self, tenant_id: TenantId, account_id: AccountId, placement_id: PlacementId | None = None) -> bool:
        """By primary key."""
        return await self._run(_end, tenant_id, account_id, placement_id)


def _end(connection: Connection, tenant_id: TenantId, account_id: AccountId, placement_id: PlacementId | None) -> bool:
    row = {"the_account_id": account_id, "the_tenant_id": tenant_id}
    if placement_id is None:
        return _END.many(connection, [row]) > 0
    return _END_OF.many(connection, [{**row, "the_id": placement_id}]) > 0


def open_placements(connection: Connection) -> Sequence[Placement]:
    """All of them, the oldest first."""
    return [_placement_of(row) for row in _ALL.rows(connection)]


def _row(new: Placement) -> dict[str, Any]:
    return {
        "account_id": new.account_id,
        "id": new.placement_id,
        "tenant_id": new.tenant_id,
        "provider_code": new.provider_code,
        "started_at": new.started_at,
    }


def _placement_of(row: Mapping[str, Any]) -> Placement:
    return Placement(row["id"], row["tenant_id"], row["account_id"], row["provider_code"], row["started_at"])


def _conforms(placements: SqlPlacements) -> Placements:
    return placements
