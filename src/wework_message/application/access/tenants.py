"""Create, disable and enable tenants (ADR 69). Whoever may is decided before: the scope `tenants:admin`, or the command line."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from wework_message.application.access.changes import Changed, changing, nothing
from wework_message.application.errors import NotFoundError
from wework_message.domain.access.tenants import (
    MAX_TENANTS,
    OperatorTenantError,
    Tenant,
    TenantExistsError,
    TooManyTenantsError,
    check_tenant,
)
from wework_message.domain.ids import DEFAULT_TENANT, TenantId
from wework_message.domain.ports.api_keys import ApiKeyReader
from wework_message.domain.ports.repositories import UnitOfWork, UnitOfWorkFactory
from wework_message.domain.ports.system import Clock

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TenantRegistry:
    """The use cases. All raise `UnavailableError`, and then nothing was changed.

    In this process a change holds once the call returns, in the others within 5 s.
    """

    units: UnitOfWorkFactory
    reader: ApiKeyReader
    clock: Clock
    changed: Changed = nothing
    """Awaited after each change: this process reads the tenants again."""

    async def tenants(self) -> Sequence[Tenant]:
        """All of them by id."""
        return await self.reader.tenants()

    async def create(self, tenant_id: TenantId, name: str) -> Tenant:
        """Raises `InvalidValueError`, `TenantExistsError`, `TooManyTenantsError`."""
        check_tenant(tenant_id, name)
        tenant = Tenant(tenant_id, name, created_at=self.clock.now())

        async def work(unit: UnitOfWork) -> Tenant:
            known = {other.tenant_id for other in await unit.tenants.all()}
            if tenant_id in known:
                raise TenantExistsError
            if len(known) >= MAX_TENANTS:
                raise TooManyTenantsError
            await unit.tenants.add(tenant)
            return tenant

        created = await changing(self.units, work, self.changed)
        _log.warning("tenant is created", extra={"tenant": tenant_id})
        return created

    async def disable(self, tenant_id: TenantId) -> Tenant:
        """Refuse its keys. What it has stored stays, and what was accepted is sent.

        Raises `NotFoundError`, `OperatorTenantError`.
        """
        if tenant_id == DEFAULT_TENANT:
            raise OperatorTenantError
        return await self._set_disabled(tenant_id, disabled=True)

    async def enable(self, tenant_id: TenantId) -> Tenant:
        """Let its keys in again. Raises `NotFoundError`."""
        return await self._set_disabled(tenant_id, disabled=False)

    async def _set_disabled(self, tenant_id: TenantId, *, disabled: bool) -> Tenant:
        async def work(unit: UnitOfWork) -> Tenant:
            if not await unit.api_keys.begin_change(tenant_id):
                raise NotFoundError("tenant")
            known = {tenant.tenant_id: tenant for tenant in await unit.tenants.all()}
            tenant = known[tenant_id]
            if (tenant.disabled_at is not None) == disabled:
                return tenant
            disabled_at = self.clock.now() if disabled else None
            await unit.tenants.disable(tenant_id, disabled_at)
            return replace(tenant, disabled_at=disabled_at)

        tenant = await changing(self.units, work, self.changed)
        _log.warning("tenant is %s", "disabled" if disabled else "enabled", extra={"tenant": tenant_id})
        return tenant
