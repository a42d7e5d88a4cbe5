"""The port for placements: calls that make an instance for a new account, from before the call to its proven end."""

from typing import Protocol

from wework_message.domain.ids import AccountId, PlacementId, TenantId
from wework_message.domain.placement import Placement


class Placements(Protocol):
    """Open placements, inside a unit of work; at most one for each account id."""

    async def begin(self, placement: Placement) -> Placement:
        """Store it; returns what is stored: the earlier one where one is open for this account id."""
        ...

    async def end(self, tenant_id: TenantId, account_id: AccountId, placement_id: PlacementId | None = None) -> bool:
        """Delete the tenant's open one, with `placement_id` only this one; False where there is none."""
        ...
