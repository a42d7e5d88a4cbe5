"""API keys and tenants on SQL."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, or_, select, update

from wework_message.adapters.sql.core.execution import Run
from wework_message.adapters.sql.core.prepared import Change, Query, deleting, inserting, updating
from wework_message.adapters.sql.mapping.key_table import api_key, tenant
from wework_message.domain.access.api_keys import ApiKey
from wework_message.domain.access.scopes import Scope
from wework_message.domain.access.tenants import Tenant
from wework_message.domain.ids import TenantId
from wework_message.domain.ports.api_keys import (
    ApiKeyReader,
    ApiKeyRepository,
    KeySnapshot,
    KeyStamp,
    TenantRepository,
)

MAX_AT_ONCE: Final = 500
"""Keys whose use one statement stores: it has few texts then."""

_ALL: Final = Query(select(api_key))
_OF_TENANT: Final = Query(select(api_key).where(api_key.c.tenant_id == bindparam("the_tenant")))
_ONE: Final = Query(select(api_key).where(api_key.c.key_id == bindparam("the_id")))
_NEW: Final = inserting(api_key)
_END: Final = updating(api_key, {"key_id": "the_id"}, ["ends_at"])
_DELETE: Final = deleting(api_key, {"key_id": "the_id"})
_USED: Final = Change(
    update(api_key)
    .where(
        api_key.c.key_id.in_(bindparam("ids", expanding=True)),
        or_(api_key.c.last_used_at.is_(None), api_key.c.last_used_at < bindparam("before")),
    )
    .values(last_used_at=bindparam("at"))
)
_STAMP: Final = Query(
    select(
        select(func.sum(tenant.c.key_changes)).scalar_subquery().label("changes"),
        select(func.count()).select_from(api_key).scalar_subquery().label("keys"),
    )
)
_CHANGE: Final = updating(tenant, {"tenant_id": "the_id"}, ["key_changes"], plus="key_changes")
_TENANTS: Final = Query(
    select(tenant.c.tenant_id, tenant.c.name, tenant.c.created_at, tenant.c.disabled_at).order_by(tenant.c.tenant_id)
)
_NEW_TENANT: Final = inserting(tenant, without=["key_changes"])
_DISABLE: Final = updating(tenant, {"tenant_id": "the_id"}, ["disabled_at"])


class SqlApiKeys:
    """API keys inside one transaction."""

    def __init__(self, run: Run) -> None:
        """`run` is that of the transaction."""
        self._run = run

    async def begin_change(self, tenant_id: TenantId) -> bool:
        """Locks the row of the tenant."""
        return await self._run(_begin_change, tenant_id)

    async def all(self) -> Sequence[ApiKey]:
        """The whole table."""
        return await self._run(read_api_keys)

    async def get(self, key_id: str) -> ApiKey | None:
        """By primary key."""
        return await self._run(_get, key_id)

    async def add(self, key: ApiKey) -> None:
        """A plain insert."""
        await self._run(_add, key)

    async def end(self, key_id: str, ends_at: int) -> None:
        """By primary key."""
        await self._run(_end, key_id, ends_at)

    async def delete(self, key_ids: Sequence[str]) -> int:
        """By primary key."""
        return await self._run(_delete, key_ids) if key_ids else 0

    async def used(self, key_ids: Sequence[str], at: int) -> None:
        """By primary key, in its order, so that two processes do not wait for each other."""
        await self._run(_used, sorted(key_ids), at)


class SqlTenants:
    """Tenants inside one transaction."""

    def __init__(self, run: Run) -> None:
        """`run` is that of the transaction."""
        self._run = run

    async def all(self) -> Sequence[Tenant]:
        """The whole table."""
        return await self._run(_tenants)

    async def add(self, new: Tenant) -> None:
        """A plain insert."""
        await self._run(_add_tenant, new)

    async def disable(self, tenant_id: TenantId, at: int | None) -> None:
        """By primary key."""
        await self._run(_disable, tenant_id, at)


class SqlApiKeyReader:
    """What is committed."""

    def __init__(self, read: Run) -> None:
        """`read` runs queries on what is committed."""
        self._read = read

    async def keys_since(self, known: KeyStamp | None) -> KeySnapshot | None:
        """The stamp is read before the keys: what is committed in between is read again the next time, and never missed."""
        return await self._read(_keys_since, known)

    async def api_keys(self, tenant_id: TenantId | None = None) -> Sequence[ApiKey]:
        """The whole table, or a walk over it: there are few, and it is for people."""
        return await self._read(read_api_keys, tenant_id)

    async def tenants(self) -> Sequence[Tenant]:
        """The whole table."""
        return await self._read(_tenants)


def _begin_change(connection: Connection, tenant_id: TenantId) -> bool:
    return _CHANGE.many(connection, [{"the_id": tenant_id, "key_changes": 1}]) > 0


def _get(connection: Connection, key_id: str) -> ApiKey | None:
    rows = _ONE.rows(connection, the_id=key_id)
    return _key_of(rows[0]) if rows else None


def _add(connection: Connection, key: ApiKey) -> None:
    row = {
        "key_id": key.key_id,
        "digest": key.digest,
        "tenant_id": key.tenant_id,
        "name": key.name,
        "scopes": " ".join(sorted(key.scopes)),
        "environment": key.environment,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "ends_at": key.ends_at,
        "rotated_from": key.rotated_from,
        "last_used_at": key.last_used_at,
    }
    _NEW.many(connection, [row])


def _end(connection: Connection, key_id: str, ends_at: int) -> None:
    _END.many(connection, [{"the_id": key_id, "ends_at": ends_at}])


def _delete(connection: Connection, key_ids: Sequence[str]) -> int:
    return _DELETE.many(connection, [{"the_id": key_id} for key_id in key_ids])


def _used(connection: Connection, key_ids: list[str], at: int) -> None:
    for start in range(0, len(key_ids), MAX_AT_ONCE):
        _USED.changed(connection, ids=key_ids[start : start + MAX_AT_ONCE], before=at, at=at)


def _keys_since(connection: Connection, known: KeyStamp | None) -> KeySnapshot | None:
    row = _STAMP.rows(connection)[0]
    stamp = KeyStamp(f"{row['changes']}/{row['keys']}")
    return None if stamp == known else KeySnapshot(stamp, read_api_keys(connection), _tenants(connection))


def read_api_keys(connection: Connection, tenant_id: TenantId | None = None) -> Sequence[ApiKey]:
    """Those of a tenant, or all, the oldest first. They are sorted here: no index has the order."""
    rows = _ALL.rows(connection) if tenant_id is None else _OF_TENANT.rows(connection, the_tenant=tenant_id)
    return sorted((_key_of(row) for row in rows), key=lambda key: (key.created_at, key.key_id))


_KNOWN: Final = {scope.value: scope for scope in Scope}


@lru_cache(maxsize=1_000)
def _scopes(names: str) -> frozenset[Scope]:
    """A scope that this version does not know is one that its key does not have. Few texts serve many keys."""
    return frozenset([_KNOWN[name] for name in names.split() if name in _KNOWN])


def _key_of(row: Mapping[str, Any]) -> ApiKey:
    return ApiKey(
        row["key_id"],
        row["digest"],
        TenantId(row["tenant_id"]),
        row["name"],
        _scopes(row["scopes"]),
        row["environment"],
        row["created_at"],
        row["expires_at"],
        row["ends_at"],
        row["rotated_from"],
        row["last_used_at"],
    )


def _tenants(connection: Connection) -> Sequence[Tenant]:
    return [
        Tenant(TenantId(row["tenant_id"]), row["name"], row["created_at"], row["disabled_at"])
        for row in _TENANTS.rows(connection)
    ]


def _add_tenant(connection: Connection, new: Tenant) -> None:
    row = {
        "tenant_id": new.tenant_id,
        "name": new.name,
        "created_at": new.created_at,
        "disabled_at": new.disabled_at,
    }
    _NEW_TENANT.many(connection, [row])


def _disable(connection: Connection, tenant_id: TenantId, at: int | None) -> None:
    _DISABLE.many(connection, [{"the_id": tenant_id, "disabled_at": at}])


def _conforms(
    keys: SqlApiKeys, tenants: SqlTenants, reader: SqlApiKeyReader
) -> tuple[ApiKeyRepository, TenantRepository, ApiKeyReader]:
    return keys, tenants, reader
