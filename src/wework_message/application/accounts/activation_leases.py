"""Leases of accounts: one activation of an account at a time, in all processes together (ADR 50)."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from wework_message.application.cluster_lease import ClusterLease
from wework_message.domain.account import NotActivatableError
from wework_message.domain.ids import AccountId
from wework_message.domain.ports.repositories import UnitOfWorkFactory

LEASE_MS: Final = 30_000
"""Longer than the longest step of an activation between two renewals; after a kill the account waits for it."""

LEASE_PREFIX: Final = "activation:"
"""What their names begin with."""


def lease_name(account_id: AccountId) -> str:
    """Ids are longer than the names of leases."""
    return f"{LEASE_PREFIX}{hashlib.sha256(account_id.encode()).hexdigest()[:40]}"


@dataclass(frozen=True, slots=True)
class ActivationLeases:
    """Those that one process takes."""

    units: UnitOfWorkFactory
    holder: str
    """Names the process."""
    _here: set[AccountId] = field(default_factory=set)
    """Accounts that this process has: it would get the lease again."""

    @contextlib.asynccontextmanager
    async def of(self, account_id: AccountId) -> AsyncIterator[ClusterLease]:
        """Have the account's lease; raises `NotActivatableError` where somebody else has it, and `UnavailableError`."""
        lease = ClusterLease(lease_name(account_id), self.holder, LEASE_MS, self.units)
        if account_id in self._here:
            raise _under_way()
        self._here.add(account_id)
        try:
            async with self.units() as unit:
                if not await lease.acquire_in(unit):
                    raise _under_way()
                await unit.commit()
            try:
                yield lease
            finally:
                await lease.release()
        finally:
            self._here.discard(account_id)


async def renew(lease: ClusterLease) -> None:
    """Raise `NotActivatableError` where the lease is lost, or the database does not answer: somebody else may act now."""
    if not await lease.acquire():
        raise NotActivatableError("the account is no longer this process's to activate; try again")


def _under_way() -> NotActivatableError:
    return NotActivatableError("a binding of the account is being activated already")
