"""The ports for pauses: written inside a unit of work, read by every process every few seconds."""

from collections.abc import Sequence
from typing import Protocol

from wework_message.domain.control import Pause, PauseScope
from wework_message.domain.ids import TenantId


class PauseRepository(Protocol):
    """Pauses, inside a unit of work."""

    async def pause(self, pause: Pause) -> Pause:
        """Store it; returns what is stored: the earlier one where this was paused already."""
        ...

    async def resume(self, tenant_id: TenantId, scope: PauseScope, scope_id: str) -> bool:
        """Delete the tenant's pause of this; False where it has paused nothing."""
        ...


class PauseReader(Protocol):
    """What is committed, without waiting for writers."""

    async def pauses(self) -> Sequence[Pause]:
        """All pauses, the oldest first. There are few: an operator made each."""
        ...
