"""The ports for API keys and tenants: written inside a unit of work, read by every process every few seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from wework_message.domain.access.api_keys import ApiKey
from wework_message.domain.access.tenants import Tenant
from wework_message.domain.ids import TenantId

KeyStamp = NewType("KeyStamp", str)
"""What differs after every change of a key or a tenant that was begun by `begin_change`, or that made or deleted a key. Cheap to read."""


@dataclass(frozen=True, slots=True)
class KeySnapshot:
    """All keys and tenants, not older than the stamp."""

    stamp: KeyStamp
    keys: Sequence[ApiKey]
    tenants: Sequence[Tenant]


class ApiKeyRepository(Protocol):
    """API keys, inside a unit of work."""

    async def begin_change(self, tenant_id: TenantId) -> bool:
        """Before the keys or the state of a tenant are changed: other changes of it wait, and processes will see that there was one.

        False where there is no such tenant.
        """
        ...

    async def all(self) -> Sequence[ApiKey]:
        """All of them, the oldest first."""
        ...

    async def get(self, key_id: str) -> ApiKey | None:
        """The key with this id."""
        ...

    async def add(self, key: ApiKey) -> None:
        """Store a new one; raises `ConflictError` where there is a key with its id."""
        ...

    async def end(self, key_id: str, ends_at: int) -> None:
        """Give it an end (epoch ms) by rotation."""
        ...

    async def delete(self, key_ids: Sequence[str]) -> int:
        """Delete them; how many there were."""
        ...

    async def used(self, key_ids: Sequence[str], at: int) -> None:
        """They were used not later than `at` (epoch ms), and a later time stays: one statement for all, and no change of the stamp."""
        ...


class TenantRepository(Protocol):
    """Tenants, inside a unit of work."""

    async def all(self) -> Sequence[Tenant]:
        """All of them by id."""
        ...

    async def add(self, tenant: Tenant) -> None:
        """Store a new one; raises `ConflictError` where there is a tenant with its id."""
        ...

    async def disable(self, tenant_id: TenantId, at: int | None) -> None:
        """Disabled since `at` (epoch ms); None = not any more."""
        ...


class ApiKeyReader(Protocol):
    """What is committed, without waiting for writers."""

    async def keys_since(self, known: KeyStamp | None) -> KeySnapshot | None:
        """All keys and tenants; None where the stamp is `known` still, which is all that is read then."""
        ...

    async def api_keys(self, tenant_id: TenantId | None = None) -> Sequence[ApiKey]:
        """The keys of a tenant, or of all, the oldest first, also those that have ended: at most a little more than `MAX_KEYS`."""
        ...

    async def tenants(self) -> Sequence[Tenant]:
        """All tenants by id."""
        ...
