"""Open placements in memory."""

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.domain.ids import AccountId, PlacementId, TenantId
from wework_message.domain.placement import Placement
from wework_message.domain.ports.placements import Placements


class MemoryPlacements:
    """Placements, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def begin(self, placement: Placement) -> Placement:
        stored = self._db.placements.get(placement.account_id)
        if stored is None:
            self._db.placements.put(placement.account_id, placement)
        return stored or placement

    async def end(self, tenant_id: TenantId, account_id: AccountId, placement_id: PlacementId | None = None) -> bool:
        stored = self._db.placements.get(account_id)
        if stored is None or stored.tenant_id != tenant_id or placement_id not in (None, stored.placement_id):
            return False
        self._db.placements.drop(account_id)
        return True


def _conforms(placements: MemoryPlacements) -> Placements:
    return placements
