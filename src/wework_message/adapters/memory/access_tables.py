"""The tables of who may call."""

from wework_message.adapters.memory.table import Table
from wework_message.domain.access.api_keys import ApiKey
from wework_message.domain.access.tenants import Tenant
from wework_message.domain.ids import DEFAULT_TENANT, TenantId


class AccessTables:
    """Keys and tenants; `default` is there from the beginning."""

    def __init__(self) -> None:
        """No keys."""
        self.api_keys: Table[str, ApiKey] = Table()
        self.tenants: Table[TenantId, Tenant] = Table()
        self.tenants.put(DEFAULT_TENANT, Tenant(DEFAULT_TENANT, DEFAULT_TENANT, created_at=0))
        self.tenants.commit()
        self.key_changes: Table[TenantId, int] = Table()
        """Changes of keys and state, by tenant."""
