"""Whose a stored callback is: of the tenant that has, or had, its instance; of an instance that nobody has had, the operator's.

A guid never goes from one tenant to another, so the rows of callbacks need no tenant of their own.
"""

from typing import Final

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from wework_message.adapters.sql.core.index_hints import by_index
from wework_message.adapters.sql.core.prepared import Query
from wework_message.adapters.sql.mapping.tables import binding, callback
from wework_message.domain.access.ownership import is_operator
from wework_message.domain.ids import DEFAULT_TENANT, Guid, TenantId

_TENANTS: Final = Query(
    by_index(select(binding.c.tenant_id).where(binding.c.guid == bindparam("the_guid")), binding, "ix_wm_binding_guid")
)

OWNER: Final[ColumnElement[str]] = func.coalesce(
    select(binding.c.tenant_id)
    .where(binding.c.provider_code == callback.c.provider_code, binding.c.guid == callback.c.guid)
    .correlate(callback)
    .scalar_subquery(),
    DEFAULT_TENANT,
)
"""The tenant of a row of `wm_callback`. No EXISTS: a database might join, and read the bindings first."""


def of_tenant(tenant_id: TenantId) -> ColumnElement[bool]:
    """Whether a row of `wm_callback` is the tenant's."""
    owner = OWNER
    return owner == tenant_id


def may_have(connection: Connection, tenant_id: TenantId | None, guid: Guid | None) -> bool:
    """Whether callbacks of this guid may be the tenant's: else none of them is looked at, however many there are."""
    if tenant_id is None or guid is None:
        return True
    tenants = {row["tenant_id"] for row in _TENANTS.rows(connection, the_guid=guid)}
    return tenant_id in tenants or (not tenants and is_operator(tenant_id))
