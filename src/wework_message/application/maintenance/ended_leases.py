"""Maintenance task: delete the leases of accounts whose activations ended long ago (ADR 50)."""

from typing import Final

from wework_message.application.accounts.activation_leases import LEASE_PREFIX
from wework_message.application.maintenance.prune import INTERVAL_S, ROWS_PER_STEP
from wework_message.domain.ports.maintenance import START
from wework_message.domain.ports.repositories import UnitOfWork

KEPT_MS: Final = 3_600_000
"""So long a lease stays after it ran out; one that was given back goes in the next round."""


class PruneLeases:
    """Else there would be a row for each account that was ever activated."""

    name: Final = "activation-leases"
    interval_s: Final = INTERVAL_S

    def __init__(self, step: int = ROWS_PER_STEP) -> None:
        """`step`: rows that one transaction examines."""
        self._step = step
        self._after = START

    def begin(self) -> None:
        """From the first one."""
        self._after = START

    async def step(self, unit: UnitOfWork) -> bool:
        """The next leases by name."""
        pruned = await unit.leases.prune(LEASE_PREFIX, older_than_ms=KEPT_MS, limit=self._step, after=self._after)
        self._after = pruned.after or START
        return pruned.after is not None
