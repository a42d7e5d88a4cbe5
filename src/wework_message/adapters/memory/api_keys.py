"""API keys and tenants in memory."""

import dataclasses
from collections.abc import Iterable, Sequence

from wework_message.adapters.memory.database import MemoryDatabase
from wework_message.domain.access.api_keys import ApiKey
from wework_message.domain.access.tenants import Tenant
from wework_message.domain.errors import ConflictError
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.api_keys import (
    ApiKeyReader,
    ApiKeyRepository,
    KeySnapshot,
    KeyStamp,
    TenantRepository,
)


class MemoryApiKeys:
    """API keys, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def begin_change(self, tenant_id: TenantId) -> bool:
        if self._db.tenants.get(tenant_id) is None:
            return False
        self._db.key_changes.put(tenant_id, (self._db.key_changes.get(tenant_id) or 0) + 1)
        return True

    async def all(self) -> Sequence[ApiKey]:
        return _in_order(self._db.api_keys.rows())

    async def get(self, key_id: str) -> ApiKey | None:
        return self._db.api_keys.get(key_id)

    async def add(self, key: ApiKey) -> None:
        if self._db.api_keys.get(key.key_id) is not None:
            raise ConflictError("a key has this id")
        self._db.api_keys.put(key.key_id, key)

    async def end(self, key_id: str, ends_at: int) -> None:
        key = self._db.api_keys.get(key_id)
        if key is not None:
            self._db.api_keys.put(key_id, dataclasses.replace(key, ends_at=ends_at))

    async def delete(self, key_ids: Sequence[str]) -> int:
        known = [key_id for key_id in key_ids if self._db.api_keys.get(key_id) is not None]
        for key_id in known:
            self._db.api_keys.drop(key_id)
        return len(known)

    async def used(self, key_ids: Sequence[str], at: int) -> None:
        for key in [key for key_id in key_ids if (key := self._db.api_keys.get(key_id)) is not None]:
            if key.last_used_at is None or key.last_used_at < at:
                self._db.api_keys.put(key.key_id, dataclasses.replace(key, last_used_at=at))


class MemoryTenants:
    """Tenants, inside the open unit of work."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Shares the database with the rest of its unit of work."""
        self._db = database

    async def all(self) -> Sequence[Tenant]:
        return _by_id(self._db.tenants.rows())

    async def add(self, tenant: Tenant) -> None:
        if self._db.tenants.get(tenant.tenant_id) is not None:
            raise ConflictError("a tenant has this id")
        self._db.tenants.put(tenant.tenant_id, tenant)

    async def disable(self, tenant_id: TenantId, at: int | None) -> None:
        tenant = self._db.tenants.get(tenant_id)
        if tenant is not None:
            self._db.tenants.put(tenant_id, dataclasses.replace(tenant, disabled_at=at))


class MemoryApiKeyReader:
    """What is committed."""

    def __init__(self, database: MemoryDatabase) -> None:
        """Reads independently of units of work."""
        self._db = database

    async def keys_since(self, known: KeyStamp | None) -> KeySnapshot | None:
        self._db.check_available()
        keys = await self.api_keys()
        stamp = KeyStamp(f"{sum(self._db.key_changes.committed_rows())}/{len(keys)}")
        return None if stamp == known else KeySnapshot(stamp, keys, await self.tenants())

    async def api_keys(self, tenant_id: TenantId | None = None) -> Sequence[ApiKey]:
        self._db.check_available()
        keys = self._db.api_keys.committed_rows()
        return _in_order(key for key in keys if tenant_id is None or key.tenant_id == tenant_id)

    async def tenants(self) -> Sequence[Tenant]:
        self._db.check_available()
        return _by_id(self._db.tenants.committed_rows())


def _in_order(keys: Iterable[ApiKey]) -> Sequence[ApiKey]:
    return sorted(keys, key=lambda key: (key.created_at, key.key_id))


def _by_id(tenants: Iterable[Tenant]) -> Sequence[Tenant]:
    return sorted(tenants, key=lambda tenant: tenant.tenant_id)


def _conforms(
    keys: MemoryApiKeys, tenants: MemoryTenants, reader: MemoryApiKeyReader
) -> tuple[ApiKeyRepository, TenantRepository, ApiKeyReader]:
    return keys, tenants, reader
